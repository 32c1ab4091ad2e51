"""Records a small plant's work: every statement of ingest and rollup, with what came of it.

    python -m tests.backend.previous.record > tests/backend/previous/statements.jsonl

Run it in a checkout of the release whose code must go on working on the next schema. One JSON
object a line: role and SQL with its parameters pasted in, or a binary COPY, and last the accounts.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.sql import SQL

from backend.acquisition.batch import Batch, Row
from backend.acquisition.store import store
from backend.aggregation import accounts
from backend.aggregation.accounts import keep_ahead
from backend.core.clock import ManualClock
from backend.core.db import Database
from tests.backend.plant_accounts import Metered, Plant
from tests.bench.server import bench_server
from tests.postgres import NOW, add_project

MIN = timedelta(minutes=1)
START = NOW - timedelta(hours=7)
ACCOUNTS = (
    "SELECT scope, scope_id, energy, period, start_ts, end_ts, qty, estimated_qty, quality,"
    " kgce, kgco2, cost FROM account WHERE project_id = 1 AND period <= 5 ORDER BY 1, 2, 3, 4, 5"
)
RULES = {
    "bands": {"day": "0.71", "night": "0.32"},
    "seasons": [
        {"months": list(range(1, 13)), "days": "all",
         "times": [["00:00", "08:30", "night"], ["08:30", "24:00", "day"]]}
    ],
}  # fmt: skip
Written = dict[str, object]


def listen(lines: list[Written]) -> None:
    """Have every statement of this process told."""
    execute, copy = psycopg.AsyncCursor.execute, psycopg.AsyncCursor.copy
    write = psycopg.AsyncCopy.write

    async def told(self: Any, query: Any, params: Any = None, **kwargs: Any) -> Any:
        plain = psycopg.ClientCursor(self.connection).mogrify(query, params)
        lines.append({"role": self.connection.info.user, "sql": plain})
        return await execute(self, query, params, **kwargs)

    def opened(self: Any, statement: Any, params: Any = None, **kwargs: Any) -> Any:
        text = statement.decode() if isinstance(statement, bytes) else statement
        lines.append({"role": self.connection.info.user, "sql": text})
        return copy(self, statement, params, **kwargs)

    async def copied(self: Any, data: Any) -> None:
        lines.append({"copied": base64.b64encode(bytes(data)).decode()})
        await write(self, data)

    psycopg.AsyncCursor.execute = told  # type: ignore[method-assign]
    psycopg.AsyncCursor.copy = opened  # type: ignore[method-assign]
    psycopg.AsyncCopy.write = copied  # type: ignore[method-assign,assignment]


async def worked(database: Database) -> None:
    """A day of a small plant: readings by ingest, twice, late and backwards, and their accounts."""
    # A short calendar, for a short recording.
    accounts.BACK = accounts.AHEAD = timedelta(hours=12)  # type: ignore[attr-defined]
    plant = Plant(database, await add_project(database, "previous"))
    meters = [await plant.meter(resolution=0.1, modulus=1000.0), await plant.meter()]
    await plant.node({meters[0]: 1, meters[1]: -1})
    await plant.tariff(RULES, START - timedelta(days=300))
    await plant.factor("kgce", "0.1229", START - timedelta(days=300))
    async with database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW)
    clock = ManualClock(NOW)
    for hours in (range(3), range(2, 6)):
        for n, meter in enumerate(meters):
            await ingested(database, clock, meter, [START + h * 60 * MIN for h in hours], 990 + n)
        await plant.settle()
    await ingested(database, clock, meters[1], [START + 90 * MIN], 992.7)
    await plant.delete(meters[0], START + 60 * MIN, START + 60 * MIN)
    await plant.settle()


async def ingested(
    database: Database, clock: ManualClock, meter: Metered, at: list[datetime], value: float
) -> None:
    """Readings of a register, as ingest stores a batch; some are there already."""
    first = int(START.timestamp() * 1000)
    rows = [
        Row(1, meter.point, int(ts.timestamp() * 1000), (value + i) % 1000, 0)
        for ts, i in ((ts, (int(ts.timestamp() * 1000) - first) / 3_600_000 * 3) for ts in at)
    ]
    await store(database, Batch(rows, {(1, meter.point)}, {(1, meter.point): 1}), clock)


async def recorded(work: Callable[[Database], Awaitable[None]]) -> list[Written]:
    """What some work says to a fresh database, and the accounts that come of it."""
    lines: list[Written] = []
    with bench_server(NOW) as server:
        async with server.database() as database:
            listen(lines)
            await work(database)
            said = list(lines)
            async with database.read(1) as tx:
                made = await tx.fetch_tuples(SQL(ACCOUNTS))
    return [*said, {"accounts": [[str(value) for value in row] for row in made]}]


if __name__ == "__main__":
    sys.stdout.writelines(
        json.dumps(line, ensure_ascii=False) + "\n" for line in asyncio.run(recorded(worked))
    )
