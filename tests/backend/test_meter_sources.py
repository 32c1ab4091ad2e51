"""Where a meter's quarter hours come from: its device, a point without one, a gauge, another point
for a time; the past follows.
"""

from datetime import UTC, datetime, timedelta

import pytest

from backend.acquisition.accounted import read_accounted
from backend.aggregation.mapping import map_meter, points_of
from backend.core.db import Database
from backend.core.errors import InvalidInput, KilowiseError, NotFound
from gateway.contract.quality import Quality
from tests.backend.meter_points import point, update
from tests.backend.plant_accounts import Metered, Plant, every
from tests.postgres import NOW, MakeProject

KWH = 10**6
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 13, tzinfo=UTC)
"""Two days before NOW: what goes on until now is accounted an hour at a time."""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def kwh(plant: Plant, meter: int) -> list[int]:
    """A meter's quarter hours in kWh, accounted anew."""
    await plant.settle(HOUR)
    return [row[1] // KWH for row in await plant.accounts(1, meter, 1)]


async def test_a_hand_read_meter_is_a_register_without_a_device(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    alone = Metered(meter.id, await point(plant, "register", "kWh"))
    await update(
        plant, meter.id, source="manual", device_id=None, register_name=None, point_id=alone.point
    )
    await plant.store(alone, [(START, 100.0), (START + HOUR, 112.0)], Quality.MANUAL)
    assert await kwh(plant, meter.id) == [3, 3, 3, 3]
    assert {row[3] for row in await plant.accounts(1, meter.id, 1)} == {Quality.MANUAL}


@pytest.mark.both_postgres
async def test_a_gauge_is_integrated_whatever_the_order_of_arrival(plant: Plant) -> None:
    meter = await plant.meter(nameplate=100)
    async with plant.database.read(plant.project) as tx:
        device = await tx.fetch_value(
            "SELECT device_id FROM meter WHERE project_id = %s", (plant.project,), into=int
        )
    power = Metered(meter.id, await point(plant, "gauge", "kW", device))
    await update(plant, meter.id, source="gauge", power_name="p", register_name=None)
    rows = every(START, timedelta(minutes=5), [12.0] * 25)
    for late in (rows[20:], rows[:3], rows[9:12]):
        await plant.store(power, late)
        await plant.settle()
    assert (await plant.accounts(1, meter.id, 3))[0][1:] == (
        24 * KWH,
        16 * KWH,
        Quality.ESTIMATED,
    )
    await plant.store(power, rows)
    assert await kwh(plant, meter.id) == [3] * 8
    assert (await plant.accounts(1, meter.id, 3))[0][1:] == (24 * KWH, 0, Quality.GOOD)


async def test_ingest_knows_the_gauges_of_meters_and_makes_new_ones_dirty(plant: Plant) -> None:
    meter = await plant.meter()
    gauge = await point(plant, "gauge", "kW")
    async with plant.database.ingest() as tx:
        known = await read_accounted(tx, None, NOW)
    assert known == frozenset()
    await update(plant, meter.id, source="gauge", point_id=gauge)
    async with plant.database.ingest() as tx:
        known = await read_accounted(tx, known, NOW)
        assert known == {(plant.project, gauge)}
        assert await read_accounted(tx, known, NOW) == known
    async with plant.database.read(plant.project) as tx:
        dirty = await tx.fetch_tuples(
            "SELECT point_id, last_ts FROM dirty WHERE project_id = %s", (plant.project,)
        )
    assert dirty == [(gauge, NOW)]


async def test_a_meter_moves_to_another_register_in_the_past_and_back(plant: Plant) -> None:
    first, second = await plant.meter(resolution=1.0), await plant.meter(resolution=1.0)
    await plant.store(first, every(START, QUARTER, [float(i) for i in range(17)]))
    await plant.store(second, every(START, QUARTER, [1000.0 + 5 * i for i in range(17)]))
    assert await kwh(plant, first.id) == [1] * 16

    async def move(to: Metered, since: datetime, until: datetime | None) -> list[int]:
        async with plant.database.project(plant.project) as tx:
            await map_meter(tx, plant.project, first.id, to.point, since, until, NOW)
        return await kwh(plant, first.id)

    end = START + 4 * HOUR
    assert await move(second, START + HOUR, START + 2 * HOUR) == [1] * 4 + [5] * 4 + [1] * 8
    assert await move(second, START + 3 * HOUR, None) == [1] * 4 + [5] * 4 + [1] * 4 + [5] * 4
    assert await move(first, START + HOUR + QUARTER, end - QUARTER) == [1] * 4 + [5] + [1] * 10 + [
        5
    ]
    # Late readings of either register reach the meter where it counts them.
    await plant.store(second, every(START + HOUR, timedelta(minutes=5), [1020.0, 1024.0]))
    await plant.store(first, [(end + QUARTER, 50.0)])
    await plant.store(second, [(end + QUARTER, 1085.0)])
    assert await kwh(plant, first.id) == [1] * 4 + [5] + [1] * 10 + [5, 5]
    assert await kwh(plant, second.id) == [5] * 17
    assert await move(first, START, None) == [1] * 16 + [34]
    async with plant.database.read(plant.project) as tx:
        assert set(await points_of(tx, plant.project, [first.id])) == {first.point}


async def test_a_register_that_said_nothing_leaves_a_hole(plant: Plant) -> None:
    meter, other = await plant.meter(resolution=1.0), await plant.meter(resolution=1.0)
    await plant.store(meter, every(START, QUARTER, [float(i) for i in range(9)]))
    await plant.settle()
    async with plant.database.project(plant.project) as tx:
        await map_meter(tx, plant.project, meter.id, other.point, START + HOUR, None, NOW)
    assert await kwh(plant, meter.id) == [1] * 4
    assert [row[1] // KWH for row in await plant.accounts(1, meter.id, 5)] == [4]


async def test_a_meter_that_ended_has_no_account_afterwards(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    await plant.store(meter, every(START, QUARTER, [float(i) for i in range(9)]))
    await plant.settle()
    await update(plant, meter.id, valid_from=START + QUARTER, valid_to=START + HOUR)
    await plant.touch(meter, START, START + 2 * HOUR)
    assert await kwh(plant, meter.id) == [1] * 3


async def test_what_cannot_be_a_meters_point_is_refused(
    database: Database, make_project: MakeProject, plant: Plant
) -> None:
    meter, water = await plant.meter(), await plant.meter("water")
    other = Plant(database, await make_project("other"))
    foreign = await other.meter()
    gauge = await point(plant, "gauge", "kW")
    virtual = await plant.meter()
    await update(plant, virtual.id, source="virtual")
    wrong: list[tuple[int, int, datetime, datetime | None, type[KilowiseError], str]] = [
        (meter.id, water.point, START, None, InvalidInput, "meter_source_unit"),
        (meter.id, gauge, START, None, NotFound, "not_found"),
        (meter.id, 999, START, None, NotFound, "not_found"),
        (999, water.point, START, None, NotFound, "not_found"),
        (virtual.id, meter.point, START, None, InvalidInput, "meter_source_none"),
        (meter.id, virtual.point, START, START, InvalidInput, "meter_source_span"),
        (meter.id, virtual.point, START + QUARTER / 3, None, InvalidInput, "meter_source_quarter"),
    ]
    for meter_id, point_id, first, last, error, code in wrong:
        async with plant.database.project(plant.project) as tx:
            with pytest.raises(error) as refused:
                await map_meter(tx, plant.project, meter_id, point_id, first, last, NOW)
        assert refused.value.error_code == code
    async with other.database.project(other.project) as tx:
        with pytest.raises(NotFound):
            await map_meter(tx, other.project, foreign.id, 10**6, START, None, NOW)
        with pytest.raises(NotFound):
            await map_meter(tx, other.project, 10**6, foreign.point, START, None, NOW)
    assert (await plant.work()).rows == 0
