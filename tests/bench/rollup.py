"""Accounting: meter-hours a second on one connection, from one-minute and quarter-hour readings.

Everything is in: claim, register engine, quarter hours with price, kgce and kgCO2, hours, days,
months and years of meters and of the nodes above them. Time is the CPU of the worker and of its
server process together (they take turns), so that other load on the machine does not count.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from psycopg.types.json import Jsonb

from backend.aggregation.accounts import account, keep_ahead
from backend.core.db import Database
from backend.core.ids import new_uuid
from tests.bench.server import bench_server, figure, run

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
METERS = 50
DAYS = 7
START = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=1)
YEAR = list(range(1, 13))
RULES = {
    "bands": {"peak": "1.05", "flat": "0.65", "valley": "0.31"},
    "seasons": [
        {"months": YEAR, "days": "all",
         "times": [["00:00", "08:00", "valley"], ["08:00", "18:00", "peak"],
                   ["18:00", "24:00", "flat"]]}
    ],
}  # fmt: skip
PLANT = """
INSERT INTO device (project_id, id, uid, gateway_id, slug, verified, online)
SELECT %(p)s, d, gen_random_uuid(), 1, 'd' || d, true, true FROM generate_series(1, %(n)s) d;
INSERT INTO point (project_id, id, device_id, name, kind, unit, resolution, max_gap_s)
SELECT %(p)s, d, d, 'ep_imp', 'register', 'kWh', 0.01, 900 FROM generate_series(1, %(n)s) d;
INSERT INTO meter (project_id, id, uid, slug, name, energy, device_id, register_name,
                   nameplate_per_hour, level)
SELECT %(p)s, d, gen_random_uuid(), 'm' || d, '{}', 'electricity', d, 'ep_imp', 400, 3
FROM generate_series(1, %(n)s) d;
INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)
SELECT %(p)s, 1 + d / 10, d, 1 FROM generate_series(1, %(n)s) d
UNION ALL SELECT %(p)s, 100, d, 1 FROM generate_series(1, %(n)s) d;
INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, source)
VALUES (%(p)s, 'electricity', 'kgce', 0.1229, 'calorific', '2020-01-01', 'bench'),
       (%(p)s, 'electricity', 'kgco2', 0.5306, 'location', '2020-01-01', 'bench')
"""
READINGS = """
INSERT INTO reading (project_id, point_id, ts, value, quality)
SELECT %(p)s, d, %(start)s::timestamptz + g * %(step)s::interval,
       round((1000 * d + g * (1.7 + d %% 7))::numeric, 2), 0
FROM generate_series(1, %(n)s) d, generate_series(0, %(count)s) g
"""
DIRTY = """
INSERT INTO dirty (project_id, point_id, first_ts, last_ts)
SELECT %(p)s, d, %(start)s, %(end)s FROM generate_series(1, %(n)s) d
"""


async def measured(database: Database, slug: str, step: timedelta) -> float:
    """Meter-hours a second of a project whose meters are read every `step`."""
    project = await fill(database, slug, step)
    return METERS * DAYS * 24 / await accounted(database, project)


async def fill(database: Database, slug: str, step: timedelta) -> int:
    """Make a project whose meters are read every `step`, all of it dirty; answer its number."""
    async with database.platform() as tx:
        project = await tx.fetch_value(
            "INSERT INTO project (uid, slug, name, zone, day_start_minute, currency, demo,"
            " created_at) VALUES (%s, %s, '{}', 'Asia/Shanghai', 0, 'CNY', false, %s)"
            " RETURNING id",
            (new_uuid(NOW), slug, NOW),
            into=int,
        )
    assert project is not None
    params = {
        "p": project, "n": METERS, "start": START, "end": START + DAYS * timedelta(days=1),
        "step": step, "count": DAYS * timedelta(days=1) // step,
    }  # fmt: skip
    async with database.project(project) as tx:
        for statement in PLANT.split(";\n"):
            await tx.execute(statement.encode(), params)
        await tx.execute(
            "INSERT INTO tariff (project_id, energy, name, rules, valid_from, source)"
            " VALUES (%s, 'electricity', '{}', %s, '2020-01-01', 'bench')",
            (project, Jsonb(RULES)),
        )
        await keep_ahead(tx, project, NOW)
        await tx.execute("DELETE FROM dirty WHERE project_id = %s", (project,))
    async with database.ingest() as tx:
        await tx.execute(READINGS.encode(), params)
        await tx.execute(DIRTY.encode(), params)
    return project


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


async def main() -> list[str]:
    """The two lines of this benchmark."""
    with bench_server(NOW) as server:
        async with server.database() as database:
            await measured(database, "warm", timedelta(minutes=15))
            fine = await measured(database, "fine", timedelta(minutes=1))
            coarse = await measured(database, "coarse", timedelta(minutes=15))
    unit = "meter-hours/s"
    return [
        figure("rollup from 1-min readings", fine, unit, ratio=None, reach=5000),
        figure("rollup from 15-min readings", coarse, unit, ratio=None, reach=5000),
    ]


if __name__ == "__main__":
    run(main)
