"""One file an alarm kind: a params model and a pure evaluate."""
