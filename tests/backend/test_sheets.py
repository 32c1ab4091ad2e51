"""Reading sheets on a real PostgreSQL: what they add up to is what the account says."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from backend.aggregation.calendar import Period
from backend.aggregation.mapping import map_meter
from backend.aggregation.reading_sheet import Why
from backend.aggregation.rollup import Scope
from backend.aggregation.sheets import Asked, Sheet, read_sheet
from backend.core.db import Database
from tests.backend.meter_points import point, update
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.postgres import NOW, MakeProject

KWH = 10**6
MIN = timedelta(minutes=1)
START = datetime.fromisoformat("2026-03-08T00:00:00+08:00")


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def sheet(plant: Plant, scope: Scope, scope_id: int, period: Period, at: datetime) -> Sheet:
    """The sheet of the account that begins at an instant."""
    async with plant.database.read(plant.project) as tx:
        [(start, end)] = await tx.fetch_tuples(
            "SELECT start_ts, end_ts FROM calendar_period WHERE project_id = %s AND period = %s"
            " AND start_ts = %s",
            (plant.project, int(period), at),
        )
        asked = Asked(scope, scope_id, "electricity", period, start, end)
        return await read_sheet(tx, plant.project, asked)


async def test_every_sheet_of_a_random_history_is_its_account(plant: Plant) -> None:
    random = Random(3)
    meter = await plant.meter(resolution=0.01, modulus=1000, nameplate=100)
    rows, value, at, reset = [], 950.0, START + 7 * MIN, START + 60 * 60 * MIN
    while at < START + 5 * DAY:
        value = (value + random.uniform(0, 6)) % 1000
        if at > reset:
            value, reset = 20.0, START + 9 * DAY
        rows.append((at, value if random.random() > 0.02 else value * 0.5))
        at += random.choice((MIN, 15 * MIN, 15 * MIN, 200 * MIN))
    await plant.store(meter, rows)
    last = START + 3 * DAY
    await record(plant, meter.point, "ratio", START + DAY + 7 * MIN, START + 2 * DAY, "4/3")
    await record(plant, meter.point, "exclude", last, last + 50 * MIN)
    await plant.settle()
    seen: set[Why] = set()
    for period in (Period.HOUR, Period.DAY, Period.MONTH):
        for start, qty, estimated, _ in await plant.accounts(1, meter.id, period):
            found = await sheet(plant, Scope.METER, meter.id, period, start)
            assert found.register is not None
            assert found.register.total == qty
            assert found.account is not None
            assert (found.account.qty, found.account.estimated_qty) == (qty, estimated)
            seen |= {one.why for one in found.register.adjustments}
            seen |= {one.why for one in found.register.remarks}
    assert seen >= {Why.WRAP, Why.RESET, Why.RATIO, Why.EXCLUDED, Why.ESTIMATED}


async def test_a_nodes_sheet_lists_its_terms(plant: Plant) -> None:
    one, two = await plant.meter(), await plant.meter()
    node = await plant.node({one: 1, two: -1})
    for meter, step in ((one, 1.0), (two, 0.3)):
        await plant.store(meter, every(START, 15 * MIN, [100 + i * step for i in range(97)]))
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE node_meter SET coefficient = -0.5, valid_from = %s WHERE project_id = %s"
            " AND node_id = %s AND meter_id = %s",
            (START + DAY / 2, plant.project, node, two.id),
        )
    await plant.settle()
    found = await sheet(plant, Scope.NODE, node, Period.DAY, START)
    assert found.register is None
    assert [(t.meter_id, t.coefficient, t.end - t.start, t.qty) for t in found.terms] == [
        (one.id, Decimal(1), DAY, 96 * KWH),
        (two.id, Decimal("-0.5"), DAY / 2, 48 * 3 * KWH // 10),
    ]
    assert found.account is not None
    assert found.account.qty == 96 * KWH - 24 * 3 * KWH // 10
    assert found.rounding == 0


async def gauge(plant: Plant) -> Metered:
    """A meter of a power that is integrated; its nameplate lets 120 kW through."""
    meter = await plant.meter(nameplate=100, max_gap_s=1800)
    power = await point(plant, "gauge", "kW")
    await update(plant, meter.id, source="gauge", point_id=power, register_name=None)
    return Metered(meter.id, power)


async def record(
    plant: Plant, at: int, kind: str, first: datetime, last: datetime, factor: str | None = None
) -> None:
    """Record what is known of a point."""
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "INSERT INTO register_event (project_id, point_id, ts, until_ts, kind, factor,"
            " recorded_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (plant.project, at, first, last, kind, factor, START),
        )


async def test_every_sheet_of_a_random_gauge_is_its_account(plant: Plant) -> None:
    random = Random(5)
    meter = await gauge(plant)
    rows, at = [], START + 7 * MIN
    while at < START + 3 * DAY:
        rows.append((at, round(random.choice((7.0, 40.0, 90.0, 130.0, -3.0)) * random.random(), 3)))
        at += random.choice((MIN, 11 * MIN, 15 * MIN, 15 * MIN, 90 * MIN))
    await plant.store(meter, rows)
    await record(plant, meter.point, "ratio", START + DAY + 7 * MIN, START + 2 * DAY, "4/3")
    await record(plant, meter.point, "exclude", START + DAY / 4, START + DAY / 4 + 50 * MIN)
    await plant.settle()
    seen: set[Why] = set()
    for period in (Period.HOUR, Period.DAY, Period.MONTH):
        for start, qty, estimated, _ in await plant.accounts(1, meter.id, period):
            found = await sheet(plant, Scope.METER, meter.id, period, start)
            assert found.register is not None
            assert (found.unit, found.register.total) == ("kW", qty)
            remarks = found.register.remarks
            assert sum(one.qty or 0 for one in remarks if one.why is Why.ESTIMATED) == estimated
            seen |= {one.why for one in found.register.adjustments}
            seen |= {one.why for one in remarks}
    assert seen == {
        Why.RATIO, Why.ROUNDING, Why.EXCLUDED, Why.ESTIMATED, Why.ABOVE, Why.NEGATIVE
    }  # fmt: skip


async def test_a_gauge_goes_from_its_mean_to_its_account(plant: Plant) -> None:
    meter = await gauge(plant)
    await plant.store(meter, every(START, 10 * MIN, [10.0, 20.0, -4.0, 130.0, 20.0, 20.0, 20.0]))
    await plant.settle()
    found = await sheet(plant, Scope.METER, meter.id, Period.HOUR, START)
    lines = found.register
    assert lines is not None
    # 10 to 20 to 0 kW, straight on to 20 kW where 130 kW are left out, and 20 kW.
    assert (lines.mean, lines.hours) == (Decimal("14.1666666667"), Decimal(1))
    assert (lines.raw, lines.total) == (14_166_667, 14_166_667)
    assert (lines.opening.value, lines.closing.value) == (Decimal(10), Decimal(20))
    assert [(one.why, one.value) for one in lines.remarks] == [
        (Why.ABOVE, Decimal(130)), (Why.NEGATIVE, Decimal(-4)),
        (Why.ESTIMATED, None),
    ]  # fmt: skip


async def test_a_meter_that_was_moved_has_lines_of_each_point(plant: Plant) -> None:
    meter, other = await plant.meter(), await plant.meter()
    for one, step in ((meter, 1.0), (other, 0.7)):
        await plant.store(one, every(START, 15 * MIN, [100 + i * step for i in range(97)]))
    async with plant.database.project(plant.project) as tx:
        span = (START + 6 * 60 * MIN, START + 18 * 60 * MIN)
        await map_meter(tx, plant.project, meter.id, other.point, *span, NOW)
    await plant.settle()
    found = await sheet(plant, Scope.METER, meter.id, Period.DAY, START)
    assert found.register is None
    assert found.account is not None
    told = [(one.point, one.end - one.start) for one in found.parts]
    assert told == [("d1/ep_imp", DAY / 4), ("d2/ep_imp", DAY / 2), ("d1/ep_imp", DAY / 4)]
    totals = [one.lines.total for one in found.parts if one.lines]
    assert totals == [24 * KWH, 48 * 7 * KWH // 10, 24 * KWH]
    assert sum(totals) == found.account.qty
    inside = await sheet(plant, Scope.METER, meter.id, Period.HOUR, START + 7 * 60 * MIN)
    assert inside.register is not None
    assert inside.register.total == 4 * 7 * KWH // 10


async def test_what_a_meter_was_not_yet_is_not_in_its_lines(plant: Plant) -> None:
    meter = await plant.meter()
    await update(plant, meter.id, valid_from=START + DAY / 2)
    await plant.store(meter, every(START, 15 * MIN, [100.0 + i for i in range(97)]))
    await plant.settle()
    found = await sheet(plant, Scope.METER, meter.id, Period.DAY, START)
    assert found.account is not None
    assert found.register is not None
    assert found.register.total == found.account.qty == 48 * KWH
