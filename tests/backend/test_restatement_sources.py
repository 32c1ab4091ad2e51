"""Restatements of meters that are not simply read from a register of their own device."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from backend.aggregation.mapping import map_meter, points_of, stretch_of
from backend.core.db import Database
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from tests.backend.plant_accounts import Metered, every
from tests.backend.plant_versions import as_of, current
from tests.backend.restatement_desk import KWH, MIN, Desk, make_desk, restated
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


async def device_of(desk: Desk, read: Metered) -> str:
    """The outside identity of a point's device."""
    async with desk.plant.database.read(desk.plant.project) as tx:
        rows = await tx.fetch_tuples(
            "SELECT d.uid FROM device d JOIN point p ON p.project_id = d.project_id"
            " AND p.device_id = d.id WHERE d.project_id = %s AND p.id = %s",
            (desk.plant.project, read.point),
        )
    return encode_id("dev", rows[0][0])


async def test_a_meter_that_stood_on_another_register_is_moved_and_taken_back(desk: Desk) -> None:
    """The second circuit since March, 3 kWh a quarter hour; and as it was, to the last figure."""
    first = desk.meters[0]
    other = await add_point(desk, first, "c2/ep_imp", "register", "kWh")
    await desk.plant.store(other, every(MARCH, 15 * MIN, [500.0 + 3 * n for n in range(192)]))
    await desk.plant.settle()
    params: dict[str, object] = {
        "meter": await desk.meter_id(first), "device": await device_of(desk, other),
        "register_name": "c2/ep_imp", "since": MARCH.isoformat(),
        "until": (MARCH + DAY).isoformat(),
    }  # fmt: skip
    row = await restated(desk, "mapping", params)
    assert (await desk.plant.values(1, first.id, 4, MARCH))[0] == (96 * 3 + 95) * KWH
    assert (await desk.plant.values(2, desk.node, 4, MARCH))[0] == (96 * 3 + 95 + 191) * KWH
    back = {"restatement": encode_id("rst", row.uid)}
    await restated(desk, "revoke", back)
    assert await as_of(desk.plant, 0) == await current(desk.plant)
    async with desk.plant.database.read(desk.plant.project) as tx:
        assert await points_of(tx, desk.plant.project, [first.id]) == [first.point]
    again = await desk.measured(await desk.propose("revoke", back))
    assert again.fault is not None
    assert again.fault["code"] == "restatement_changed_since"


async def test_taking_back_puts_an_older_mapping_back(desk: Desk) -> None:
    moved = await spare(desk)
    await desk.plant.settle()
    before = await current(desk.plant)
    third = await add_point(desk, desk.meters[1], "c3/ep_imp", "register", "kWh")
    await desk.plant.store(third, every(MARCH, 15 * MIN, [float(7 * n) for n in range(9)]))
    noon = MARCH + DAY / 2
    row = await restated(
        desk,
        "mapping",
        {
            "meter": await desk.meter_id(moved), "device": await device_of(desk, third),
            "register_name": "c3/ep_imp", "since": (MARCH - DAY).isoformat(),
            "until": noon.isoformat(),
        },
    )  # fmt: skip
    assert (await desk.plant.values(1, moved.id, 4, MARCH))[0] == (8 * 7 + 48 * 3) * KWH
    await restated(desk, "revoke", {"restatement": encode_id("rst", row.uid)})
    assert await current(desk.plant) == before
    async with desk.plant.database.read(desk.plant.project) as tx:
        assert await stretch_of(tx, desk.plant.project, moved.id, MARCH - DAY, None) == [
            (MARCH, noon, moved.point),
            (noon, None, moved.point),
        ]


async def test_what_cannot_be_moved_or_taken_back_is_refused(desk: Desk) -> None:
    first = desk.meters[0]
    params: dict[str, object] = {
        "meter": await desk.meter_id(first), "device": await device_of(desk, first),
        "register_name": "ep_imp", "since": MARCH.isoformat(),
    }  # fmt: skip
    with pytest.raises(NotFound):
        await desk.propose("mapping", params | {"register_name": "c9/ep_imp"})
    with pytest.raises(NotFound):
        await desk.propose("mapping", params | {"device": encode_id("dev", new_uuid(NOW))})
    with pytest.raises(InvalidInput, match="restatement_field"):
        await desk.propose("mapping", params | {"since": "2026-03-01T00:07:00+08:00"})
    with pytest.raises(InvalidInput, match="restatement_field"):
        await desk.propose("revoke", {})
    factor = await desk.measured(await desk.propose("factor", FACTOR))
    back = {"restatement": encode_id("rst", factor.uid)}
    with pytest.raises(Conflict, match="restatement_not_applied"):
        await desk.propose("revoke", back)
    await desk.applied(factor)
    with pytest.raises(InvalidInput, match="restatement_not_revocable"):
        await desk.propose("revoke", back)
    await add_point(desk, first, "p", "gauge", "kW")
    row = await desk.measured(await desk.propose("mapping", params | {"register_name": "p"}))
    assert row.fault is not None
    assert row.fault["code"] == "not_found"
