"""A backlog: nodes wait, nothing is lost when a worker dies, several processes at once."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from backend.aggregation import progress
from backend.aggregation.calendar import Period
from backend.aggregation.progress import Progress, read_progress
from backend.core.db import Database
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.backend.rollup_sums import levels_agree, nodes_agree, read_members, read_rows
from tests.postgres import NOW, MakeProject, Server

KWH = 10**6
MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 8, 16, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 12, 16, tzinfo=UTC)
WORKER = """
import asyncio, os, signal, sys
from datetime import datetime
from pathlib import Path
from backend.aggregation import accounts, worker
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.platform import Platform
from backend.core.settings import Settings

url, now, die = sys.argv[1:]
if die == "die":  # quarter hours are written and nothing above them is
    accounts.make_pending = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

async def main():
    clock = ManualClock(datetime.fromisoformat(now))
    async with Database(lambda role: url) as database:
        settings = Settings(data=Path("/nonexistent"))
        await worker.run(Platform(settings, clock, database, "mqtt://127.0.0.1:1", "http://x"))

asyncio.run(main())
"""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def progress_of(plant: Plant) -> Progress:
    """How far a plant's accounts are."""
    async with plant.database.read(plant.project) as tx:
        return await read_progress(tx, plant.project)


@pytest.mark.parametrize("wait", [timedelta(hours=1), timedelta(0)])
async def test_nodes_wait_while_a_backlog_lasts(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, wait: timedelta
) -> None:
    monkeypatch.setattr(progress, "DEBOUNCE", wait)
    meter = await plant.meter(resolution=1.0)
    twice = await plant.virtual("twice", "m1 * 2")
    node = await plant.node({meter: 1, twice: 1})
    await plant.store(meter, every(START, HOUR, [float(i) for i in range(97)]))
    before = await progress_of(plant)
    assert (before.ranges, before.hours, before.rows_per_s) == (1, 96.0, 0.0)
    assert before.oldest_s is not None
    steps = []
    while (await plant.work(DAY)).rows:
        days = [len(await plant.accounts(*whose, Period.DAY)) for whose in
                ((1, meter.id), (1, twice.id), (2, node))]  # fmt: skip
        steps.append(days)
    if wait:
        # The last bite ends the backlog of readings; what waited follows in it.
        assert steps == [[2, 0, 0], [3, 0, 0], [4, 0, 0], [4, 4, 4]]
    else:
        assert steps == [[2, 0, 0], [3, 3, 3], [4, 3, 3], [4, 4, 4]]
    assert [row[1] for row in await plant.accounts(2, node, Period.DAY)] == [72 * KWH] * 4
    levels_agree(await read_rows(plant))
    left = await progress_of(plant)
    assert (left.ranges, left.hours, left.oldest_s) == (0, 0.0, None)
    assert left.rows_per_s > 0


async def test_what_waits_is_worked_off_without_a_backlog(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    node = await plant.node({meter: 1})
    await plant.store(meter, every(START, HOUR, [float(i) for i in range(49)]))
    # The first transaction leaves a day of readings and its nodes; nothing newer arrives.
    await plant.work(DAY)
    assert await plant.accounts(2, node, Period.DAY) == []
    assert await plant.settle(DAY) == 1
    assert [row[1] for row in await plant.accounts(2, node, Period.DAY)] == [24 * KWH] * 2


@asynccontextmanager
async def processes(
    server: Server, database: str, *ways: str
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Real aggregate processes; `die` among the ways is one that kills itself at work."""
    url = server.url("kw_app", database)
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, url, NOW.isoformat(), way
        )
        for way in ways
    ]
    try:
        yield running
    finally:
        for one in running:
            if one.returncode is None:
                one.kill()
            await one.wait()


async def made(
    database: Database, make_project: MakeProject, slug: str
) -> tuple[Plant, list[Metered]]:
    """A plant with three meters, a virtual one and a small tree."""
    plant = Plant(database, await make_project(slug))
    meters = [await plant.meter(resolution=1.0) for _ in range(3)]
    rest = await plant.virtual("rest", "m1 - m2")
    site = await plant.node({meters[0]: 1})
    await plant.node({meters[1]: 1, meters[2]: -1, rest: 3}, parent=site)
    return plant, meters


async def idle(plants: list[Plant]) -> None:
    """Wait until nothing is left to account; the test's time-out ends what never comes."""
    for plant in plants:
        while (await progress_of(plant)).ranges:  # noqa: ASYNC110 - other processes' work
            await asyncio.sleep(0.05)


@pytest.mark.long
async def test_several_processes_and_a_dying_one_lose_and_double_nothing(
    database: Database, make_project: MakeProject, postgres_server: Server, database_name: str
) -> None:
    works = [await made(database, make_project, slug) for slug in ("a", "b", "c")]
    plants = [plant for plant, _ in works]
    async with processes(postgres_server, database_name, "die", "live", "live") as running:
        for i in range(6):
            for plant, meters in works:
                for n, meter in enumerate(meters):
                    rows = every(
                        START + i * HOUR, 15 * MIN, [(n + 1) * (4.0 * i + j) for j in range(5)]
                    )
                    await plant.store(meter, rows)
            if i == 3:
                for plant, meters in works:
                    late = every(LONG_AGO, 15 * MIN, [-9.0 + j for j in range(5)])
                    await plant.store(meters[2], late)
        assert await running[0].wait() == -signal.SIGKILL
        await idle(plants)
        assert [one.returncode for one in running[1:]] == [None, None]
    for plant, meters in works:
        accounts = await read_rows(plant)
        levels_agree(accounts)
        nodes_agree(accounts, await read_members(plant))
        days = [sum(r[1] for r in await plant.accounts(1, m.id, Period.YEAR)) for m in meters]
        # The third meter goes on from -9 in January to 72 in March.
        assert days == [24 * KWH, 48 * KWH, (9 + 72) * KWH]
        long = await plant.accounts(1, meters[2].id, Period.MONTH)
        assert len(long) == 3
