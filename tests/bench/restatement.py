"""A restatement of 50 meters, three months back, from one-minute readings.

A factor of all meters changes: the dry run, and from the approval until the version is visible,
with everything that is replaced kept. Readings older than the hot window are arrays of their days,
as in the product, and bites are as long as the worker takes them. Told are the time that passed,
and the CPU of one worker and of its server process together (they take turns), which other load on
the machine does not make longer. The limit of both is 60 s for all of it.
"""

import gc
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from backend.acquisition.window import HOT
from backend.aggregation import worker
from backend.aggregation.accounts import account
from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.core.partitions import keep_partitions
from backend.service.people.asker import Asker
from backend.service.restatement.decide import approve, propose
from backend.service.restatement.work import Step, step
from tests.bench.projects import Metered, make_metered_project
from tests.bench.rollup import METERS, analysed, server_seconds
from tests.bench.server import BenchServer, bench_server, figure, run

NOW = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = 90
START = NOW - DAYS * timedelta(days=1)
SPAN = timedelta(days=1)
LIMIT_S = 60.0
MINUTE = timedelta(minutes=1)
SHOWS = "(100000 * d + g * (3 + d %% 7)) / 100.0"
"""What the register of meter d shows at minute g, in hundredths that fit into arrays."""
ARRAYS = """
INSERT INTO reading_day (project_id, point_id, day, count, first_ts, unit_us, base, divisor,
                         values_2)
SELECT %(p)s, d, (%(start)s::timestamptz AT TIME ZONE 'UTC')::date + n, 1440,
       %(start)s::timestamptz + n * interval '1 day', 60000000,
       100000 * d + 1440 * n * (3 + d %% 7), 100,
       0::int2 || array_fill((3 + d %% 7)::int2, ARRAY[1439])
FROM generate_series(1, %(n)s::int) d, generate_series(0, %(days)s::int - 1) n
"""
ASKER = Asker(1, new_uuid(NOW))
CHANGE: dict[str, object] = {
    "energy": "electricity", "substance": "kgco2", "basis": "location", "value": "0.4403",
    "since": START.isoformat(), "source": "bench",
}  # fmt: skip


async def filled(database: Database) -> int:
    """A project with three months of readings, accounted."""
    cold = max(timedelta(0), NOW - HOT - START)
    hot = SHOWS.replace("g *", f"(g + {cold // MINUTE}) *")
    plant = Metered(METERS, START + cold, NOW, MINUTE, hot)
    project = await make_metered_project(database, "restated", plant, NOW)
    async with database.project(project) as tx:
        keys = {"p": project, "n": METERS, "start": START, "days": cold.days}
        await tx.execute(ARRAYS, keys)
        await tx.execute("UPDATE dirty SET first_ts = %s WHERE project_id = %s", (START, project))
    await analysed(database)
    await settle(database, project)
    return project


async def settle(database: Database, project: int) -> None:
    """Account until nothing waits."""
    rows = 1
    while rows:
        async with database.project(project) as tx:
            rows = (await account(tx, project, NOW, SPAN)).rows


class Took(NamedTuple):
    """Seconds that passed, and of CPU of this process and of the one that serves its connection."""

    passed: float
    worker: float
    server: float


async def restated(database: Database) -> tuple[Took, Took]:
    """What the dry run took, and from the approval until the version was visible."""
    project = await filled(database)
    print("restatement: filled", file=sys.stderr, flush=True)
    async with database.project(project) as tx:
        row = await propose(tx, project, "factor", CHANGE, "bench", ASKER, NOW)
    began = await so_far(database, project)
    assert await step(database, project, NOW) is Step.DONE
    tried = since(began, await so_far(database, project))
    async with database.project(project) as tx:
        await approve(tx, project, row.uid, ASKER, NOW)
    began = await so_far(database, project)
    assert await step(database, project, NOW) is Step.DONE
    await settle(database, project)
    assert await step(database, project, NOW) is Step.DONE
    return tried, since(began, await so_far(database, project))


async def so_far(database: Database, project: int) -> Took:
    """The clocks now."""
    async with database.read(project) as tx:
        pid = await tx.fetch_value("SELECT pg_backend_pid()", into=int)
    assert pid is not None
    return Took(time.monotonic(), time.process_time(), server_seconds(pid))


def since(began: Took, ended: Took) -> Took:
    """The difference of the clocks."""
    return Took(*(end - begin for begin, end in zip(began, ended, strict=True)))


def told(tried: Took, applied: Took) -> list[str]:
    """The lines: of the time that passed and of CPU, each of both steps together."""
    name = f"restatement of {METERS} meters, 3 months"
    parts = (("dry run", tried), ("applied", applied))
    passed = ", ".join(f"{what} {one.passed:.1f} s" for what, one in parts)
    cpu = ", ".join(
        f"{what} {one.worker:.1f} s worker and {one.server:.1f} s server" for what, one in parts
    )
    return [
        figure(text, value, "s", against=against, ratio=None, reach=LIMIT_S, at_most=True)
        for text, value, against in (
            (name, tried.passed + applied.passed, passed),
            (f"{name}, CPU", sum(tried[1:] + applied[1:]), cpu),
        )
    ]


def partitions(server: BenchServer) -> None:
    """Have tables for all three months."""
    for month in range(1, 5):
        keep_partitions(server.url("kw_owner"), NOW - month * timedelta(days=28))


async def main() -> list[str]:
    """The lines of this benchmark."""
    gc.set_threshold(*worker.COLLECT)
    with bench_server(NOW) as server:
        partitions(server)
        async with Database(server.url, max_size=1) as database:
            return told(*await restated(database))


if __name__ == "__main__":
    run(main)
