"""The tenancy door: one project at a time, nobody commits but the door, events after commit."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import psycopg
import pytest

from backend.core.db import Database
from backend.core.errors import Unavailable
from tests.postgres import NOW, Actor, Server

INSERT = (
    "INSERT INTO node (project_id, uid, slug, kind, name, position)"
    " VALUES (%s, gen_random_uuid(), %s, 'site', '{}', 0)"
)


@dataclass(frozen=True, slots=True)
class Place:
    slug: str
    kind: str


@pytest.mark.both_postgres
async def test_a_project_sees_only_its_own_rows(
    database: Database, alice: Actor, charlie: Actor
) -> None:
    for actor in (alice, charlie):
        async with database.project(actor.tenant.id) as tx:
            assert await tx.execute(INSERT, (actor.tenant.id, actor.login)) == 1
    async with database.read(alice.tenant.id) as read:
        assert await read.fetch_all("SELECT slug, kind FROM node") == [
            {"slug": "alice", "kind": "site"}
        ]
        assert await read.fetch_all("SELECT slug, kind FROM node", into=Place) == [
            Place("alice", "site")
        ]
        assert await read.fetch_one("SELECT slug FROM node WHERE slug = 'charlie'") is None
        assert await read.fetch_value("SELECT count(*) FROM node", into=int) == 1
    async with database.platform_read() as read:
        assert await read.fetch_tuples("SELECT slug FROM node") == []


async def test_a_row_of_another_project_is_refused(
    database: Database, alice: Actor, charlie: Actor
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        async with database.project(alice.tenant.id) as tx:
            await tx.execute(INSERT, (charlie.tenant.id, "smuggled"))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        async with database.platform() as tx:
            await tx.execute(INSERT, (alice.tenant.id, "no project set"))
    async with database.read(charlie.tenant.id) as read:
        assert await read.fetch_all("SELECT slug FROM node") == []


async def test_the_project_does_not_stay_on_the_connection(
    postgres_server: Server, database_name: str, alice: Actor, database: Database
) -> None:
    async with Database(
        lambda role: postgres_server.url(role, database_name), max_size=1
    ) as single:
        async with single.project(alice.tenant.id) as tx:
            await tx.execute(INSERT, (alice.tenant.id, "one"))
        async with single.platform_read() as read:
            assert await read.fetch_all("SELECT slug FROM node") == []


async def test_a_read_session_cannot_write(database: Database, alice: Actor) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        async with database.read(alice.tenant.id) as read:
            await read.fetch_all(INSERT + " RETURNING id", (alice.tenant.id, "sly"))


async def test_after_commit_runs_only_when_committed(database: Database, alice: Actor) -> None:
    told: list[str] = []

    async def seen_by_others() -> None:
        async with database.read(alice.tenant.id) as read:
            rows = await read.fetch_tuples("SELECT slug FROM node ORDER BY slug")
        told.extend(str(row[0]) for row in rows)

    async def fail() -> None:
        async with database.project(alice.tenant.id) as tx:
            await tx.execute(INSERT, (alice.tenant.id, "lost"))
            tx.after_commit(seen_by_others)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert told == []
    async with database.project(alice.tenant.id) as tx:
        await tx.execute(INSERT, (alice.tenant.id, "kept"))
        tx.after_commit(seen_by_others)
        assert told == []
    assert told == ["kept"]


async def test_a_swallowed_error_is_no_success(database: Database, alice: Actor) -> None:
    async def swallow() -> None:
        async with database.project(alice.tenant.id) as tx:
            await tx.execute(INSERT, (alice.tenant.id, "before"))
            with suppress(psycopg.errors.UndefinedTable):
                await tx.execute("SELECT * FROM no_such_table")

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        await swallow()
    async with database.read(alice.tenant.id) as read:
        assert await read.fetch_all("SELECT slug FROM node") == []


async def test_connections_that_died_are_replaced(
    database: Database, alice: Actor, admin: psycopg.Connection
) -> None:
    async with database.read(alice.tenant.id) as read:
        await read.fetch_value("SELECT 1", into=int)
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'kw_app'"
    )
    async with database.read(alice.tenant.id) as read:
        assert await read.fetch_value("SELECT 2", into=int) == 2


async def test_a_changed_schema_costs_at_most_one_transaction(
    postgres_server: Server, database_name: str, alice: Actor, admin: psycopg.Connection
) -> None:
    """Both connections have the statement prepared; the first that fails renews both."""
    select = "SELECT * FROM node WHERE project_id = %s"
    url = postgres_server.url
    async with Database(lambda role: url(role, database_name), max_size=2) as database:
        async with database.read(alice.tenant.id) as one, database.read(alice.tenant.id) as two:
            for _ in range(8):  # often enough to be prepared on the server
                await one.fetch_all(select, (alice.tenant.id,))
                await two.fetch_all(select, (alice.tenant.id,))
        admin.execute("ALTER TABLE node ADD COLUMN colour text")
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan"):
            async with database.read(alice.tenant.id) as read:
                await read.fetch_all(select, (alice.tenant.id,))
        async with database.read(alice.tenant.id) as one, database.read(alice.tenant.id) as two:
            assert await one.fetch_all(select, (alice.tenant.id,)) == []
            assert await two.fetch_all(select, (alice.tenant.id,)) == []


async def test_one_look_at_the_global_tables(
    database: Database, alice: Actor, admin: psycopg.Connection
) -> None:
    """No project is set: tenant tables are empty. A server that died costs nobody an error."""
    async with database.project(alice.tenant.id) as tx:
        await tx.execute(INSERT, (alice.tenant.id, "alice"))
    assert await database.look("SELECT slug, kind FROM node", None, into=Place) == []
    select = "SELECT slug, 'x' AS kind FROM project WHERE id = %s"
    for _ in range(2):
        found = await database.look(select, (alice.tenant.id,), into=Place)
        assert found == [Place(alice.tenant.slug, "x")]
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'kw_app'"
        )
    with pytest.raises(psycopg.errors.UndefinedTable):
        await database.look("SELECT slug, kind FROM nowhere", None, into=Place)
    assert await database.look(select, (alice.tenant.id,), into=Place) == found


@pytest.mark.both_postgres
async def test_ingest_copies_readings_of_every_project(
    database: Database, alice: Actor, charlie: Actor
) -> None:
    async with database.ingest() as tx, tx.connection.cursor() as cursor:
        copy = "COPY reading (project_id, point_id, ts, value, quality) FROM STDIN (FORMAT BINARY)"
        async with cursor.copy(copy) as rows:
            rows.set_types(["int4", "int8", "timestamptz", "float8", "int2"])
            for actor in (alice, charlie):
                await rows.write_row((actor.tenant.id, 1, NOW, 2.5, 0))
    async with database.read(charlie.tenant.id) as read:
        assert await read.fetch_tuples("SELECT * FROM reading") == [
            (charlie.tenant.id, 1, NOW, 2.5, 0)
        ]


async def test_ingest_reaches_nothing_else(database: Database) -> None:
    for table in ("person", "account", "alarm_definition", "sign_in_session"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            async with database.ingest() as tx:
                await tx.fetch_all(f"SELECT * FROM {table}")


async def test_waiting_for_a_connection_is_bounded(
    postgres_server: Server, database_name: str, alice: Actor
) -> None:
    """One connection, one may wait: the second waiter is refused at once, the first gets it."""
    url = postgres_server.url
    async with Database(
        lambda role: url(role, database_name), max_size=1, max_waiting=1
    ) as database:

        async def ask() -> int | None:
            async with database.read(alice.tenant.id) as read:
                return await read.fetch_value("SELECT 7", into=int)

        async with database.read(alice.tenant.id):
            waiter = asyncio.create_task(ask())
            await asyncio.sleep(0.1)
            with pytest.raises(Unavailable) as caught:
                await ask()
        assert await waiter == 7
        assert caught.value.error_code == "unavailable"
        assert database.refused() == 1


async def test_a_database_that_stays_away_is_unavailable(
    postgres_server: Server, alice: Actor
) -> None:
    url = postgres_server.url
    async with Database(lambda role: url(role, "nowhere"), timeout_s=0.5) as database:
        with pytest.raises(Unavailable):
            async with database.read(alice.tenant.id):
                pass
