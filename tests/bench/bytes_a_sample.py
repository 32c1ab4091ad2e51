"""Bytes of a raw sample: in `reading` with its key, and in the arrays that closed days become.

A day of a register and of a power as meters show them (0.01 kWh, 0.1 kW), every quarter hour and
every minute, of 40 points each. Sizes are those of tables and indexes together, after VACUUM FULL.
"""

from datetime import UTC, datetime, timedelta

import psycopg

from backend.acquisition.cold import compact
from backend.core.db import Database
from tests.bench.server import BenchServer, bench_server, figure, run

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
SINCE = datetime(2026, 1, 10, tzinfo=UTC)
DAYS, POINTS = 20, 40
HOT, COLD = 105.0, 6.0
_ROWS = """
INSERT INTO reading (project_id, point_id, ts, value, quality)
SELECT 1, p, t, CASE p %% 2 WHEN 0 THEN round((1000 * p + sum(round((random() * 40)::numeric, 2))
    OVER (PARTITION BY p ORDER BY t)), 2) ELSE round((200 + 50 * random())::numeric, 1) END, 0
FROM generate_series(1, %(points)s::int) p,
     generate_series(%(since)s::timestamptz, %(until)s::timestamptz - interval '1 s', %(step)s) t
"""


def size(owner: psycopg.Connection, table: str) -> int:
    """Bytes of a table with its indexes, TOAST and partitions."""
    owner.execute(f"VACUUM FULL {table}".encode())
    found = owner.execute(
        "SELECT coalesce(sum(pg_total_relation_size(relid)),"
        " pg_total_relation_size(%(t)s::regclass)) FROM pg_partition_tree(%(t)s::regclass)",
        {"t": table},
    ).fetchone()
    assert found is not None
    return int(found[0])


async def measured(server: BenchServer, database: Database, step: timedelta) -> tuple[float, float]:
    """Bytes a sample, hot and cold, of readings every `step`."""
    keys = {"points": POINTS, "since": SINCE, "until": SINCE + timedelta(days=DAYS), "step": step}
    with psycopg.connect(server.url("kw_owner"), autocommit=True) as owner:
        owner.execute("TRUNCATE reading, reading_day")
        empty = size(owner, "reading"), size(owner, "reading_day")
        async with database.ingest() as tx:
            count = await tx.execute(_ROWS.encode(), keys)
        hot = size(owner, "reading") - empty[0]
        assert await compact(database, 1, NOW) == count
        return hot / count, (size(owner, "reading_day") - empty[1]) / count


async def main() -> list[str]:
    """The lines of this benchmark."""
    lines = []
    with bench_server(NOW) as server:
        async with server.database() as database:
            for step in (timedelta(minutes=15), timedelta(minutes=1)):
                hot, cold = await measured(server, database, step)
                name = f"bytes a raw sample every {step // timedelta(minutes=1)} min"
                for state, found, reach in (("hot", hot, HOT), ("cold", cold, COLD)):
                    lines.append(
                        figure(
                            f"{name}, {state}",
                            found,
                            "bytes",
                            against="MyEMS 107-151 B",
                            ratio=None,
                            reach=reach,
                            at_most=True,
                        )
                    )
    return lines


if __name__ == "__main__":
    run(main)
