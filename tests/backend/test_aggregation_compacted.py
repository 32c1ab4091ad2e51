"""Accounts from compacted days are those from readings, integer for integer."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from backend.acquisition.batch import Row
from backend.acquisition.cold import compact, join
from backend.acquisition.window import hot_since
from backend.core.db import Database
from tests.backend.plant_accounts import DAY, Metered, Plant
from tests.postgres import NOW, MakeProject

START = datetime(2026, 1, 20, tzinfo=UTC)
MIN = timedelta(minutes=1)
DAYS = 12


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


def readings(seed: int) -> list[tuple[datetime, float]]:
    """A register with dips, zeros, resets, spikes and gaps, into the hot window."""
    random = Random(seed)
    value, at, rows = 100.0, START, []
    while at < NOW - 25 * DAY:
        value += random.randrange(40) / 10
        what = random.random()
        shown = value
        if what < 0.005:
            shown = 0.0
        elif what < 0.01:
            shown = value * 0.97
        elif what < 0.012:
            value = shown = 0.3
        rows.append((at, round(shown, 1)))
        at += random.choice((5, 15, 15, 15, 60)) * MIN
        if random.random() < 0.003:
            at += timedelta(hours=random.randrange(5, 60))
    return rows


async def everything(plant: Plant, meters: list[Metered]) -> list[object]:
    """All accounts of all periods, and the judgements."""
    found: list[object] = [
        await plant.accounts(1, meter.id, period) for meter in meters for period in range(1, 6)
    ]
    async with plant.database.read(plant.project) as tx:
        found.append(
            await tx.fetch_tuples(
                "SELECT * FROM register_judgement WHERE project_id = %s ORDER BY 1, 2, 3",
                (plant.project,),
            )
        )
    return found


async def test_accounts_recomputed_from_arrays_are_equal(plant: Plant) -> None:
    meters = [await plant.meter() for _ in range(2)]
    for seed, meter in enumerate(meters):
        await plant.store(meter, readings(seed))
    await plant.settle()
    before = await everything(plant, meters)
    moved = await compact(plant.database, plant.project, NOW)
    assert moved == sum(at < hot_since(NOW) for n in range(2) for at, _ in readings(n))
    random = Random(1)
    for meter in meters:
        for _ in range(3):
            first, last = sorted(random.uniform(-1, 55) for _ in range(2))
            await plant.touch(meter, START + first * DAY, START + last * DAY)
            await plant.settle(timedelta(days=random.choice((1, 7, 31))))
        await plant.touch(meter, START, NOW)
    await plant.settle()
    assert await everything(plant, meters) == before


async def test_a_late_sample_is_accounted_like_one_in_time(plant: Plant) -> None:
    whole, late = await plant.meter(), await plant.meter()
    rows = readings(7)
    hidden = rows[200:260]
    await plant.store(whole, rows)
    await plant.store(late, [row for row in rows if row not in hidden])
    await plant.settle()
    await compact(plant.database, plant.project, NOW)
    assert await plant.accounts(1, whole.id, 1) != await plant.accounts(1, late.id, 1)
    came = [
        Row(plant.project, late.point, int(at.timestamp() * 1000), value, 0) for at, value in hidden
    ]
    async with plant.database.project(plant.project) as tx:
        assert len(await join(tx, plant.project, came)) == len(hidden)
    await plant.settle()
    for period in range(1, 6):
        assert await plant.accounts(1, whole.id, period) == await plant.accounts(1, late.id, period)
