"""13 months of the demonstration's history: written, imported, accounted; measured on two months.

The newest part is hot, the older one goes into the arrays of its days as ten of eleven parts do.
CPU seconds of the writer, of the import and of accounting, each with its server process, for a day
of the older part, times the days of 13 months; two cores share them, since the three work side by
side. Of accounting alone no more than one core is used.
"""

import gc
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from backend.acquisition.bulk_import import new_job, run_part
from backend.aggregation import worker
from backend.aggregation.accounts import account, keep_ahead
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.settings import Settings
from backend.service.projects.create import create_project
from backend.service.projects.history import FILE, PART_DAYS, SLUG
from tests.bench.process import cpu_s
from tests.bench.rollup import server_seconds
from tests.bench.server import BenchServer, bench_server, figure, run

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DAYS = Settings().history_days
REACH_S = 120.0


def write(folder: Path) -> float:
    """CPU seconds in which the simulated plant writes a day of history; two parts of it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [
            *(sys.executable, "-m", "gateway", "simulate", "--data", str(folder)),
            *("--to", NOW.isoformat(), "--history", str(folder / FILE)),
            *("--days", str(2 * PART_DAYS), "--part-days", str(PART_DAYS)),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / (2 * PART_DAYS)


def server_s(server: BenchServer) -> float:
    """CPU seconds of all the server's processes that are there now."""
    with psycopg.connect(server.url("kw_backup")) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'c%'")
        return sum(cpu_s(row[0]) for row in found)


async def imported(server: BenchServer, database: Database, project: int, part: int) -> float:
    """CPU seconds of the import of one part."""
    clock = ManualClock(NOW)
    job = await new_job(database, project, FILE, NOW)
    began = time.process_time() + server_s(server)
    await run_part(database, clock, job, server.folder / f"{FILE}.{part}")
    assert job.rows_new > 0
    return time.process_time() + server_s(server) - began


async def accounted(database: Database, project: int) -> float:
    """CPU seconds of accounting until nothing waits, in bites as the worker takes them."""
    seconds, left = 0.0, True
    while left:
        async with database.project(project) as tx:
            pid = await tx.fetch_value("SELECT pg_backend_pid()", into=int)
            assert pid is not None
            began = time.process_time() + server_seconds(pid)
            done = await account(tx, project, NOW, timedelta(days=4))
            seconds += time.process_time() + server_seconds(pid) - began
        left = done.more
    return seconds


async def main() -> list[str]:
    """The lines of this benchmark."""
    gc.set_threshold(*worker.COLLECT)
    with bench_server(NOW) as server:
        writing = write(server.folder)
        async with server.database() as database:
            project = await create_project(database, ManualClock(NOW), "qichuan", SLUG)
            async with database.project(project) as tx:
                await keep_ahead(tx, project, NOW)
            await imported(server, database, project, 1)
            await accounted(database, project)
            importing = await imported(server, database, project, 2) / PART_DAYS
            accounting = await accounted(database, project) / PART_DAYS
    parts = (("write", writing), ("import", importing), ("account", accounting))
    told = ", ".join(f"{name} {DAYS * seconds:.0f} s" for name, seconds in parts)
    return [
        figure(
            f"demo history of {DAYS} days",
            DAYS * sum(seconds for _, seconds in parts) / 2,
            "s",
            against=f"CPU by two cores, measured on {2 * PART_DAYS} days: {told}",
            ratio=None,
            reach=REACH_S,
            at_most=True,
        )
    ]


if __name__ == "__main__":
    run(main)
