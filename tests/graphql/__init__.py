"""Tests: graphql."""
