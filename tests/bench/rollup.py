"""Accounting: meter-hours a second on one connection, from one-minute and quarter-hour readings.

Everything is in: claim, register engine, quarter hours with price, kgce and kgCO2, hours, days,
weeks, months and years of meters and of the nodes above them. Time is the CPU of the worker and of
its server process together (they take turns), so that other load on the machine does not count.
Growth compares the time of a meter-hour at 1,000 and 10,000 meters with that at 100. A late sample
comes an hour behind the live ones of all other meters; it takes until the site's day has it (real
time).
"""

import asyncio
import gc
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from backend.aggregation import worker
from backend.aggregation.accounts import account
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.platform import Platform
from backend.core.settings import Settings
from tests.bench.projects import Metered, make_metered_project
from tests.bench.server import bench_server, figure, run

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
METERS = 50
DAYS = 7
GROWTH = (100, 1_000, 10_000)
GROWTH_HOURS = 6
FEW = 4
"""Projects of 100 meters, because one takes a few ticks of the processes' clocks only."""
LATE = 20
END = datetime(2026, 3, 2, tzinfo=UTC)
SITE = 1_000_000
START = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=1)


async def fill(database: Database, slug: str, step: timedelta) -> int:
    """Make the usual project, all of it dirty; answer its number."""
    return await made(database, slug, step, METERS, DAYS * 24)


async def measured(
    database: Database, slug: str, step: timedelta, meters: int = METERS, hours: int = DAYS * 24
) -> float:
    """Meter-hours a second of a project whose meters are read every `step`."""
    project = await made(database, slug, step, meters, hours)
    return meters * hours / await accounted(database, project)


async def made(database: Database, slug: str, step: timedelta, meters: int, hours: int) -> int:
    """A project with readings of some hours, none of them accounted."""
    plant = Metered(
        meters,
        START,
        START + timedelta(hours=hours),
        step,
        "round(1000 * d + g * (1.7 + d %% 7), 2)",
    )
    project = await make_metered_project(database, slug, plant, NOW)
    await analysed(database)
    return project


async def analysed(database: Database) -> None:
    """Have the statistics that a project has a minute after it was made: autovacuum's.

    Without them the planner takes a new project for one row, and any index for as good as its key.
    """
    url = database.url("kw_owner")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as owner:
        await owner.execute("ANALYZE device, point, meter, node_meter")


async def accounted(database: Database, project: int) -> float:
    """CPU seconds that worker and server take until nothing is dirty."""
    seconds, done = 0.0, False
    while not done:
        async with database.project(project) as tx:
            pid = await tx.fetch_value("SELECT pg_backend_pid()", into=int)
            assert pid is not None
            began = time.process_time() + server_seconds(pid)
            done = not (await account(tx, project, NOW, SPAN)).rows
            seconds += time.process_time() + server_seconds(pid) - began
    return seconds


def server_seconds(pid: int) -> float:
    """CPU seconds of a process so far (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def grown(database: Database, meters: int) -> float:
    """Meter-hours a second of projects with so many meters, a few hours each."""
    step, times = timedelta(minutes=15), FEW if meters == GROWTH[0] else 1
    names = [f"m{meters}-{n}" for n in range(times)]
    made_of = [await made(database, name, step, meters, GROWTH_HOURS) for name in names]
    seconds = [await accounted(database, project) for project in made_of]
    return meters * GROWTH_HOURS * times / sum(seconds)


async def late(database: Database, settings: Settings) -> float:
    """Seconds from the commit of a late sample until the site's day has it; the median."""
    project = await made(database, "late", timedelta(minutes=15), METERS, 24)
    await accounted(database, project)
    platform = Platform(settings, ManualClock(NOW), database, "mqtt://127.0.0.1:1", "http://x")
    running = asyncio.create_task(worker.run(platform))
    live = asyncio.create_task(flow(database, project))
    took = []
    for i in range(LATE):
        before = await site_day(database, project)
        began = time.monotonic()
        # The register goes on by one each minute of that day: the day's sum moves.
        await put(database, project, 1, END + (i + 1) * timedelta(minutes=1), last(1) + i + 1)
        while await site_day(database, project) == before:  # noqa: ASYNC110 - other tasks' work
            await asyncio.sleep(0.005)
        took.append(time.monotonic() - began)
    for task in (running, live):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return sorted(took)[LATE // 2]


async def flow(database: Database, project: int) -> None:
    """Live samples of all other meters, every half second."""
    for n in range(100_000):
        at = END + timedelta(hours=1) + n * timedelta(seconds=1)
        for meter in range(2, METERS + 1):
            await put(database, project, meter, at, last(meter) + n / 10)
        await asyncio.sleep(0.5)


async def put(database: Database, project: int, meter: int, at: datetime, value: float) -> None:
    """One sample, as ingest stores it."""
    async with database.ingest() as tx:
        await tx.execute(
            "INSERT INTO reading (project_id, point_id, ts, value, quality)"
            " VALUES (%s, %s, %s, %s, 0)",
            (project, meter, at, value),
        )
        await tx.execute(
            "INSERT INTO dirty (project_id, point_id, first_ts, last_ts) VALUES (%s, %s, %s, %s)",
            (project, meter, at, at),
        )
        await tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(project),))


def last(meter: int) -> float:
    """What a register shows after a day of READINGS."""
    return 1000 * meter + 96 * (1.7 + meter % 7)


async def site_day(database: Database, project: int) -> int:
    """The site's quantity of the late sample's day."""
    async with database.read(project) as tx:
        found = await tx.fetch_value(
            "SELECT qty FROM account WHERE project_id = %s AND scope = 2 AND scope_id = %s"
            " AND energy = 'electricity' AND period = 3 AND start_ts = '2026-03-01 16:00+00'",
            (project, SITE),
            into=int,
        )
    return found or 0


async def main() -> list[str]:
    """The lines of this benchmark."""
    gc.set_threshold(*worker.COLLECT)
    with bench_server(NOW) as server:
        async with server.database() as database:
            await measured(database, "warm", timedelta(minutes=15))
            fine = await measured(database, "fine", timedelta(minutes=1))
            coarse = await measured(database, "coarse", timedelta(minutes=15))
            few, *rates = [await grown(database, meters) for meters in GROWTH]
            seconds = await late(database, Settings(data=server.folder))
    unit = "meter-hours/s"
    return [
        figure("rollup from 1-min readings", fine, unit, ratio=None, reach=5000),
        figure("rollup from 15-min readings", coarse, unit, ratio=None, reach=5000),
        *(
            figure(
                f"rollup of {meters} meters",
                rate,
                unit,
                against="100 meters",
                ratio=rate / few,
                reach=0.8,
            )
            for meters, rate in zip(GROWTH[1:], rates, strict=True)
        ),
        figure("late sample in the tree", seconds, "s", ratio=None, reach=1, at_most=True),
    ]


if __name__ == "__main__":
    run(main)
