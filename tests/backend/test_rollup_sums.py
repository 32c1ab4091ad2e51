"""Sums as a property: random trees, memberships and histories, accounted in any order."""

from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest

from backend.core.db import Database
from tests.backend.plant_accounts import Metered, Plant
from tests.backend.rollup_sums import (
    levels_agree,
    losses_agree,
    nodes_agree,
    read_members,
    read_rows,
    shifts_agree,
)
from tests.postgres import MakeProject

MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SHARES = ("1", "1", "1", "-1", "2", "0.5", "0.375", "-0.25", "0.1")
# Sunday 2026-03-29: clocks change in Berlin. The month's border of Shanghai is two days later.
FIRST = datetime(2026, 3, 28, 3, tzinfo=UTC)
SPAN = timedelta(days=4)


async def random_history(plant: Plant, meter: Metered, random: Random) -> None:
    """Readings of some days with gaps, dips and duplicates, in shuffled parcels."""
    at, value = FIRST + random.randrange(400) * MIN, random.randrange(1000)
    rows = []
    while at < FIRST + SPAN:
        shown = 0 if random.random() < 0.02 else value
        rows.append((at, shown / 1000))
        at += random.choice([15, 15, 5, 20, 60, 7 * 60]) * MIN
        value += random.randrange(400)
    parcels = [rows[i : i + 60] for i in range(0, len(rows), 60)]
    random.shuffle(parcels)
    for parcel in parcels:
        await plant.store(meter, parcel)
        if random.random() < 0.3:
            await plant.work(random.choice([9 * HOUR, SPAN]))
    if random.random() < 0.5:
        start = FIRST + random.random() * SPAN
        await plant.delete(meter, start, start + random.random() * SPAN / 3)


async def random_memberships(
    plant: Plant, node: int, meters: list[Metered], random: Random
) -> None:
    """Some meters with shares, now and then another share from some quarter hour on."""
    for meter in random.sample(meters, random.randint(0, 3)):
        cut = FIRST + random.randrange(int(SPAN / (15 * MIN))) * 15 * MIN
        again = random.random() < 0.3
        share = random.choice(SHARES)
        await plant.member(node, meter, share, datetime(1970, 1, 1, tzinfo=UTC), cut)
        if again:
            await plant.member(
                node, meter, random.choice(SHARES), cut + random.choice([0, 2]) * HOUR
            )


async def random_tree(plant: Plant, meters: list[Metered], random: Random) -> dict[int, int | None]:
    """Nodes, each below one that is there already; answers the node above each."""
    parents: dict[int, int | None] = {await plant.node({meters[0]: 1}): None}
    for _ in range(random.randint(2, 6)):
        above = random.choice(list(parents))
        node = await plant.node({}, parent=above)
        parents[node] = above
    for node in parents:
        await random_memberships(plant, node, meters[1:], random)
    return parents


async def random_plant(plant: Plant, seed: int) -> dict[int, int | None]:
    """A plant with three shifts from 06:00 on at its root, accounted to the end."""
    random = Random(seed)
    kinds = ["electricity", "electricity", "water"]
    meters = [
        await plant.meter(random.choice(kinds) if i else "electricity", resolution=0.001)
        for i in range(5)
    ]
    parents = await random_tree(plant, meters, random)
    zone_midnight = FIRST.replace(hour=0)
    await plant.shifts(next(iter(parents)), [zone_midnight + i * 8 * HOUR for i in range(-6, 24)])
    for meter in meters:
        await random_history(plant, meter, random)
    await plant.settle(random.choice([9 * HOUR, SPAN]))
    return parents


@pytest.mark.parametrize(
    ("zone", "start_minute", "week_start", "month_start", "seed"),
    [
        ("Asia/Shanghai", 0, 1, 1, 1),
        ("Asia/Shanghai", 480, 7, 26, 2),
        ("Asia/Kathmandu", 345, 1, 1, 3),
        ("Europe/Berlin", 0, 1, 1, 4),
        ("Europe/Berlin", 360, 4, 28, 5),
    ],
)
async def test_sums_are_equal_at_every_level(
    database: Database,
    make_project: MakeProject,
    admin: psycopg.Connection,
    zone: str,
    start_minute: int,
    week_start: int,
    month_start: int,
    seed: int,
) -> None:
    plant = Plant(database, await make_project("works", zone=zone))
    admin.execute(
        "UPDATE project SET day_start_minute = %s, week_start = %s, month_start_day = %s,"
        " year_start_month = %s WHERE id = %s",
        (start_minute, week_start, month_start, 4 if seed % 2 else 1, plant.project),
    )
    parents = await random_plant(plant, seed)
    rows = await read_rows(plant)
    levels_agree(rows)
    nodes_agree(rows, await read_members(plant))
    assert losses_agree(rows, parents) > 100
    if zone == "Asia/Shanghai":
        shifts_agree(rows, parents)
