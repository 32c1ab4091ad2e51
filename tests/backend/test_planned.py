"""When a register is de-energised on purpose: the states of the nodes that count its meter."""

from datetime import timedelta

import pytest

from backend.aggregation.planned import merged, planned_stretches
from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.service.calendar import effects
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import Metered, Plant, every
from tests.postgres import NOW, MakeProject

HOUR = timedelta(hours=1)
FIRST, LAST = NOW - 48 * HOUR, NOW + 48 * HOUR


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def state(
    plant: Plant, node: int, start: int, end: int, *, dead: bool = True, state: str = "stop"
) -> int:
    """A state from `start` to `end` hours after NOW."""
    return await plant.one(
        "INSERT INTO operating_state (project_id, uid, node_id, state, start_ts, end_ts,"
        " de_energised, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        new_uuid(NOW),
        node,
        state,
        NOW + start * HOUR,
        NOW + end * HOUR,
        dead,
        NOW,
    )


async def planned(plant: Plant, *meters: Metered) -> list[list[tuple[float, float]]]:
    """Stretches of each meter in hours after NOW."""
    async with plant.database.read(plant.project) as tx:
        found = await planned_stretches(
            tx, plant.project, [meter.point for meter in meters], FIRST, LAST
        )
    at = int(NOW.timestamp())
    return [
        [
            ((start / 1e6 - at) / 3600, (end / 1e6 - at) / 3600)
            for start, end in found.get(meter.point, [])
        ]
        for meter in meters
    ]


async def test_a_meter_is_dead_with_the_nodes_that_count_it(plant: Plant) -> None:
    one, two = await plant.meter(), await plant.meter()
    shop = await plant.node({})
    line = await plant.node({one: 1}, shop)
    await plant.node({two: 1})
    assert await planned(plant, one, two) == [[], []]
    await state(plant, shop, -60, -30)
    await state(plant, line, 2, 3)
    await state(plant, line, 3, 5)
    await state(plant, line, 8, 9, dead=False)
    assert await planned(plant, one, two) == [[(-48, -30), (2, 5)], []]


async def test_a_nearer_state_gives_power_back(plant: Plant) -> None:
    one = await plant.meter()
    shop = await plant.node({})
    line = await plant.node({one: 1}, shop)
    await state(plant, shop, 0, 20)
    await state(plant, line, 5, 6, dead=False, state="maintenance")
    assert await planned(plant, one) == [[(0, 5), (6, 20)]]


async def test_a_sum_says_nothing_of_its_parts(plant: Plant) -> None:
    main, sub = await plant.meter(), await plant.meter()
    rest = await plant.node({main: 1, sub: -1})
    await state(plant, rest, 0, 4)
    assert await planned(plant, main, sub) == [[], []]


async def test_who_takes_a_share_of_a_meter_says_nothing_of_it(plant: Plant) -> None:
    shared, own = await plant.meter(), await plant.meter()
    centre = await plant.node({shared: 2, own: 1})
    await state(plant, centre, 0, 4)
    assert await planned(plant, shared, own) == [[], [(0, 4)]]


async def test_membership_counts_as_it_was(plant: Plant) -> None:
    one = await plant.meter()
    line = await plant.node({one: 1})
    await state(plant, line, 0, 10)
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE node_meter SET valid_from = %s, valid_to = %s WHERE project_id = %s",
            (NOW + 2 * HOUR, NOW + 7 * HOUR, plant.project),
        )
    assert await planned(plant, one) == [[(2, 7)]]


async def test_planned_time_is_zero_and_neither_estimated_nor_missing(plant: Plant) -> None:
    meter = await plant.meter(resolution=0.1)
    line = await plant.node({meter: 1})
    # 4 kW until noon, nothing heard for 4 hours, 2 kWh more when it is back.
    before = every(NOW - 2 * HOUR, HOUR / 4, [100.0 + n for n in range(9)])
    await plant.store(meter, [*before, *every(NOW + 4 * HOUR, HOUR / 4, [110.0, 111.0])])
    await plant.settle()

    async def after_noon() -> list[tuple[float, int, int, int]]:
        rows = await plant.accounts(1, meter.id, 1)
        return [((row[0] - NOW) / HOUR, *row[1:]) for row in rows if NOW <= row[0] < NOW + 4 * HOUR]

    assert {row[2:] for row in await after_noon()} == {(125_000, Quality.ESTIMATED)}
    await state(plant, line, 0, 4)
    async with plant.database.project(plant.project) as tx:
        change = await effects.begin(tx, plant.project, NOW + 5 * HOUR)
        await effects.power_changed(change, line, NOW, NOW + 4 * HOUR)
    await plant.settle()
    rows = await after_noon()
    assert len(rows) == 16
    # It was off as planned but counted 2 kWh: the plan was not kept, so the gap is estimated.
    assert {row[2:] for row in rows} == {(125_000, Quality.ESTIMATED)}
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE operating_state SET end_ts = %s WHERE project_id = %s",
            (NOW + 3 * HOUR, plant.project),
        )
        change = await effects.begin(tx, plant.project, NOW + 5 * HOUR)
        await effects.power_changed(change, line, NOW, NOW + 4 * HOUR)
    await plant.settle()
    rows = await after_noon()
    assert [row[1:] for row in rows[:12]] == [(0, 0, Quality.GOOD)] * 12
    assert sum(row[1] for row in rows[12:]) == 2_000_000
    node = await plant.accounts(2, line, 1)
    assert [row[1:] for row in node if NOW <= row[0] < NOW + 3 * HOUR] == [
        (0, 0, Quality.GOOD)
    ] * 12


async def test_another_project_is_not_asked(
    plant: Plant, database: Database, make_project: MakeProject
) -> None:
    one = await plant.meter()
    await state(plant, await plant.node({one: 1}), 0, 10)
    other = await make_project("other")
    async with database.read(other.id) as tx:
        assert await planned_stretches(tx, other.id, [one.point], FIRST, LAST) == {}


def test_stretches_are_joined() -> None:
    assert merged([(5, 7), (1, 3), (3, 4), (6, 9)]) == [(1, 4), (5, 9)]
    assert merged([]) == []
