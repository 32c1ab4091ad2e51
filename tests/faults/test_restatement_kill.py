"""kill -9 in the middle of a restatement, of the roles and of PostgreSQL: the same figures exactly.

A plant of some months and its copy: in the copy nothing disturbs the restatements, in the plant the
process that applies them is killed at random points. Then every row is the same in both.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest

from backend.aggregation.accounts import keep_ahead
from backend.aggregation.versions import being_applied, shown
from backend.core import audit
from backend.core.db import Database, ReadSession
from backend.core.errors import Unavailable
from backend.service.restatement.rows import Row
from tests.backend.plant_accounts import DAY, Plant, every
from tests.backend.plant_versions import COLUMNS, Rows, as_of, current
from tests.backend.restatement_desk import Desk
from tests.faults.doomed_roles import Strike
from tests.postgres import NOW, MakePerson, MakeProject, Server, copied

START = datetime(2026, 1, 26, tzinfo=UTC)
DAYS = 46
HOUR = timedelta(hours=1)
PATIENCE_S = 240.0
SEED = 1
A_PART = -1
"""What a reader sees that is no version."""
RATIO = {"wrong_ct": "150/5", "right_ct": "200/5", "since": "2026-01-28T00:00:00+08:00"}
FACTOR: dict[str, object] = {
    "energy": "electricity", "substance": "kgce", "basis": "calorific", "value": "0.5",
    "since": "2026-03-08T00:00:00+08:00", "source": "GB/T 2589",
}  # fmt: skip
LEFT_BEHIND = {
    "account": "*",
    "account_history": "*",
    "register_judgement": "*",
    "register_event": "point_id, kind, ts, until_ts, factor, note, restatement_id, revoked_at",
    "factor": "energy, substance, basis, value, valid_from, valid_to",
    "restatement": "id, uid, version, state, difference::text, started_at, applied_at, fault::text",
    "audit": "number, hash",
    "dirty": "*",
    "stale": "*",
}
"""What has to be the same in the end, by table: all but identities that are drawn at random."""
DAYS_SHOWN = f"SELECT {COLUMNS} FROM {{accounts}} a WHERE project_id = %(project)s AND period >= 3"


@pytest.mark.long
async def test_killed_in_the_middle_of_restatements(
    database: Database,
    database_name: str,
    postgres_server: Server,
    make_project: MakeProject,
    make_person: MakePerson,
    tmp_path: Path,
) -> None:
    plant = Plant(database, await make_project("works"))
    desk, rows = await made(plant, make_person)
    await database.close()
    with copied(postgres_server, database_name) as name:
        async with Database(lambda role: postgres_server.url(role, name)) as other:
            undisturbed = Desk(Plant(other, plant.tenant), desk.alice, desk.bob)
            wanted = await undisturbed_course(undisturbed, rows)
    roles = Roles(postgres_server.url("kw_app", database_name), tmp_path)
    async with looking(desk, wanted.shown) as seen:
        await disturbed_course(desk, rows, roles, seen)
    assert seen.whole == [0, 1, 2], "each version was seen, as a whole, one after the other"
    assert seen.while_applying > 0
    for version, due in enumerate(wanted.all):
        assert await as_of(plant, version) == due, version
    assert await left_behind(plant) == wanted.left
    async with database.read(plant.project) as tx:
        assert await audit.broken(tx, plant.project) is None


async def made(plant: Plant, make_person: MakePerson) -> tuple[Desk, list[Row]]:
    """Three registers, a virtual meter and two places; a ratio and a factor to restate."""
    people = [await make_person(name, plant.tenant, role="manager") for name in ("alice", "bob")]
    desk = Desk(plant, *people)
    await plant.factor("kgce", "0.1229", START - DAY)
    desk.meters = [await plant.meter(max_gap_s=3600) for _ in range(3)]
    site = await plant.node({await plant.virtual("all", "m1 + 2 * m2 - m3"): 1})
    await plant.node(dict.fromkeys(desk.meters[:2], 1), site)
    for number, meter in enumerate(desk.meters):
        counts = [60.0 * n + n * (7 + number) % 53 for n in range(24 * DAYS)]
        await plant.store(meter, every(START, HOUR, counts))
    async with plant.database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW)
    await plant.settle()
    ratio = RATIO | {"meter": await desk.meter_id(desk.meters[0])}
    rows = [await desk.propose("ratio", ratio), await desk.propose("factor", FACTOR)]
    return desk, [await desk.measured(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What nothing disturbed: every account and the days shown of each version, and every row."""

    all: Sequence[Rows]
    shown: Sequence[Rows]
    left: dict[str, list[str]]


async def undisturbed_course(desk: Desk, rows: Sequence[Row]) -> Wanted:
    """Apply one restatement after the other, step by step."""
    ratio, factor = rows
    versions, days = [await current(desk.plant)], [await days_shown(desk.plant)]
    for row in (ratio, await desk.row(factor)):
        if not (await desk.row(row)).measured:
            await desk.measured(row)
        await desk.applied(row)
        versions.append(await current(desk.plant))
        days.append(await days_shown(desk.plant))
    return Wanted(versions, days, await left_behind(desk.plant))


async def days_shown(plant: Plant) -> Rows:
    """What readers see of days, weeks, months, years and shifts."""
    async with plant.database.read(plant.project) as tx:
        return await read_days(tx, plant.project)


async def read_days(tx: ReadSession, project_id: int) -> Rows:
    where = await shown(tx, project_id)
    keys = {"project": project_id, "as_of": where.as_of}
    return set(await tx.fetch_tuples(where.sql(DAYS_SHOWN), keys))


async def left_behind(plant: Plant) -> dict[str, list[str]]:
    """Every row by its table, as text."""
    found = {}
    async with plant.database.read(plant.project) as tx:
        for table, columns in LEFT_BEHIND.items():
            sql = f"SELECT r::text FROM (SELECT {columns} FROM {table} WHERE project_id = %s) r"
            rows = await tx.fetch_tuples(sql.encode(), (plant.project,))
            found[table] = sorted(row[0] for row in rows)
    return found


@dataclass(slots=True)
class Seen:
    """Which versions a reader saw, each as a whole, and how often while one was applied."""

    whole: list[int] = field(default_factory=list)
    while_applying: int = 0


@asynccontextmanager
async def looking(desk: Desk, versions: Sequence[Rows]) -> AsyncIterator[Seen]:
    """Read again and again meanwhile, and once more at the end."""
    seen = Seen()
    plant = desk.plant

    async def look() -> None:
        async with plant.database.read(plant.project) as tx:
            applying = await being_applied(tx, plant.project)
            days = await read_days(tx, plant.project)
        found = versions.index(days) if days in versions else A_PART
        seen.while_applying += applying is not None
        if seen.whole[-1:] != [found]:
            seen.whole.append(found)

    async def look_for_ever() -> None:
        while True:
            with suppress(psycopg.OperationalError, Unavailable):
                await look()
            await asyncio.sleep(0.1)

    reading = asyncio.create_task(look_for_ever())
    try:
        yield seen
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    await look()


@dataclass(frozen=True, slots=True)
class Roles:
    """Starts the process that applies restatements of a database, one at a time."""

    url: str
    folder: Path

    @asynccontextmanager
    async def working(self, *strikes: Strike) -> AsyncIterator[Process]:
        """It works, until a strike of its own or the end of the block ends it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.doomed_roles", self.url, NOW.isoformat(),
            str(self.folder), *map(str, strikes),
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def killed(self, *strikes: Strike) -> None:
        """It works until the last of the strikes has killed it."""
        async with self.working(*strikes) as process, asyncio.timeout(PATIENCE_S):
            assert await process.wait() == -signal.SIGKILL


async def disturbed_course(desk: Desk, rows: Sequence[Row], roles: Roles, seen: Seen) -> None:
    """Apply one restatement after the other while the process dies again and again."""
    ratio, factor = rows
    draw = Random(SEED)
    await desk.approve(ratio)
    await roles.killed(Strike("role", 1, draw.randint(0, 9), "SET state = 'applying'"))
    for _ in range(2):
        await roles.killed(anywhere(draw, "role"))
    seal = Strike("role", 1, draw.randint(0, 9), "SET state = 'applied'")
    await roles.killed(anywhere(draw, "server"), seal)
    await roles.killed(Strike("role", 1, 0, "DELETE FROM dirty WHERE project_id = %s AND point_id"))
    async with roles.working():
        await until(lambda: measured(desk, factor))
        await until(lambda: is_seen(seen, 1))
        await desk.approve(factor)
        await until(lambda: is_seen(seen, 2))


def anywhere(draw: Random, victim: str) -> Strike:
    """A kill within the first bites of accounting, some milliseconds after a statement was sent."""
    return Strike(victim, draw.randint(20, 150), draw.randint(0, 20))


async def measured(desk: Desk, row: Row) -> bool:
    return (await desk.row(row)).measured


async def is_seen(seen: Seen, version: int) -> bool:
    return seen.whole[-1:] == [version]


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something; the database may be away for a while."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(psycopg.OperationalError, Unavailable):
                if await met():
                    return
            await asyncio.sleep(0.05)
