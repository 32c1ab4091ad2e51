"""Code of the previous release goes on working on this schema: its statements, replayed."""

import base64
import json
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import UniqueViolation

from tests.backend.previous.record import ACCOUNTS
from tests.postgres import Server

pytestmark = pytest.mark.both_postgres

LINES = [
    json.loads(line)
    for line in (Path(__file__).parent / "statements.jsonl").read_text().splitlines()
]


def replay(connections: dict[str, psycopg.Connection]) -> int:
    """Say everything again in its order and by its role; answer how many statements that were."""
    count = 0
    lines = iter(LINES[:-1])
    for line in lines:
        cursor = connections[line["role"]].cursor()
        if not line["sql"].startswith("COPY"):
            cursor.execute(line["sql"].encode())
        else:
            # A COPY hits what is there already; what was said next rolls back and inserts.
            with suppress(UniqueViolation), cursor.copy(line["sql"].encode()) as copy:
                copy.write(base64.b64decode(next(lines)["copied"]))
        count += 1
    return count


def test_previous_code_accounts_the_same_on_this_schema(
    postgres_server: Server, database_name: str, admin: psycopg.Connection
) -> None:
    connections = {
        role: psycopg.connect(postgres_server.url(role, database_name), autocommit=True)
        for role in ("kw_app", "kw_ingest")
    }
    try:
        assert replay(connections) > 150
    finally:
        for connection in connections.values():
            connection.close()
    found = [[str(value) for value in row] for row in admin.execute(ACCOUNTS).fetchall()]
    assert found == LINES[-1]["accounts"]
    assert len(found) > 50
    assert admin.execute("SELECT count(*) FROM dirty").fetchone() == (0,)
