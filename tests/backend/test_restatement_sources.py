"""Restatements of meters that are not simply read from a register of their own device."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from backend.aggregation.mapping import map_meter
from backend.core.db import Database
from tests.backend.plant_accounts import Metered, every
from tests.backend.restatement_desk import KWH, MIN, Desk, make_desk
from tests.postgres import NOW, MakePerson, MakeProject

DAY = timedelta(days=1)
MARCH = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
FACTOR: dict[str, object] = {
    "energy": "electricity",
    "substance": "kgce",
    "basis": "calorific",
    "value": "0.5",
    "since": "2026-03-01T00:00:00+08:00",
    "source": "GB/T 2589",
}


@pytest.fixture
async def desk(database: Database, make_project: MakeProject, make_person: MakePerson) -> Desk:
    """A plant with a month's end in its readings, and two people."""
    return await make_desk(database, make_project, make_person)


async def add_point(desk: Desk, meter: Metered, name: str, kind: str, unit: str) -> Metered:
    """Another point of a meter's device."""
    point = await desk.plant.one(
        "WITH o AS (SELECT project_id, device_id FROM point WHERE project_id = %s AND id = %s)"
        " INSERT INTO point (project_id, device_id, name, kind, unit, resolution, max_gap_s)"
        " SELECT o.project_id, o.device_id, %s, %s, %s, 0.1, 900 FROM o RETURNING id",
        meter.point, name, kind, unit,
    )  # fmt: skip
    return Metered(meter.id, point)


async def gauge(desk: Desk) -> Metered:
    """A meter on a power; at 12 kW until the morning of 2 March."""
    power = await add_point(desk, await desk.plant.meter(), "p", "gauge", "kW")
    async with desk.plant.database.project(desk.plant.project) as tx:
        await tx.execute(
            "UPDATE meter SET source = 'gauge', power_name = 'p', register_name = NULL"
            " WHERE project_id = %s AND id = %s",
            (desk.plant.project, power.id),
        )
    await desk.plant.store(power, every(MARCH, 15 * MIN, [12.0] * 97))
    return power


async def spare(desk: Desk) -> Metered:
    """The first meter on another register since March, which no meter has as its own."""
    other = await add_point(desk, desk.meters[0], "c2/ep_imp", "register", "kWh")
    async with desk.plant.database.project(desk.plant.project) as tx:
        await map_meter(tx, desk.plant.project, other.id, other.point, MARCH, None, NOW)
    await desk.plant.store(other, every(MARCH, 15 * MIN, [500.0 + 3 * n for n in range(97)]))
    return other


@pytest.mark.parametrize("source", [gauge, spare])
async def test_what_waits_of_any_source_is_no_effect_of_the_change(
    desk: Desk, source: Callable[[Desk], Awaitable[Metered]]
) -> None:
    """Readings that came late and are not accounted yet belong to the old figures too."""
    read = await source(desk)
    await desk.plant.settle()
    values = [12.0] * 5 if source is gauge else [788.0 + 3 * n for n in range(5)]
    await desk.plant.store(read, every(MARCH + DAY, 15 * MIN, values))
    row = await desk.measured(await desk.propose("factor", FACTOR))
    assert row.difference
    mine = [one for one in row.difference if (one["scope"], one["id"]) == (1, read.id)]
    [(old, new)] = [(one["old"], one["new"]) for one in mine]
    assert isinstance(old, dict)
    assert isinstance(new, dict)
    assert old["qty"] == new["qty"] == (97 + 3) * 3 * KWH
    assert (old["kgce"], new["kgce"]) == ("36.87", "150")
