"""Sources of a plant: consumption at every quarter hour, self-use and self-sufficiency, by hand."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from backend.aggregation.calendar import Period
from backend.core.db import Database
from backend.core.errors import InvalidInput
from backend.service.plant.supply import Balance, balances
from tests.backend.plant_accounts import Metered, Plant
from tests.postgres import NOW, MakeProject

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
TODAY = datetime(2026, 3, 14, 16, tzinfo=UTC)
"""Midnight in Shanghai; NOW is noon."""
KWH = 10**6
NIGHT = TODAY - DAY
"""The day before, in which everything happens."""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    return Plant(database, await make_project("works"))


async def settlement(plant: Plant, role: str | None, level: int = 1) -> Metered:
    meter = await plant.meter()
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE meter SET role = %s, level = %s WHERE project_id = %s AND id = %s",
            (role, level, plant.project, meter.id),
        )
    return meter


async def flow(plant: Plant, meter: Metered, kwh: list[int], start: datetime = NIGHT) -> None:
    """What a meter counts in quarter hours that follow each other."""
    rows, value = [(start, 0.0)], 0.0
    for place, step in enumerate(kwh, start=1):
        value += step
        rows.append((start + place * QUARTER, value))
    await plant.store(meter, rows)


async def days(plant: Plant, start: datetime = NIGHT, end: datetime = TODAY) -> list[Balance]:
    async with plant.database.read(plant.project) as tx:
        return await balances(tx, plant.project, Period.DAY, (start, end), NOW)


async def test_consumption_and_shares_are_those_worked_out_by_hand(plant: Plant) -> None:
    # Quarter hours:      night  morning  noon  noon  evening
    flows = {
        "grid_import":      [90,    20,      0,    0,    30],
        "grid_export":      [0,      0,     40,   10,    25],
        "pv":               [0,     30,    100,   80,     0],
        "generation":       [0,     10,      0,    0,     0],
        "storage_charge":   [50,     0,     20,   20,     0],
        "storage_discharge": [0,     0,      0,    0,    45],
    }  # fmt: skip
    for role, kwh in flows.items():
        await flow(plant, await settlement(plant, role), kwh)
    # Neither a second-level meter nor one without a role takes part.
    await flow(plant, await settlement(plant, "pv", level=2), [9, 9, 9, 9, 9])
    await flow(plant, await settlement(plant, None), [7, 7, 7, 7, 7])
    await plant.settle()
    [day] = await days(plant)
    # 90-50, 20+30+10, 100-40-20, 80-10-20, 30+45-25
    assert day.consumption == (40 + 60 + 40 + 50 + 50) * KWH
    assert day.parts == {role: sum(kwh) * KWH for role, kwh in flows.items()}
    assert day.made == (30 + 10 + 100 + 80) * KWH
    # What the storage sells in the evening is not of what was made: nothing is made then.
    assert day.sold == (40 + 10) * KWH
    assert day.self_use == Fraction(170, 220)
    assert day.self_sufficiency == Fraction(240 - 140, 240)
    assert (day.slots, day.missing) == (96, 91)


async def test_a_quarter_hour_that_lacks_a_meter_is_in_no_sum(plant: Plant) -> None:
    await flow(plant, await settlement(plant, "grid_import"), [10, 10, 10, 10])
    roof = await settlement(plant, "pv")
    await flow(plant, roof, [5, 5], NIGHT + QUARTER)
    await plant.settle()
    [day] = await days(plant)
    assert (day.consumption, day.slots, day.missing) == (30 * KWH, 96, 94)
    assert (day.self_use, day.self_sufficiency) == (Fraction(1), Fraction(1, 3))


async def test_a_meter_counts_from_when_it_is_there(plant: Plant) -> None:
    await flow(plant, await settlement(plant, "grid_import"), [10, 10, 10, 10])
    roof = await settlement(plant, "pv")
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE meter SET valid_from = %s, valid_to = %s WHERE project_id = %s AND id = %s",
            (NIGHT + 2 * QUARTER, NIGHT + 3 * QUARTER, plant.project, roof.id),
        )
    await flow(plant, roof, [5], NIGHT + 2 * QUARTER)
    await plant.settle()
    [day] = await days(plant)
    assert (day.consumption, day.missing) == (45 * KWH, 92)


async def test_the_running_day_knows_what_is_over(plant: Plant) -> None:
    meter = await settlement(plant, "grid_import")
    await flow(plant, meter, [4] * 48, TODAY)
    await plant.settle()
    [day] = await days(plant, TODAY, TODAY + DAY)
    assert (day.slots, day.missing, day.consumption) == (48, 0, 48 * 4 * KWH)
    assert (day.self_use, day.self_sufficiency) == (None, Fraction(0))
    later = NOW + 8 * QUARTER
    async with plant.database.read(plant.project) as tx:
        [day] = await balances(tx, plant.project, Period.DAY, (TODAY, TODAY + DAY), later)
    assert (day.slots, day.missing, day.consumption) == (56, 8, 48 * 4 * KWH)


async def test_a_month_is_the_sum_of_its_days(plant: Plant) -> None:
    grid, roof, out = [
        await settlement(plant, role) for role in ("grid_import", "pv", "grid_export")
    ]
    for back in range(3):
        start = TODAY - back * DAY
        await flow(plant, grid, [back + 1, 2, 3], start)
        await flow(plant, roof, [4, 5, back], start)
        await flow(plant, out, [0, 1, 1], start)
    await plant.settle()
    single = await days(plant, TODAY - 2 * DAY, TODAY + DAY)
    async with plant.database.read(plant.project) as tx:
        [month] = await balances(tx, plant.project, Period.MONTH, (TODAY, NOW), NOW)
    for name in ("consumption", "made", "sold"):
        assert getattr(month, name) == sum(getattr(day, name) for day in single), name
    assert month.sold == (1 + 1 + 1 + 1 + 1) * KWH


async def test_without_roles_there_is_no_balance_and_spans_have_bounds(plant: Plant) -> None:
    await settlement(plant, None)
    assert await days(plant) == []
    for end, code in ((NIGHT, "span_empty"), (NIGHT + 401 * DAY, "span_too_long")):
        with pytest.raises(InvalidInput) as caught:
            await days(plant, NIGHT, end)
        assert caught.value.error_code == code
