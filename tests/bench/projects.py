"""What the figures' databases begin with: a project, a person who may read it, metered plants."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from backend.aggregation.accounts import keep_ahead
from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.service.people.ready_made import make_roles
from backend.service.people.sessions import create_session

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
UNION ALL SELECT %(p)s, 1000000, d, 1 FROM generate_series(1, %(n)s) d;
INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, source)
VALUES (%(p)s, 'electricity', 'kgce', 0.1229, 'calorific', '2020-01-01', 'bench'),
       (%(p)s, 'electricity', 'kgco2', 0.5306, 'location', '2020-01-01', 'bench')
"""
READINGS = """
INSERT INTO reading (project_id, point_id, ts, value, quality)
SELECT %(p)s, d, %(start)s::timestamptz + g * %(step)s::interval, {shows}, 0
FROM generate_series(1, %(n)s) d, generate_series(0, %(count)s) g
"""
DIRTY = """
INSERT INTO dirty (project_id, point_id, first_ts, last_ts)
SELECT %(p)s, d, %(start)s, %(end)s FROM generate_series(1, %(n)s) d
"""


@dataclass(frozen=True, slots=True)
class Metered:
    """So many meters, read every `step` of a span; `shows` is SQL of meter d at its reading g."""

    meters: int
    start: datetime
    end: datetime
    step: timedelta
    shows: str


async def make_project(database: Database, slug: str, now: datetime) -> int:
    """Make a project of the plant's zone; answer its number."""
    async with database.platform() as tx:
        project = await tx.fetch_value(
            "INSERT INTO project (uid, slug, name, zone, day_start_minute, currency, demo,"
            " created_at) VALUES (%s, %s, '{}', 'Asia/Shanghai', 0, 'CNY', false, %s)"
            " RETURNING id",
            (new_uuid(now), slug, now),
            into=int,
        )
    assert project is not None
    return project


async def make_managed_project(database: Database, now: datetime) -> tuple[int, str]:
    """Make the project `bench` with a manager; answer its number and a token of hers."""
    project = await make_project(database, "bench", now)
    async with database.platform() as tx:
        person = await tx.fetch_value(
            "INSERT INTO person (uid, login, name, locale, demo, created_at)"
            " VALUES (%s, 'bench', '{}', 'en', false, %s) RETURNING id",
            (new_uuid(now), now),
            into=int,
        )
        assert person is not None
        await make_roles(tx, project)
        await tx.execute("INSERT INTO membership VALUES (%s, %s, 'manager')", (project, person))
        return project, await create_session(tx, person, now, bearer=True, user_agent=None)


async def make_metered_project(database: Database, slug: str, plant: Metered, now: datetime) -> int:
    """Make a project with places, prices, factors and readings, none of them accounted."""
    project = await make_project(database, slug, now)
    params = {
        "p": project, "n": plant.meters, "start": plant.start, "end": plant.end,
        "step": plant.step, "count": (plant.end - plant.start) // plant.step,
    }  # fmt: skip
    async with database.project(project) as tx:
        for statement in PLANT.split(";\n"):
            await tx.execute(statement.encode(), params)
        await tx.execute(
            "INSERT INTO tariff (project_id, energy, name, rules, valid_from, source)"
            " VALUES (%s, 'electricity', '{}', %s, '2020-01-01', 'bench')",
            (project, Jsonb(RULES)),
        )
        await keep_ahead(tx, project, now)
        await tx.execute("DELETE FROM dirty WHERE project_id = %s", (project,))
    async with database.ingest() as tx:
        await tx.execute(READINGS.replace("{shows}", plant.shows).encode(), params)
        await tx.execute(DIRTY.encode(), params)
    return project
