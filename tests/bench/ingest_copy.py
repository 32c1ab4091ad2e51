"""Storage ingest: our store against psql \\copy, same rows, same table, same run, turn by turn.

Ours does more per batch: last values, dirty ranges, a NOTIFY and a commit of its own. A rollup of
another project works beside both all the time.
"""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg

from backend.acquisition.batch import Batch, Row
from backend.acquisition.ingest import MAX_ROWS
from backend.acquisition.store import store
from backend.core.clock import ManualClock
from backend.core.db import Database
from tests.bench.rollup_beside import rollup_beside
from tests.bench.server import BenchServer, bench_server, figure, run

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
MONTH = "reading_2026_04"
MS = int(datetime(2026, 4, 2, tzinfo=UTC).timestamp() * 1000)
"""In a month of its own, which is emptied as a whole; the rollup beside works in March."""
PROJECT = 77
POINTS = 1000
INSTANTS = 200
ROUNDS = 7


def rows(project: int) -> list[Row]:
    """What 1,000 points send in 200 instants, in the order in which it arrives."""
    return [
        Row(project, point, MS - instant * 1000, 1000.5 + instant * 0.25, 0)
        for instant in range(INSTANTS, 0, -1)
        for point in range(1, POINTS + 1)
    ]


def batches(all_rows: list[Row], project: int) -> Iterator[Batch]:
    """Batches as ingest makes them; every tenth point is a register."""
    registers = {(project, point) for point in range(1, POINTS + 1, 10)}
    gateways = {(project, point): 1 for point in range(1, POINTS + 1)}
    for start in range(0, len(all_rows), MAX_ROWS):
        yield Batch(all_rows[start : start + MAX_ROWS], registers, gateways)


def psql(server: BenchServer, file: Path) -> float:
    """Seconds that psql takes for \\copy of a text file."""
    command = f"\\copy reading (project_id, point_id, ts, value, quality) from '{file}'"
    began = time.perf_counter()
    subprocess.run(
        [str(server.programs / "psql"), "-q", "-d", server.url("kw_ingest"), "-c", command],
        check=True,
    )
    return time.perf_counter() - began


def write_text(file: Path, all_rows: list[Row]) -> None:
    """The rows as psql reads them."""
    with file.open("w") as stream:
        for project, point, ms, value, quality in all_rows:
            ts = datetime.fromtimestamp(ms / 1000, UTC).isoformat()
            stream.write(f"{project}\t{point}\t{ts}\t{value}\t{quality}\n")


async def ours(database: Database, made: list[Batch]) -> float:
    """Seconds that our store takes for all batches, one after the other on one connection."""
    clock = ManualClock(NOW)
    began = time.perf_counter()
    for batch in made:
        await store(database, batch, clock)
    return time.perf_counter() - began


def empty(owner: psycopg.Connection) -> None:
    """Take away what the turn before has stored."""
    owner.execute(f"TRUNCATE {MONTH}".encode())
    owner.execute("SELECT set_config('app.project', %s, false)", (str(PROJECT),))
    for table in ("last_value", "dirty"):
        owner.execute(f"DELETE FROM {table} WHERE project_id = {PROJECT}".encode())


async def main() -> list[str]:
    """Take turns on a month that is emptied before each."""
    our_times, psql_times = [], []
    with bench_server(NOW) as server:
        file = server.folder / "rows.txt"
        all_rows = rows(PROJECT)
        write_text(file, all_rows)
        owner = psycopg.connect(server.url("kw_owner"), autocommit=True)
        with owner:
            async with server.database() as database:
                await ours(database, list(batches(rows(PROJECT)[:MAX_ROWS], PROJECT)))
                async with rollup_beside(server):
                    for _ in range(ROUNDS):
                        empty(owner)
                        psql_times.append(await asyncio.to_thread(psql, server, file))
                        empty(owner)
                        our_times.append(await ours(database, list(batches(all_rows, PROJECT))))
    count = len(all_rows)
    rate, against = count / median(our_times), count / median(psql_times)
    return [
        figure(
            "storage ingest",
            rate,
            "rows/s",
            against=f"psql \\copy {against:.0f} rows/s",
            ratio=median(theirs / mine for mine, theirs in zip(our_times, psql_times, strict=True)),
            reach=0.8,
        )
    ]


if __name__ == "__main__":
    run(main)
