"""What ingest and rollup of the release before this schema said to the database, word for word."""
