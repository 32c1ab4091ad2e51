"""Accounts that are inserted at once are what they are when each is looked for first."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.aggregation import fresh, quarters
from backend.core.db import Database
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.backend.plant_versions import Rows, current
from tests.postgres import MakeProject

MIN = timedelta(minutes=1)
START = datetime(2026, 2, 1, 16, tzinfo=UTC)
DAYS = 14
"""More than a thousand quarter hours of each meter."""


async def accounted(database: Database, make_project: MakeProject, slug: str) -> Rows:
    """Half of a month, the half before it and a late reading, each accounted in one go."""
    plant = Plant(database, await make_project(slug))
    meters = [await plant.meter(), await plant.meter()]
    node = await plant.node({meters[0]: 1, meters[1]: -1})
    names = {(1, meters[0].id): "one", (1, meters[1].id): "two", (2, node): "node"}
    for part in (1, 0):
        for meter, step in zip(meters, (1.3, 0.7), strict=True):
            await plant.store(meter, half(part, step))
        await plant.settle()
    await late(plant, meters[0])
    return {
        (names[int(str(scope)), int(str(number))], *row)
        for scope, number, *row in await current(plant)
    }


def half(part: int, step: float) -> list[tuple[datetime, float]]:
    """Readings of every 20 minutes, some of them missing; halves meet inside a quarter hour."""
    count = DAYS * 72
    first = part * count
    values = [100 + (first + n) * step for n in range(count)]
    rows = every(START + (first * 20 + 7) * MIN, 20 * MIN, values)
    return [row for n, row in enumerate(rows) if n % 97 not in (5, 6, 7)]


async def late(plant: Plant, meter: Metered) -> None:
    """A reading inside what was accounted."""
    await plant.store(meter, [(START + 9 * DAY + 5 * MIN, 100 + 1.3 * (9 * 72 + 0.25))])
    await plant.settle()


async def test_many_new_accounts_at_once_are_those_of_one_by_one(
    database: Database, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = await accounted(database, make_project, "works")
    for module in (fresh, quarters):
        monkeypatch.setattr(module, "BULK", 1_000_000)
    assert at_once == await accounted(database, make_project, "mill")
    assert len([row for row in at_once if row[2] == 1]) == 3 * 2 * DAYS * 96
