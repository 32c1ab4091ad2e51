"""The audit is appended to and never changed, and tampering is found."""

import asyncio

import psycopg
import pytest
from psycopg import errors

from backend.core.audit import Deed, broken, record
from backend.core.db import Database
from tests.postgres import NOW, MakeProject

DEED = Deed("per_anna", "command.write", "cmd_1", "waiting", 7, {"value": 40.0}, {"value": 1e-7})


async def test_entries_are_numbered_and_chained(
    database: Database, make_project: MakeProject
) -> None:
    one, other = await make_project("one"), await make_project("other")

    async def write(project: int) -> None:
        async with database.project(project) as tx:
            await record(tx, project, DEED, NOW)

    await asyncio.gather(*(write(one.id) for _ in range(5)), write(other.id))
    async with database.ingest() as ingest:
        await record(ingest, one.id, DEED, NOW)
    async with database.read(one.id) as tx:
        rows = await tx.fetch_tuples("SELECT number, old, new FROM audit ORDER BY number")
        assert rows == [(n, '{"value":40.0}', '{"value":1e-7}') for n in range(1, 7)]
        assert await broken(tx, one.id) is None


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET actor = 'per_nobody' WHERE number = 2",
        "UPDATE audit SET at = at + interval '1 microsecond' WHERE number = 2",
        "DELETE FROM audit WHERE number = 2",
    ],
)
async def test_tampering_is_found(
    database: Database, make_project: MakeProject, admin: psycopg.Connection, tampering: str
) -> None:
    project = await make_project("one")
    for _ in range(3):
        async with database.project(project.id) as tx:
            await record(tx, project.id, DEED, NOW)
    admin.execute(tampering.encode())
    async with database.read(project.id) as tx:
        assert await broken(tx, project.id) == 2


async def test_an_entry_that_was_replaced_as_a_whole_breaks_the_chain(
    database: Database, make_project: MakeProject, admin: psycopg.Connection
) -> None:
    project, other = await make_project("one"), await make_project("other")
    forged = Deed("per_nobody", DEED.action, DEED.ref, DEED.result, 7, DEED.old, DEED.new)
    async with database.project(other.id) as tx:
        await record(tx, other.id, forged, NOW)
    for _ in range(3):
        async with database.project(project.id) as tx:
            await record(tx, project.id, DEED, NOW)
    # Entry 1 with another actor and the hash that goes with it.
    admin.execute(
        "UPDATE audit a SET actor = b.actor, hash = b.hash FROM audit b"
        " WHERE a.project_id = %s AND b.project_id = %s AND a.number = 1 AND b.number = 1",
        (project.id, other.id),
    )
    async with database.read(project.id) as tx:
        assert await broken(tx, project.id) == 2


@pytest.mark.parametrize("sql", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_nobody_may_change_an_entry(
    database: Database, make_project: MakeProject, sql: str
) -> None:
    project = await make_project("one")
    with pytest.raises(errors.InsufficientPrivilege):
        async with database.project(project.id) as tx:
            await tx.execute(sql.encode())
    with pytest.raises(errors.InsufficientPrivilege):
        async with database.ingest() as ingest:
            await ingest.execute(sql.encode())
