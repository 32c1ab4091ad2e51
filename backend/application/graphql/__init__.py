"""The GraphQL schema, one topic a file."""
