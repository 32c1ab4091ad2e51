"""Many curves in one statement, put together for a screen, and top lists; on a real PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from backend.aggregation.calendar import Period, keep_calendar, read_plant_time
from backend.aggregation.measures import Measure
from backend.aggregation.ranking import Order, Question, top
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Curve, Span, curve, curves
from backend.core.db import Database, ReadSession
from gateway.contract.energy import energy_type
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import DAY, Plant, every
from tests.postgres import NOW, MakeProject

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
START = datetime(2026, 2, 19, 16, tzinfo=UTC)
"""Midnight of 20 February in Shanghai."""
ELECTRICITY = energy_type("electricity")


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


def numbers(text: str | None) -> list[Decimal | None]:
    """Values, digit for digit."""
    assert text is not None
    found: list[Decimal | None] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return found


def span_of(period: Period, start: datetime, end: datetime, **more: object) -> Span:
    """Quantities of electricity of meters."""
    measure = more.pop("measure", Measure.QUANTITY)
    width = more.pop("width", None)
    assert isinstance(measure, Measure)
    assert width is None or isinstance(width, int)
    return Span(Scope.METER, 0, ELECTRICITY, measure, period, start, end, width)


async def test_whole_steps_are_put_together_exactly_whatever_the_width(plant: Plant) -> None:
    random = Random(9)
    meter = await plant.meter(resolution=0.01)
    value, rows = 0.0, []
    for n in range(10 * 96 + 1):
        value += random.randrange(3000) / 100
        if not 300 <= n <= 420:
            rows.append((START + n * QUARTER, value))
    await plant.store(meter, rows[:300])
    await plant.store(meter, rows[300:])
    await plant.settle()
    end = START + 10 * DAY
    async with plant.database.read(plant.project) as tx:

        async def drawn(period: Period, **more: object) -> Curve:
            return (await curves(tx, plant.project, span_of(period, START, end, **more),
                                 [meter.id], NOW))[meter.id]  # fmt: skip

        fine = await drawn(Period.QUARTER_HOUR)
        steps = numbers(fine.values)
        assert fine.total == sum(one for one in steps if one is not None)
        for width in (1, 7, 100, 390, 959, 960, 4000):
            wide = await drawn(Period.QUARTER_HOUR, width=width)
            parts = -(-len(steps) // width)
            groups = [steps[n : n + parts] for n in range(0, len(steps), parts)]
            known = [[one for one in group if one is not None] for group in groups]
            assert numbers(wide.values) == [sum(group) if group else None for group in known]
            assert numbers(wide.lows) == [min(group) if group else None for group in known]
            assert numbers(wide.highs) == [max(group) if group else None for group in known]
            assert len(groups) <= width
            assert wide.step_s == parts * 900
            assert wide.total == fine.total
            worst = json.loads(fine.quality)
            assert json.loads(wide.quality) == [
                max(worst[n : n + parts]) for n in range(0, len(steps), parts)
            ]
        days = await drawn(Period.DAY, width=4)
        by_day = numbers((await drawn(Period.DAY)).values)
        sums = [sum(one or 0 for one in by_day[n : n + 3]) for n in range(0, 10, 3)]
        assert numbers(days.values) == sums
        assert list(days.labels) == ["2026-02-20", "2026-02-23", "2026-02-26", "2026-03-01"]
        assert days.starts[1] == START + 3 * DAY


async def test_power_is_the_mean_of_what_is_known(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    await plant.store(meter, every(START, QUARTER, [0.0, 10.0, 10.0, 40.0]))
    await plant.settle()
    span = span_of(Period.QUARTER_HOUR, START, START + HOUR, measure=Measure.POWER)
    async with plant.database.read(plant.project) as tx:
        fine = (await curves(tx, plant.project, span, [meter.id], NOW))[meter.id]
        assert fine.values == "[40,0,120,null]"
        assert fine.total == Decimal("53.333333")
        span = span_of(Period.QUARTER_HOUR, START, START + HOUR, measure=Measure.POWER, width=2)
        wide = (await curves(tx, plant.project, span, [meter.id], NOW))[meter.id]
    assert (wide.values, wide.lows, wide.highs) == ("[20,120]", "[0,120]", "[40,120]")
    assert json.loads(wide.quality) == [Quality.GOOD, Quality.MISSING]


async def test_the_measured_share_is_that_of_the_meter_seconds(plant: Plant) -> None:
    meter = await plant.meter()
    await _account(plant, meter.id, Period.DAY, START, 5, measured=(43_200, 86_400))
    await _account(plant, meter.id, Period.DAY, START + DAY, 5, measured=(86_400, 86_400))
    async with plant.database.read(plant.project) as tx:
        drawn = {}
        for width in (None, 1):
            span = span_of(
                Period.DAY, START, START + 3 * DAY, measure=Measure.MEASURED, width=width
            )
            drawn[width] = (await curves(tx, plant.project, span, [meter.id], NOW))[meter.id]
    assert (drawn[None].values, drawn[None].total) == ("[0.5,1,null]", Decimal("0.750000"))
    assert drawn[1].values == "[0.75]"


async def test_shifts_are_those_of_the_nearest_pattern(plant: Plant) -> None:
    meter = await plant.meter()
    works = await plant.node({})
    hall = await plant.node({meter: 1}, parent=works)
    async with plant.database.project(plant.project) as tx:
        for node, hours in ((works, 24), (hall, 8)):
            for n in range(24 // hours):
                await tx.execute(
                    "INSERT INTO shift_period (project_id, node_id, start_ts, end_ts, shift, team)"
                    " VALUES (%s, %s, %s, %s, %s, 'A')",
                    (plant.project, node, START + n * hours * HOUR,
                     START + (n + 1) * hours * HOUR, f"s{hours}-{n}"),
                )  # fmt: skip
    await _account(plant, meter.id, Period.SHIFT, START + 8 * HOUR, 3)
    async with plant.database.read(plant.project) as tx:
        span = span_of(Period.SHIFT, START, START + DAY)
        drawn = (await curves(tx, plant.project, span, [meter.id], NOW))[meter.id]
    assert list(drawn.labels) == ["s8-0", "s8-1", "s8-2"]
    assert numbers(drawn.values) == [None, Decimal(3), None]


async def test_case_25_a_year_of_30_meters_is_one_statement(plant: Plant) -> None:
    meters = [(await plant.meter()).id for _ in range(30)]
    months = [datetime(2025, n, 1, tzinfo=UTC) - 8 * HOUR for n in range(1, 13)]
    async with plant.database.project(plant.project) as tx:
        await keep_calendar(
            tx, plant.project, await read_plant_time(tx, plant.project), months[0], NOW
        )
    for place, meter in enumerate(meters):
        for n, month in enumerate(months):
            await _account(plant, meter, Period.MONTH, month, 100 * place + n)
    span = span_of(Period.MONTH, months[0], months[0] + 365 * DAY)
    async with plant.database.read(plant.project) as tx:
        counted = _Counting(tx)
        drawn = await curves(counted, plant.project, span, meters, NOW)
    assert counted.statements == 1
    for place, meter in enumerate(meters):
        assert numbers(drawn[meter].values) == [100 * place + n for n in range(12)]
        # One of them alone is the same curve.
        async with plant.database.read(plant.project) as tx:
            alone = Span(
                Scope.METER, meter, ELECTRICITY, Measure.QUANTITY, Period.MONTH, span.start,
                span.end,
            )  # fmt: skip
            assert await curve(tx, plant.project, alone, NOW) == drawn[meter]


class _Counting(ReadSession):
    """A session that counts the statements which go through it."""

    def __init__(self, inner: ReadSession) -> None:
        super().__init__(inner._connection)  # noqa: SLF001 - the same connection, counted
        self.statements = 0

    async def fetch_all(self, *args: object, **more: object) -> list[object]:  # type: ignore[override]
        self.statements += 1
        found: list[object] = await super().fetch_all(*args, **more)  # type: ignore[call-overload]
        return found


async def test_top_lists_have_places_others_and_the_whole(plant: Plant) -> None:
    random = Random(4)
    amounts = [random.randrange(1000) for _ in range(40)]
    meters = [(await plant.meter()).id for _ in amounts]
    site = await plant.node({})
    day = START
    for meter, amount in zip(meters, amounts, strict=True):
        await _account(plant, meter, Period.DAY, day, amount, cost=Decimal(1000 - amount))
    await _account(plant, site, Period.DAY, day, 50_000, scope=2)
    async with plant.database.project(plant.project) as tx:
        await keep_calendar(tx, plant.project, await read_plant_time(tx, plant.project), day, NOW)
    ordered = sorted(zip(amounts, meters, strict=True), key=lambda one: (-one[0], one[1]))
    async with plant.database.read(plant.project) as tx:
        for first, some in ((20, None), (1, None), (40, None), (60, None), (5, meters[:10])):
            question = Question(
                Scope.METER, some, ELECTRICITY, Order.QUANTITY, Period.DAY, first, site
            )
            found = await top(tx, plant.project, question, day + 5 * HOUR)
            assert found is not None
            ranked = [one for one in ordered if some is None or one[1] in some]
            assert [(one.scope_id, one.amount) for one in found.places] == [
                (meter, Decimal(amount * 10**6)) for amount, meter in ranked[:first]
            ]
            below = ranked[first:]
            assert found.others.count == len(below)
            assert found.others.amount == 10**6 * sum(amount for amount, _ in below)
            assert found.whole == 50_000 * 10**6
        question = Question(Scope.METER, None, ELECTRICITY, Order.COST, Period.DAY, 3)
        dear = await top(tx, plant.project, question, day)
        assert dear is not None
        assert [one.amount for one in dear.places] == [
            1000 - amount for amount in sorted(amounts)[:3]
        ]
        assert dear.whole == sum(1000 - amount for amount in amounts)
        # Nothing is known of kgce: no sum is made up.
        question = Question(Scope.METER, None, ELECTRICITY, Order.KGCE, Period.DAY, 3)
        unknown = await top(tx, plant.project, question, day)
        assert unknown is not None
        assert (unknown.others.amount, unknown.whole) == (None, None)
        assert await top(tx, plant.project, question, day - 4000 * DAY) is None


async def _account(
    plant: Plant,
    scope_id: int,
    period: Period,
    start: datetime,
    kwh: int,
    *,
    scope: int = 1,
    measured: tuple[int, int] = (0, 0),
    cost: Decimal | None = None,
) -> None:
    length = {Period.SHIFT: 8 * HOUR, Period.DAY: DAY}.get(period, 28 * DAY)
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts, end_ts,"
            " qty, quality, measured_s, expected_s, cost, updated_at)"
            " VALUES (%s, %s, %s, 'electricity', %s, %s, %s, %s, 0, %s, %s, %s, %s)",
            (plant.project, scope, scope_id, int(period), start, start + length, kwh * 10**6,
             *measured, cost, NOW),
        )  # fmt: skip
        if period is Period.DAY:
            await keep_calendar(
                tx, plant.project, await read_plant_time(tx, plant.project), start, NOW
            )
