"""Fixtures of the faults' tests: a real PostgreSQL, as tests/postgres.py describes."""

from tests.postgres import *  # noqa: F403
