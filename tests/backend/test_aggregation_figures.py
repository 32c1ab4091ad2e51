"""Curves, sums over any span, rankings and factors on a real PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from backend.aggregation import figures
from backend.aggregation.calendar import Period, period_of, plant_time, quarter_of
from backend.aggregation.factors import in_force, read_factors
from backend.aggregation.measures import Measure
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Curve, Span, curve
from backend.core.db import Database, ReadSession
from gateway.contract.energy import energy_type
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.postgres import NOW, MakeProject

MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
KWH = 10**6
START = datetime(2026, 2, 19, 16, tzinfo=UTC)
"""Midnight of 20 February in Shanghai."""
MISSING, GOOD = int(Quality.MISSING), int(Quality.GOOD)


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def curve_of(
    tx: ReadSession,
    plant: Plant,
    meter: Metered,
    period: Period,
    start: datetime,
    end: datetime,
    measure: Measure = Measure.QUANTITY,
    now: datetime = NOW,
) -> Curve:
    """A curve of a meter's electricity."""
    span = Span(Scope.METER, meter.id, energy_type("electricity"), measure, period, start, end)
    return await curve(tx, plant.project, span, now)


def numbers(curve: Curve) -> list[Decimal | None]:
    """The curve's values, digit for digit."""
    found: list[Decimal | None] = json.loads(curve.values, parse_float=Decimal, parse_int=Decimal)
    return found


async def test_case_26_sums_over_any_span_equal_the_sum_of_quarter_hours(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    await plant.factor("kgce", "0.1229", START - 90 * DAY)
    random = Random(26)
    value, rows = 0.0, []
    for i in range(20 * 96 + 1):
        value += random.randrange(30)
        if random.random() > 0.03:
            rows.append((START + i * 15 * MIN, value))
    await plant.store(meter, rows)
    await plant.settle()
    quarters = await plant.accounts(1, meter.id, 1)
    async with plant.database.read(plant.project) as tx:

        async def total(period: Period, start: datetime, end: datetime) -> list[figures.Sum]:
            return await figures.sums(
                tx, plant.project, Scope.METER, [meter.id], period, start, end, "electricity"
            )

        for _ in range(150):
            first, last = sorted(random.sample(range(-200, 20 * 96 + 200), 2))
            start, end = START + first * 15 * MIN, START + last * 15 * MIN
            inside = [row for row in quarters if start <= row[0] < end]
            found = await total(Period.QUARTER_HOUR, start, end)
            drawn = await curve_of(tx, plant, meter, Period.QUARTER_HOUR, start, end)
            assert (drawn.start, drawn.end, drawn.step_s) == (start, end, 900)
            assert len(numbers(drawn)) == last - first
            if not inside:
                assert found == []
                assert set(numbers(drawn)) == {None}
                continue
            assert len(found) == 1
            assert found[0].qty == sum(row[1] for row in inside)
            assert found[0].qty == KWH * sum(v for v in numbers(drawn) if v is not None)
            assert found[0].estimated_qty == sum(row[2] for row in inside)
            assert found[0].quality == max(row[3] for row in inside)
            assert found[0].kgce == Decimal(found[0].qty) * Decimal("0.0000001229")
            assert found[0].cost is None
        # Whole days read the same from the level above as from quarter hours.
        for _ in range(20):
            first, last = sorted(random.sample(range(-2, 23), 2))
            start, end = START + first * DAY, START + last * DAY
            by_day = await total(Period.DAY, start, end)
            assert by_day == await total(Period.QUARTER_HOUR, start, end)
            assert by_day == await total(Period.HOUR, start, end)
        # The month's completeness: daily sums against the register, difference 0.
        for period in (Period.DAY, Period.MONTH, Period.YEAR):
            drawn = await curve_of(tx, plant, meter, period, START, START + 20 * DAY)
            assert sum(v for v in numbers(drawn) if v is not None) == int(rows[-1][1]) - int(
                rows[0][1]
            )


async def test_missing_is_null_and_never_zero(plant: Plant) -> None:
    meter = await plant.meter()
    await plant.store(meter, every(START + 30 * MIN, 15 * MIN, [1.0, 1.0, 1.5]))
    await plant.settle()
    async with plant.database.read(plant.project) as tx:
        quarter = Period.QUARTER_HOUR
        # Widened to whole quarter hours.
        drawn = await curve_of(tx, plant, meter, quarter, START + MIN, START + 74 * MIN)
        assert drawn.values == "[null,null,0,0.5,null]"
        assert json.loads(drawn.quality) == [MISSING, MISSING, GOOD, GOOD, MISSING]
        assert (drawn.start, drawn.end) == (START, START + 75 * MIN)
        # What has not begun yet is not shown, whatever is stored.
        half = await curve_of(
            tx, plant, meter, quarter, START, START + 75 * MIN, now=START + 45 * MIN
        )
        assert half.values == "[null,null,0,null,null]"
        cost = await curve_of(tx, plant, meter, Period.DAY, START, START + HOUR, Measure.COST, NOW)
        assert (cost.values, cost.labels, cost.step_s) == ("[null]", ["2026-02-20"], None)
        # Outside the calendar there is no step at all.
        none = await curve_of(tx, plant, meter, Period.DAY, START - 4000 * DAY, START - 3990 * DAY)
        assert (none.values, none.quality, none.starts) == ("[]", "[]", ())


async def test_rankings_are_sorted_and_keep_to_their_parent(plant: Plant) -> None:
    site_meter = await plant.meter(resolution=1.0)
    site = await plant.node({site_meter: 1})
    await plant.store(site_meter, every(START, HOUR, [0.0, 40.0]))
    nodes = {}
    for kwh in (5, 20, 10, 10):
        meter = await plant.meter(resolution=1.0)
        nodes[await plant.node({meter: 1}, parent=site)] = kwh
        await plant.store(meter, every(START, HOUR, [0.0, float(kwh)]))
    silent = await plant.node({await plant.meter(): 1}, parent=site)
    stranger = await plant.meter(resolution=1.0)
    await plant.node({stranger: 1})
    await plant.store(stranger, every(START, HOUR, [0.0, 100.0]))
    await plant.settle()
    async with plant.database.read(plant.project) as tx:
        found = await figures.ranking(
            tx, plant.project, site, [*nodes, silent], Period.DAY, START + HOUR, "electricity"
        )
        assert found is not None
        assert (found.start, found.end, found.whole) == (START, START + DAY, 40 * KWH)
        by_id = sorted(nodes, key=lambda id: (-nodes[id], id))
        assert [(row.scope_id, row.qty) for row in found.rows] == [
            (id, nodes[id] * KWH) for id in by_id
        ]
        assert [nodes[id] for id in by_id] == [20, 10, 10, 5]
        outside = await figures.ranking(
            tx, plant.project, site, list(nodes), Period.DAY, START - 4000 * DAY, "electricity"
        )
        assert outside is None


async def test_a_cost_known_in_part_is_not_told_as_the_whole(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    await plant.factor("kgce", "0.1", START + HOUR)
    await plant.store(meter, every(START, HOUR, [0.0, 30.0, 50.0]))
    await plant.settle()
    async with plant.database.read(plant.project) as tx:
        told = [
            (row.qty // KWH, row.kgce)
            for start in (START, START + HOUR)
            for row in await figures.sums(
                tx, plant.project, Scope.METER, [meter.id], Period.QUARTER_HOUR, start,
                START + 2 * HOUR,
            )
        ]  # fmt: skip
    assert told == [(50, None), (20, Decimal(2))]


async def test_the_factor_in_force_is_the_accounted_one(plant: Plant) -> None:
    await plant.factor("kgce", "0.1229", START)
    await plant.factor("kgce", "0.3", START + DAY, basis="equivalent")
    await plant.factor("kgce", "0.1230", START + 2 * DAY)
    async with plant.database.read(plant.project) as tx:
        rows = await read_factors(tx, plant.project)
    found = [
        in_force(rows, "electricity", "kgce", at)
        for at in (START - MIN, START, START + DAY, START + 2 * DAY)
    ]
    assert [one and str(one.value) for one in found] == [None, "0.1229", "0.1229", "0.1230"]


async def test_the_period_that_holds_an_instant(plant: Plant) -> None:
    meter = await plant.meter()
    await plant.store(meter, every(START, HOUR, [0.0, 1.0]))
    await plant.settle()
    async with plant.database.read(plant.project) as tx:
        found = [
            await period_of(tx, plant.project, period, START + 37 * MIN)
            for period in (Period.QUARTER_HOUR, Period.HOUR, Period.DAY)
        ]
    assert found == [
        (START + 30 * MIN, START + 45 * MIN),
        (START, START + HOUR),
        (START, START + DAY),
    ]
    assert quarter_of(START + 45 * MIN) == START + 45 * MIN


def test_bounds_of_the_first_screen() -> None:
    shanghai = plant_time("Asia/Shanghai", 0)
    midnight = datetime(2026, 3, 14, 16, tzinfo=UTC)
    assert figures.today_of(shanghai, NOW + 7 * MIN) == figures.Today(
        day=midnight,
        day_end=midnight + DAY,
        yesterday=midnight - DAY,
        month=datetime(2026, 2, 28, 16, tzinfo=UTC),
        month_end=datetime(2026, 3, 31, 16, tzinfo=UTC),
    )
    # The day begins at 8: an hour before, it is still the month's last day.
    early = plant_time("Asia/Shanghai", 8 * 60)
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    assert figures.today_of(early, new_year - HOUR) == figures.Today(
        day=new_year - DAY,
        day_end=new_year,
        yesterday=new_year - 2 * DAY,
        month=datetime(2025, 12, 1, tzinfo=UTC),
        month_end=new_year,
    )
    # The day on which clocks go back has 25 hours.
    berlin = figures.today_of(
        plant_time("Europe/Berlin", 0), datetime(2026, 10, 25, 22, 50, tzinfo=UTC)
    )
    assert berlin.day_end - berlin.day == 25 * HOUR
    assert berlin.day - berlin.yesterday == DAY
