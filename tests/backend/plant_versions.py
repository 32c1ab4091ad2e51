"""Every account of a plant, as it is and as it was at a version."""

from backend.aggregation.versions import ACCOUNTS_AS_OF, FIGURES
from tests.backend.plant_accounts import Plant

COLUMNS = ", ".join(("scope", "scope_id", "energy", "period", "start_ts", *FIGURES))
Rows = set[tuple[object, ...]]


async def current(plant: Plant) -> Rows:
    """Every account as it is."""
    async with plant.database.read(plant.project) as tx:
        sql = f"SELECT {COLUMNS} FROM account WHERE project_id = %s"
        return set(await tx.fetch_tuples(sql.encode(), (plant.project,)))


async def as_of(plant: Plant, version: int) -> Rows:
    """Every account as it was at a version."""
    async with plant.database.read(plant.project) as tx:
        sql = f"SELECT {COLUMNS} FROM {ACCOUNTS_AS_OF} a WHERE project_id = %(project)s"
        found = await tx.fetch_tuples(sql.encode(), {"project": plant.project, "as_of": version})
    assert len(found) == len(set(found))
    return set(found)
