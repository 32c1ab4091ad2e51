"""A furnace whose power tells its states, and what is kept of its hours."""

from datetime import UTC, datetime
from decimal import Decimal

from backend.service.equipment.keep import definitions, keep_hours
from tests.backend.plant_accounts import Metered, Plant
from tests.postgres import NOW

SINCE = datetime(2026, 2, 1, tzinfo=UTC)
"""When it was defined."""
Row = tuple[datetime, int, int, int, int, int, int, Decimal | None]


async def furnace(plant: Plant, meter: Metered | None = None) -> tuple[int, Metered, Metered]:
    """A node with a meter whose power tells its states; answers node, register and power."""
    meter = meter or await plant.meter()
    node = await plant.node({meter: 1})
    device = await plant.one(
        "UPDATE meter SET power_name = 'p' WHERE project_id = %s AND id = %s RETURNING device_id",
        meter.id,
    )
    power = await plant.one(
        "INSERT INTO point (project_id, device_id, name, kind, unit, max_gap_s)"
        " VALUES (%s, %s, 'p', 'gauge', 'kW', 1800) RETURNING id",
        device,
    )
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "INSERT INTO equipment (project_id, node_id, kind, meter_id, standby_kw, load_kw,"
            " dwell_s, changed_at) VALUES (%s, %s, 'furnace', %s, 5, 50, 120, %s)",
            (plant.project, node, meter.id, SINCE),
        )
    return node, meter, Metered(0, power)


async def keep(plant: Plant, bite: int = 336) -> int:
    """Compute what is due; answers how many bites that took."""
    async with plant.database.read(plant.project) as tx:
        [one] = await definitions(tx, plant.project)
    count = 0
    while await keep_hours(plant.database, plant.project, one, NOW, bite):
        count += 1
    return count


async def hours(plant: Plant, node: int) -> list[Row]:
    async with plant.database.read(plant.project) as tx:
        rows = await tx.fetch_tuples(
            "SELECT start_ts, off_s, idle_s, load_s, unknown_s, starts, idle_qty, idle_cost"
            " FROM equipment_hour WHERE project_id = %s AND node_id = %s ORDER BY start_ts",
            (plant.project, node),
        )
        intervals = await tx.fetch_tuples(
            "SELECT start_ts, end_ts, state FROM equipment_interval"
            " WHERE project_id = %s AND node_id = %s ORDER BY start_ts",
            (plant.project, node),
        )
    for state, column in enumerate((1, 2, 3, 4)):
        told = sum(
            ((end - start).total_seconds() for start, end, kind in intervals if kind == state), 0.0
        )
        assert told == sum(row[column] for row in rows), "intervals and hours tell the same"
    return [tuple(row) for row in rows]
