"""Alarms read the calendar: who works at a node, and what is without power on purpose."""

from datetime import date, timedelta

import pytest

from backend.aggregation.calendar import plant_time
from backend.aggregation.shift_rows import keep_shifts
from backend.core.db import Database
from backend.service.alarms.kinds.base import Definition
from backend.service.alarms.kinds.meter_silent import MeterSilent
from backend.service.calendar.duty import at_work
from tests.backend.plant_accounts import Plant
from tests.backend.test_planned import state
from tests.backend.test_shift_rows import pattern
from tests.postgres import NOW, MakeProject

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai, where it is noon of a Sunday."""
    return Plant(database, await make_project("works"))


async def working(plant: Plant, node: int, hours: int) -> bool:
    """Whether somebody works at a node in the half hour before NOW + `hours`."""
    now = NOW + hours * HOUR
    async with plant.database.read(plant.project) as tx:
        return await at_work(tx, plant.project, node, now - 30 * MINUTE, now)


async def test_shifts_are_those_of_the_node_or_the_nearest_above(plant: Plant) -> None:
    site = await plant.node({})
    shop = await plant.node({}, site)
    line = await plant.node({}, shop)
    assert [await working(plant, line, hour) for hour in (0, 24)] == [False, False]
    await pattern(plant, site, "four-teams-three-shifts", date(2026, 1, 1))
    await pattern(plant, shop, "day-shift", date(2026, 1, 1))
    async with plant.database.project(plant.project) as tx:
        await keep_shifts(tx, plant.project, plant_time("Asia/Shanghai", 0), NOW, NOW + 72 * HOUR)
    # Sunday noon, Monday noon, Monday 23:00: the shop works on working days from 08:00 to 17:00.
    assert [await working(plant, site, hour) for hour in (0, 24, 35)] == [True, True, True]
    for node in (shop, line):
        assert [await working(plant, node, hour) for hour in (0, 24, 35)] == [False, True, False]


@pytest.mark.parametrize(
    ("entered", "expected"),
    [("rationed", True), ("maintenance", True), ("stop", False), ("rest", False), ("work", False)],
)
async def test_states_in_which_people_use_power_off_shift(
    plant: Plant, entered: str, expected: bool
) -> None:
    site = await plant.node({})
    line = await plant.node({}, site)
    await state(plant, site, -1, 2, state=entered, dead=False)
    assert [await working(plant, line, hour) for hour in (0, 2, 3)] == [expected, expected, False]
    # The line's own state goes before the site's.
    await state(plant, line, -1, 2, state="stop", dead=False)
    assert await working(plant, line, 0) is False


async def test_a_dead_feeders_meter_is_not_silent(plant: Plant) -> None:
    meters = [await plant.meter(), await plant.meter()]
    nodes = [await plant.node({meter: 1}) for meter in meters]
    for number, meter in enumerate(meters):
        await plant.store(meter, [(NOW, 1.0)])
        async with plant.database.ingest() as tx:
            await tx.execute(
                "INSERT INTO last_value (project_id, point_id, ts, value, quality)"
                " VALUES (%s, %s, %s, 1.0, 0)",
                (plant.project, meter.point, NOW - number * MINUTE),
            )
    await state(plant, nodes[0], 0, 4)
    definition = Definition(1, "meter_silent", None, None, 3, {"minutes": 5})

    async def silent(hours: int) -> list[str]:
        async with plant.database.read(plant.project) as tx:
            now = NOW + hours * HOUR + 4 * MINUTE
            window = await MeterSilent().load(tx, plant.project, definition, now)
        assert window is not None
        return [device.slug for device in window.silent]

    assert await silent(0) == []
    assert await silent(1) == ["d2"]
    assert await silent(4) == ["d2"]
    assert await silent(5) == ["d1", "d2"]
