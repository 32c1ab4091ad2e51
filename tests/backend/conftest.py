"""Fixtures of the platform's tests; tests/postgres.py describes them."""

from tests.postgres import *  # noqa: F403
