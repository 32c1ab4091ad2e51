"""Tests: ingest as a Sparkplug host application, assertion by assertion."""
