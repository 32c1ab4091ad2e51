"""A birth that says another serial number or ratio than before makes the account suspect."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from backend.acquisition.batch import Batch, Row
from backend.acquisition.births import store_device
from backend.acquisition.born import BornDevice, BornPoint, read_birth
from backend.acquisition.store import store
from backend.aggregation.register_events import read_events, revoke_event
from backend.core.clock import ManualClock
from backend.core.db import Database
from gateway.contract import topics
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Datatype, Metric, Payload
from tests.backend.plant_accounts import Plant
from tests.postgres import NOW, MakeProject

QUARTER = timedelta(minutes=15)


def born(serial: str | None, ratio: str | None) -> BornDevice:
    """A meter as its DBIRTH describes it, with a register and a power."""
    said = ((topics.EXT_SERIAL, serial), (topics.EXT_RATIO, ratio))
    extras = [
        Metric(name, datatype=Datatype.STRING, value=text)
        for name, text in said
        if text is not None
    ]
    payload = Payload(0, (*extras,))
    points = tuple(
        BornPoint(name, None, kind, unit, None, 1.0, 900, Metric(name, datatype=Datatype.DOUBLE))
        for name, kind, unit in (("ep_imp", "register", "kWh"), ("p", "gauge", "kW"))
    )
    return replace(read_birth(payload, "m1"), points=points)


async def test_another_serial_or_ratio_is_an_open_change(
    database: Database, make_project: MakeProject, clock: ManualClock
) -> None:
    plant = Plant(database, await make_project("works"))

    async def birth(serial: str | None, ratio: str | None, at: datetime) -> dict[str, int]:
        async with database.ingest() as tx:
            return await store_device(tx, plant.project, 1, born(serial, ratio), at)

    points = await birth("A1", "ct=30 pt=1", NOW - 8 * QUARTER)
    meter = await plant.one(
        "INSERT INTO meter (project_id, uid, slug, name, energy, device_id, register_name, level)"
        " SELECT %s, gen_random_uuid(), 'm1', '{}', 'electricity', d.id, 'ep_imp', 3 FROM device d"
        " RETURNING id"
    )
    rows = [
        Row(plant.project, points["ep_imp"], ms(NOW - (8 - i) * QUARTER), 10.0 + i, 0)
        for i in range(5)
    ]
    await store(database, Batch(rows, {(plant.project, points["ep_imp"])}), clock)
    # The same words, fewer words: nothing happened.
    await birth("A1", "ct=30 pt=1", NOW - 4 * QUARTER)
    await birth(None, None, NOW - 3 * QUARTER)
    assert await events(plant, points) == []
    await birth("B2", "ct=40 pt=1", NOW - QUARTER)
    await birth("B2", "ct=40 pt=1", NOW - QUARTER)
    assert await events(plant, points) == [
        ("changed", NOW - 4 * QUARTER, "serial A1 -> B2, ratio ct=30 pt=1 -> ct=40 pt=1", True)
    ]
    late = Row(plant.project, points["ep_imp"], ms(NOW), 20.0, 0)
    await store(database, Batch([late], {(plant.project, points["ep_imp"])}), clock)
    await plant.settle()
    found = [row[3] for row in await plant.accounts(1, meter, 1)]
    assert found == [Quality.GOOD] * 4 + [Quality.SUSPECT] * 4
    async with database.project(plant.project) as tx:
        (event,) = await read_events(tx, plant.project, list(points.values()))
        await revoke_event(tx, plant.project, event.uid, NOW)
    await plant.settle()
    found = [row[3] for row in await plant.accounts(1, meter, 1)]
    assert found == [Quality.GOOD] * 4 + [Quality.ESTIMATED] * 4


def ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


async def events(
    plant: Plant, points: dict[str, int]
) -> list[tuple[str, datetime, str | None, bool]]:
    """What is recorded of the device's points."""
    async with plant.database.read(plant.project) as tx:
        found = await read_events(tx, plant.project, list(points.values()))
    return [(one.event.kind.value, one.event.ts, one.event.note, one.open) for one in found]
