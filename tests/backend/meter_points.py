"""Points of a plant beyond its meters' own registers, and meters that are read from them."""

from tests.backend.plant_accounts import Plant


async def point(plant: Plant, kind: str, unit: str, device: int | None = None) -> int:
    """A point, of a device or without one."""
    return await plant.one(
        "INSERT INTO point (project_id, device_id, name, kind, unit, resolution, max_gap_s)"
        " VALUES (%s, %s, 'p', %s, %s, 0.1, 900) RETURNING id",
        device,
        kind,
        unit,
    )


async def update(plant: Plant, meter: int, **columns: object) -> None:
    """Change a meter's row."""
    async with plant.database.project(plant.project) as tx:
        for name, value in columns.items():
            sql = f"UPDATE meter SET {name} = %s WHERE project_id = %s AND id = %s"
            await tx.execute(sql.encode(), (value, plant.project, meter))
