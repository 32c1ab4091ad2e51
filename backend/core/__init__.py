"""What every layer stands on: settings, database, clock, errors, events, ids, texts, tables."""
