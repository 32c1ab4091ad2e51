"""A restatement of 50 meters, three months back, from one-minute and from quarter-hour readings.

A factor of all meters changes: the dry run, and from the approval until the version is visible,
with everything that is replaced kept. Told are the time that passed, and the CPU of one worker and
of its server process together (they take turns), which other load on the machine does not make
longer. The limit of both is 60 s.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from backend.aggregation.accounts import account
from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.core.partitions import keep_partitions
from backend.service.people.asker import Asker
from backend.service.restatement.decide import approve, propose
from backend.service.restatement.work import Step, step
from tests.bench.projects import Metered, make_metered_project
from tests.bench.rollup import METERS, server_seconds
from tests.bench.server import BenchServer, bench_server, figure, run

NOW = datetime(2026, 3, 31, 16, tzinfo=UTC)
DAYS = 90
START = NOW - DAYS * timedelta(days=1)
SPAN = timedelta(days=7)
LIMIT_S = 60.0
SHOWS = "(100000 * d + g * (3 + d %% 7)) / 100.0"
ASKER = Asker(1, new_uuid(NOW))
CHANGE: dict[str, object] = {
    "energy": "electricity", "substance": "kgco2", "basis": "location", "value": "0.4403",
    "since": START.isoformat(), "source": "bench",
}  # fmt: skip


async def filled(database: Database, slug: str, every: timedelta) -> int:
    """A project with three months of readings, accounted."""
    plant = Metered(METERS, START, NOW, every, SHOWS)
    project = await make_metered_project(database, slug, plant, NOW)
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
    cpu: float


async def restated(database: Database, slug: str, every: timedelta) -> tuple[Took, Took]:
    """What the dry run took, and from the approval until the version was visible."""
    project = await filled(database, slug, every)
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
    """Both clocks now."""
    async with database.read(project) as tx:
        pid = await tx.fetch_value("SELECT pg_backend_pid()", into=int)
    assert pid is not None
    return Took(time.monotonic(), time.process_time() + server_seconds(pid))


def since(began: Took, ended: Took) -> Took:
    """The difference of both clocks."""
    return Took(ended.passed - began.passed, ended.cpu - began.cpu)


def told(what: str, readings: str, took: Took) -> list[str]:
    """The lines of one step."""
    name = f"restatement {what}, {METERS} meters, 3 months, {readings} readings"
    return [
        figure(
            text,
            seconds,
            "s",
            against=f"{LIMIT_S:.0f} s",
            ratio=seconds / LIMIT_S,
            reach=1.0,
            at_most=True,
        )
        for text, seconds in ((name, took.passed), (f"{name}, CPU", took.cpu))
    ]


def partitions(server: BenchServer) -> None:
    """Have tables for all three months."""
    for month in range(1, 5):
        keep_partitions(server.url("kw_owner"), NOW - month * timedelta(days=28))


async def main() -> list[str]:
    """Four lines for each step of reading."""
    lines: list[str] = []
    with bench_server(NOW) as server:
        partitions(server)
        async with Database(server.url, max_size=1) as database:
            for name, every in (("15-min", 15), ("1-min", 1)):
                slug = f"every-{every}"
                print(f"restatement: {slug}", file=sys.stderr, flush=True)
                tried, applied = await restated(database, slug, timedelta(minutes=every))
                lines += told("dry run", name, tried) + told("applied", name, applied)
    return lines


if __name__ == "__main__":
    run(main)
