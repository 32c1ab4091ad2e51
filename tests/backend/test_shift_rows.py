"""Shift rows in the database: laid, extended day by day and laid anew without holes or overlaps."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import msgspec
import pytest
from psycopg.types.json import Jsonb

from backend.aggregation.accounts import keep_ahead
from backend.aggregation.calendar import BACK, plant_time
from backend.aggregation.shift_rows import keep_shifts, lay_anew
from backend.aggregation.shifts import ready_made
from backend.core.db import Database
from backend.core.ids import new_uuid
from tests.backend.plant_accounts import Plant
from tests.postgres import NOW, MakeProject

DAY = timedelta(days=1)
BERLIN = plant_time("Europe/Berlin", 360)
TWO, FOUR = "two-shift", "four-teams-three-shifts"


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Berlin, whose clocks change two weeks after NOW."""
    return Plant(database, await make_project("works", zone="Europe/Berlin"))


async def pattern(plant: Plant, node: int, code: str, first: date, last: date | None = None) -> int:
    return await plant.one(
        "INSERT INTO shift_pattern (project_id, uid, node_id, name, rule, valid_from, valid_to,"
        " created_at) VALUES (%s, %s, %s, '{}', %s, %s, %s, %s) RETURNING id",
        new_uuid(NOW),
        node,
        Jsonb(msgspec.to_builtins(ready_made()[code][1])),
        first,
        last,
        NOW,
    )


async def stop(plant: Plant, node: int, first: date, last: date) -> None:
    await plant.one(
        "INSERT INTO operating_state (project_id, uid, node_id, state, start_ts, end_ts, first_day,"
        " last_day, created_at) VALUES (%s, %s, %s, 'stop', %s, %s, %s, %s, %s) RETURNING id",
        new_uuid(NOW),
        node,
        BERLIN.start_of(first),
        BERLIN.start_of(last + DAY),
        first,
        last,
        NOW,
    )


Rows = list[tuple[datetime, datetime, str, str, date]]


async def rows_of(plant: Plant, node: int) -> Rows:
    async with plant.database.read(plant.project) as tx:
        found = await tx.fetch_tuples(
            "SELECT start_ts, end_ts, shift, team, day FROM shift_period WHERE project_id = %s"
            " AND node_id = %s ORDER BY start_ts",
            (plant.project, node),
        )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in found]


def whole(rows: Rows) -> None:
    assert all(one[1] == other[0] for one, other in pairwise(rows))
    assert all(BERLIN.day_of(row[0]) == row[4] for row in rows)


async def keep(plant: Plant, since: datetime, until: datetime) -> None:
    async with plant.database.project(plant.project) as tx:
        await keep_shifts(tx, plant.project, BERLIN, since, until)


async def relay(plant: Plant, node: int, first: date, last: date | None = None) -> None:
    async with plant.database.project(plant.project) as tx:
        await lay_anew(tx, plant.project, BERLIN, [node], first, last)


async def test_the_role_that_accounts_extends_shifts(plant: Plant) -> None:
    node = await plant.node({})
    await pattern(plant, node, TWO, date(2020, 1, 1))
    async with plant.database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW)
    first = await rows_of(plant, node)
    assert first[0][0] <= NOW - BACK
    async with plant.database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW + DAY)
    assert (await rows_of(plant, node))[-1][1] == first[-1][1] + DAY


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_in_any_order_rows_are_those_of_one_laying(plant: Plant, seed: int) -> None:
    random = Random(seed)
    await plant.one("UPDATE project SET day_start_minute = 360 WHERE id = %s RETURNING id")
    site = await plant.node({})
    node = await plant.node({}, site)
    first = date(2026, 3, 1)
    await pattern(plant, node, random.choice([TWO, FOUR]), date(2026, 2, 1))
    at = NOW
    await keep(plant, at, at)
    for _ in range(12):
        day = first + timedelta(days=random.randrange(45))
        match random.choice(["later", "earlier", "stop", "pattern"]):
            case "later":
                at += timedelta(hours=random.randrange(60))
                await keep(plant, at, at)
            case "earlier":
                await keep(plant, BERLIN.start_of(day), at)
            case "stop":
                end = day + timedelta(days=random.randrange(4))
                await stop(plant, random.choice([site, node]), day, end)
                await relay(plant, node, day, end + DAY)
            case "pattern":
                async with plant.database.project(plant.project) as tx:
                    await tx.execute(
                        "UPDATE shift_pattern SET valid_to = %s WHERE project_id = %s"
                        " AND valid_from < %s AND coalesce(valid_to, 'infinity') > %s",
                        (day, plant.project, day, day),
                    )
                    await tx.execute(
                        "DELETE FROM shift_pattern WHERE project_id = %s AND valid_from >= %s",
                        (plant.project, day),
                    )
                await pattern(plant, node, random.choice([TWO, FOUR]), day)
                await relay(plant, node, day)
        whole(await rows_of(plant, node))
    found = await rows_of(plant, node)
    async with plant.database.project(plant.project) as tx:
        await tx.execute("DELETE FROM shift_period WHERE project_id = %s", (plant.project,))
    await keep(plant, found[0][0], found[-1][1] - timedelta(minutes=1))
    fresh = [row for row in await rows_of(plant, node) if row[0] >= found[0][0]]
    assert fresh[: len(found)] == found


async def test_without_a_pattern_of_its_own_in_force_a_node_works_by_the_one_above(
    plant: Plant,
) -> None:
    site = await plant.node({})
    line = await plant.node({}, site)
    await pattern(plant, site, FOUR, date(2026, 3, 5))
    own = await pattern(plant, line, TWO, date(2026, 3, 10), date(2026, 3, 12))
    await keep(plant, NOW - 30 * DAY, NOW + DAY)

    async def shifts(node: int) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for row in await rows_of(plant, node):
            if date(2026, 3, 4) <= row[4] <= date(2026, 3, 13):
                found.setdefault(row[4].day, []).append(row[2] or "off")
        return found

    above = await shifts(site)
    assert list(above) == [5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert above[10] == ["day", "evening", "night"]
    assert await shifts(line) == above | {
        10: ["day", "night"],
        11: ["day", "night"],
    }
    await plant.one("DELETE FROM shift_pattern WHERE project_id = %s AND id = %s RETURNING id", own)
    await relay(plant, line, date(2026, 3, 10))
    assert await rows_of(plant, line) == []


async def test_a_node_without_patterns_loses_its_rows(plant: Plant) -> None:
    node, other = await plant.node({}), await plant.node({})
    number = await pattern(plant, node, TWO, date(2026, 3, 1))
    await pattern(plant, other, TWO, date(2026, 3, 10))
    await keep(plant, NOW - 30 * DAY, NOW + DAY)
    whole(await rows_of(plant, node))
    assert (await rows_of(plant, node))[0][0] == BERLIN.start_of(date(2026, 3, 1))
    kept = await rows_of(plant, other)
    await plant.one(
        "DELETE FROM shift_pattern WHERE project_id = %s AND id = %s RETURNING id", number
    )
    async with plant.database.project(plant.project) as tx:
        await lay_anew(tx, plant.project, BERLIN, [node, other], date(2026, 3, 1))
    assert (await rows_of(plant, node), await rows_of(plant, other)) == ([], kept)
    assert kept[0][0] == datetime(2026, 3, 10, 5, tzinfo=UTC)
