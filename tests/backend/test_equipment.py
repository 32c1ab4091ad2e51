"""Hours of equipment on a real PostgreSQL: as quarter hours come, anew when late data do."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg.types.json import Jsonb

from backend.aggregation.accounts import account
from backend.aggregation.calendar import plant_time
from backend.aggregation.tariff import keep_slots
from backend.core.db import Database
from tests.backend.furnace import furnace, hours, keep
from tests.backend.plant_accounts import DAY, Metered, Plant
from tests.postgres import NOW, MakeProject

MINUTE, QUARTER, HOUR = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1)
START = datetime(2026, 3, 13, 0, tzinfo=UTC)
FLAT = {
    "bands": {"flat": "0.6"},
    "seasons": [
        {"months": list(range(1, 13)), "days": "all", "times": [["00:00", "24:00", "flat"]]}
    ],
}


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


def powers(*pairs: tuple[int, float]) -> list[tuple[datetime, float]]:
    """Samples at (minutes after START, kW)."""
    return [(START + minute * MINUTE, kw) for minute, kw in pairs]


async def registers(
    plant: Plant, meter: Metered, quarters: Iterable[int], now: datetime = NOW
) -> None:
    """Store readings of the register at quarter hours and account them."""
    rows = [(START + n * QUARTER, 100.0 + n) for n in quarters]
    await plant.store(meter, rows)
    async with plant.database.project(plant.project) as tx:
        await account(tx, plant.project, now, 31 * DAY)


async def test_hours_come_with_quarter_hours_and_late_power_corrects_them(plant: Plant) -> None:
    node, meter, power = await furnace(plant)
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "INSERT INTO tariff (project_id, energy, name, rules, valid_from, source)"
            " VALUES (%s, 'electricity', '{}', %s, %s, 'test')",
            (plant.project, Jsonb(FLAT), START - HOUR),
        )
        zone = plant_time("Asia/Shanghai", 0).zone
        await keep_slots(tx, plant.project, zone, START - HOUR, START + 24 * HOUR)
    await plant.store(power, powers((0, 0), (20, 10), (40, 100), (60, 100), (80, 0), (100, 0)))
    await registers(plant, meter, (0, 2, 3, 4, 5, 6, 7, 8))
    assert await keep(plant) == 0
    # 10 kW for 10 minutes in each of two quarter hours.
    assert await hours(plant, node) == [
        (START, 1200, 1200, 1200, 0, 1, 2 * 1_666_667, Decimal("2.0000004")),
        (START + HOUR, 2400, 0, 1200, 0, 0, 0, Decimal(0)),
    ]
    before = await hours(plant, node)
    assert await keep(plant) == 0
    assert await hours(plant, node) == before

    # A backlog tells that it idled from minute 5 on, and what the register showed.
    await plant.store(power, powers((5, 10)))
    await registers(plant, meter, (1,), NOW + MINUTE)
    await keep(plant)
    first, *others = await hours(plant, node)
    assert first[1:7] == (300, 2100, 1200, 0, 1, 2_500_000 + 2 * 1_666_667)
    assert others == before[1:]


async def test_what_is_computed_in_bites_is_what_one_look_computes(plant: Plant) -> None:
    node, meter, power = await furnace(plant)
    samples = [(n * 7, (0.0, 20.0, 80.0, 4.0, 60.0)[n * n % 5]) for n in range(120)]
    await plant.store(power, powers(*samples))
    await registers(plant, meter, range(57))
    assert await keep(plant, bite=4) == 3
    bites = await hours(plant, node)
    async with plant.database.project(plant.project) as tx:
        for table in ("equipment_hour", "equipment_interval"):
            statement = f"DELETE FROM {table} WHERE project_id = %s".encode()
            await tx.execute(statement, (plant.project,))
    await keep(plant)
    assert await hours(plant, node) == bites
    assert len(bites) == 14
    assert sum(row[5] for row in bites) > 5


async def test_another_definition_computes_everything_anew(plant: Plant) -> None:
    node, meter, power = await furnace(plant)
    await plant.store(power, powers((0, 20), (20, 20), (40, 20)))
    await registers(plant, meter, range(5))
    await keep(plant)
    assert [row[2] for row in await hours(plant, node)] == [3600]
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE equipment SET standby_kw = 30, changed_at = %s WHERE project_id = %s",
            (NOW + HOUR, plant.project),
        )
    await keep(plant)
    rows = await hours(plant, node)
    assert [row[1:3] for row in rows] == [(3600, 0)]
    assert rows[0][7] == 0, "what does not idle costs nothing, with or without a price"


async def test_a_status_signal_tells_the_states(plant: Plant) -> None:
    node, meter, power = await furnace(plant)
    status = await plant.one(
        "INSERT INTO point (project_id, device_id, name, kind, unit, max_gap_s)"
        " SELECT project_id, device_id, 'run', 'status', '1', 7200 FROM point"
        " WHERE project_id = %s AND id = %s RETURNING id",
        power.point,
    )
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE equipment SET status_point_id = %s WHERE project_id = %s",
            (status, plant.project),
        )
    await plant.store(power, powers((0, 30), (30, 30), (60, 30)))
    await plant.store(Metered(0, status), powers((0, 2), (30, 1), (60, 0)))
    await registers(plant, meter, range(6))
    await keep(plant)
    found = await hours(plant, node)
    assert found[0][1:7] == (0, 1800, 1800, 0, 0, 15_000_000)
    assert found[0][7] is None, "no tariff, no money"
