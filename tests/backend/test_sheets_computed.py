"""Reading sheets of what no register feeds: virtual meters by parts, stocks by their papers."""

from datetime import datetime, timedelta
from fractions import Fraction
from random import Random

import pytest

from backend.aggregation.calendar import Period
from backend.aggregation.mapping import map_meter
from backend.aggregation.rollup import Scope
from backend.aggregation.sheets import Asked, Sheet, read_sheet
from backend.aggregation.stock_accounts import Rule
from backend.core.db import Database
from backend.service.stock.rules import set_rule
from tests.backend.plant_accounts import DAY, Plant, every
from tests.backend.stocks import Keeper, document, local, make_stock
from tests.postgres import NOW, Actor

KWH = 10**6
MIN = timedelta(minutes=1)
START = datetime.fromisoformat("2026-03-08T00:00:00+08:00")


@pytest.fixture
async def plant(database: Database, alice: Actor) -> Plant:
    """Alice's plant in Shanghai."""
    return Plant(database, alice.tenant)


PERIODS = (Period.DAY, Period.MONTH, Period.YEAR)


async def sheets(
    plant: Plant, meter: int, energy: str, periods: tuple[Period, ...] = PERIODS
) -> list[tuple[int, Sheet]]:
    """The account and the sheet of every period that has an account."""
    found = []
    for period in periods:
        for start, qty, _, _ in await plant.accounts(1, meter, period, energy):
            async with plant.database.read(plant.project) as tx:
                [(end,)] = await tx.fetch_tuples(
                    "SELECT end_ts FROM account WHERE project_id = %s AND scope = 1"
                    " AND scope_id = %s AND period = %s AND start_ts = %s",
                    (plant.project, meter, int(period), start),
                )
                asked = Asked(Scope.METER, meter, energy, period, start, end)
                found.append((qty, await read_sheet(tx, plant.project, asked)))
    return found


async def test_a_virtual_meters_sheet_adds_up_its_parts_to_the_account(plant: Plant) -> None:
    """Meters times constants beside what is not linear, another energy, and a hole of a member."""
    draw = Random(5)
    m1, m2, m3 = [await plant.meter(resolution=0.01) for _ in range(3)]
    gas = await plant.meter("natural_gas", resolution=0.001)
    for meter in (m1, m2, m3, gas):
        value, rows = 10.0, []
        for n in range(4 * 30):
            value += draw.uniform(0, 5)
            if meter is not m2 or n < 90:
                rows.append((START + n * 15 * MIN, round(value, 3)))
        await plant.store(meter, rows)
    text = "m1 - (m2 + 0.5 * m3) / 3 + m4 * 9.8 [kWh/m3] + min(m2, m3) - m1 * 0.25"
    virtual = await plant.virtual("net", text)
    await plant.settle()
    found = await sheets(plant, virtual.id, "electricity", (Period.HOUR, *PERIODS))
    assert len(found) > 25
    for qty, sheet in found:
        assert sheet.virtual is not None
        assert sheet.virtual.expression == text
        assert sheet.virtual.total + sheet.rounding == qty
        assert abs(sheet.rounding) <= Fraction(96 * 31, 2), "half a smallest unit a quarter hour"
        assert [(one.meter_id, one.coefficient) for one in sheet.virtual.terms] == [
            (m1.id, Fraction(3, 4)),
            (m2.id, Fraction(-1, 3)),
            (m3.id, Fraction(-1, 6)),
            (gas.id, Fraction(98, 10)),
        ]
        assert [one.meter_ids for one in sheet.virtual.evaluated] == [[m2.id, m3.id]]
    month = next(sheet.virtual for _, sheet in found if sheet.asked.period is Period.MONTH)
    sums = {one.meter_id: one.qty for one in month.terms} if month else {}
    alone = (await plant.accounts(1, m1.id, Period.MONTH))[0][1]
    assert 0 < sums[m1.id] < alone, "not the quarter hours in which another part is missing"


async def test_a_virtual_meter_that_cannot_be_computed_has_no_parts(plant: Plant) -> None:
    meter = await plant.meter()
    virtual = await plant.virtual("never", "m1 / 0")
    await plant.store(meter, every(START, 15 * MIN, [1.0, 2.0, 3.0]))
    await plant.settle()
    async with plant.database.read(plant.project) as tx:
        asked = Asked(Scope.METER, virtual.id, "electricity", Period.DAY, START, START + DAY)
        sheet = await read_sheet(tx, plant.project, asked)
    assert sheet.account is None
    assert sheet.virtual is None
    assert sheet.rounding == 0


@pytest.mark.parametrize("per_day", [None, 700_000_000])
async def test_a_stocks_sheet_is_its_account_in_every_period(
    plant: Plant, alice: Actor, per_day: int | None
) -> None:
    """Counts and papers at odd minutes, one count beyond the books, an estimate after the last."""
    diesel = await make_stock(plant.database, plant.project, "tank", "diesel")
    keeper = Keeper(plant, alice, diesel, NOW)
    for new in (
        document("count", "2026-02-20T09:07", "30"),
        document("delivery", "2026-02-24T10:00", "12"),
        document("sale", "2026-02-26T00:00", "1.5"),
        document("count", "2026-03-01T00:00", "25"),
        document("delivery", "2026-03-03T07:31", "4"),
        document("count", "2026-03-09T17:44", "20"),
        document("delivery", "2026-03-11T08:00", "3"),
    ):
        await keeper.record(new)
    async with plant.database.project(plant.project) as tx:
        # A count above the books comes from before contradictions were refused.
        await tx.execute(
            "UPDATE stock_document SET qty = qty + 20000000000 WHERE project_id = %s AND ts = %s",
            (plant.project, local("2026-03-01T00:00")),
        )
        rule = Rule(per_day=per_day)
        await set_rule(tx, plant.project, diesel, rule, keeper.asker, NOW)
    found = await sheets(plant, diesel.id, "diesel")
    assert len(found) > 8
    for qty, sheet in found:
        assert sheet.stock is not None
        assert sheet.stock.total == qty, sheet.asked
        assert sheet.stock.rule.per_day == per_day
    year = found[-1][1].stock
    assert year is not None
    assert year.start == local("2026-02-20T09:07").timestamp()
    assert (year.opening, year.found) == (30 * 10**9, 4_500_000_000)
    assert [one.kind for one in year.documents] == [
        "delivery", "sale", "count", "delivery", "count", "delivery",
    ]  # fmt: skip


async def test_a_meter_that_was_moved_for_a_part_has_no_single_register(plant: Plant) -> None:
    one, two = await plant.meter(), await plant.meter()
    for meter, each in ((one, 1.0), (two, 3.0)):
        await plant.store(meter, every(START, 15 * MIN, [each * n for n in range(193)]))
    async with plant.database.project(plant.project) as tx:
        await map_meter(tx, plant.project, one.id, two.point, START + DAY, None, NOW)
    await plant.settle()
    for period, total in ((Period.DAY, 3 * 96 * KWH), (Period.MONTH, None)):
        start = START + DAY if period is Period.DAY else local("2026-03-01T00:00")
        end = start + (DAY if period is Period.DAY else 31 * DAY)
        async with plant.database.read(plant.project) as tx:
            asked = Asked(Scope.METER, one.id, "electricity", period, start, end)
            sheet = await read_sheet(tx, plant.project, asked)
        assert sheet.account is not None
        assert (sheet.register and sheet.register.total) == total
