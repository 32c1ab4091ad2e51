"""A database that cannot be used is one sentence: what is wrong, where, and what to do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from backend.core.errors import DatabaseError
from backend.core.migrate import migrate
from backend.core.schema import check_schema, newest_revision
from tests.postgres import Server

REPOSITORY = Path(__file__).parents[2]


async def test_the_fresh_database_is_fine(postgres_server: Server, database_name: str) -> None:
    await check_schema(postgres_server.url("kw_app", database_name))


async def test_an_older_schema_asks_for_the_upgrade(
    postgres_server: Server, database_name: str, admin: psycopg.Connection
) -> None:
    admin.execute("UPDATE alembic_version SET version_num = '0001'")
    told = f"has schema 0001, this version needs {newest_revision()}.*kilowise db upgrade"
    with pytest.raises(DatabaseError, match=told):
        await check_schema(postgres_server.url("kw_app", database_name))


async def test_a_newer_schema_is_left_alone(
    postgres_server: Server, database_name: str, admin: psycopg.Connection
) -> None:
    admin.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="schema 9999, which this version of Kilowise does not"):
        await check_schema(postgres_server.url("kw_app", database_name))
    with pytest.raises(DatabaseError, match="schema 9999, which this version of Kilowise does not"):
        migrate(postgres_server.url("kw_owner", database_name), "upgrade")


async def test_a_foreign_database_is_named(postgres_server: Server) -> None:
    with pytest.raises(DatabaseError, match=r"/postgres was not made by Kilowise.*db init"):
        await check_schema(postgres_server.url("kw_app", "postgres"))


async def test_a_database_that_is_not_there(postgres_server: Server) -> None:
    with pytest.raises(DatabaseError, match=r'"nowhere" does not exist.*KILOWISE_DATABASE_URL'):
        await check_schema(postgres_server.url("kw_app", "nowhere"))
    with pytest.raises(DatabaseError, match=r'"nowhere" does not exist.*KILOWISE_DATABASE_URL'):
        migrate(postgres_server.url("kw_owner", "nowhere"), "upgrade")


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["ingest"], {}, "No database: KILOWISE_DATABASE_URL is not set and no embedded"),
        (["ingest"], {"PORT": "http"}, "The setting PORT=http cannot be used"),
        (
            ["ingest"],
            {"KILOWISE_DATABASE_URL": "postgresql://127.0.0.1:1/kilowise"},
            "The database at 127.0.0.1:1/kilowise cannot be used: .*onnection refused",
        ),
        (
            ["db", "upgrade"],
            {"KILOWISE_DATABASE_URL": "postgresql://127.0.0.1:1/kilowise"},
            "The database at 127.0.0.1:1/kilowise cannot be used: .*onnection refused",
        ),
        (["serve"], {"PORT": "1883", "MQTT_PORT": "70000"}, "The setting MQTT_PORT=70000"),
        (["serve"], {"KILOWISE_POSTGRES_BIN": "/nowhere"}, "POSTGRES_BIN=/nowhere holds no initdb"),
    ],
)
def test_the_command_says_it_in_one_line(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], told: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "backend", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "KILOWISE_DATA": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    sentence = run.stderr.splitlines()[-1]
    assert run.returncode == 2
    assert re.search(told, sentence)
    assert "Traceback" not in run.stderr
