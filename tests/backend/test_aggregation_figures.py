"""Series, sums over any span, rankings and factors on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from backend.aggregation import figures
from backend.aggregation.calendar import Period, plant_time
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Measure, read_series
from backend.core.db import Database
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import DAY, Plant, every
from tests.postgres import NOW, MakeProject

MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
KWH = 10**6
START = datetime(2026, 2, 19, 16, tzinfo=UTC)
"""Midnight of 20 February in Shanghai."""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


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
        for _ in range(150):
            first, last = sorted(random.sample(range(-200, 20 * 96 + 200), 2))
            start, end = START + first * 15 * MIN, START + last * 15 * MIN
            inside = [row for row in quarters if start <= row[0] < end]
            found = await figures.energy_figures(
                tx, plant.project, Scope.METER, meter.id, "electricity", start, end
            )
            if not inside:
                assert found is None
                continue
            assert found is not None
            assert found.qty == sum(row[1] for row in inside)
            assert found.estimated_qty == sum(row[2] for row in inside)
            assert found.quality == max(row[3] for row in inside)
            assert found.kgce == Decimal(found.qty) * Decimal("0.0000001229")
            assert found.cost is None
        # The month's completeness: daily sums against the month, difference 0.
        for period in (Period.DAY, Period.MONTH, Period.YEAR):
            series = await read_series(
                tx, plant.project, Scope.METER, meter.id, "electricity", Measure.QTY, period,
                START, START + 20 * DAY,
            )  # fmt: skip
            assert sum(v for v in series.exact if v is not None) == int(rows[-1][1]) * KWH - int(
                rows[0][1] * KWH
            )


async def test_a_span_between_quarter_hours_is_refused(plant: Plant) -> None:
    async with plant.database.read(plant.project) as tx:
        with pytest.raises(ValueError, match="at quarter hours"):
            await figures.energy_figures(
                tx, plant.project, Scope.METER, 1, "electricity", START, START + MIN
            )


async def test_missing_is_none_and_never_zero(plant: Plant) -> None:
    meter = await plant.meter()
    await plant.store(meter, every(START + 30 * MIN, 15 * MIN, [1.0, 1.0, 1.5]))
    await plant.settle()
    async with plant.database.read(plant.project) as tx:
        series = await read_series(
            tx, plant.project, Scope.METER, meter.id, "electricity", Measure.QTY,
            Period.QUARTER_HOUR, START, START + 75 * MIN,
        )  # fmt: skip
        assert series.values == [None, None, 0.0, 0.5, None]
        assert series.exact == [None, None, 0, 500_000, None]
        missing, good = Quality.MISSING, Quality.GOOD
        assert series.qualities == [missing, missing, good, good, missing]
        assert series.unit == "kWh"
        assert (series.starts[0], series.ends[-1]) == (START, START + 75 * MIN)
        cost = await read_series(
            tx, plant.project, Scope.METER, meter.id, "electricity", Measure.COST, Period.DAY,
            START, START + HOUR,
        )  # fmt: skip
        assert (cost.values, cost.unit) == ([None], "")


async def test_rankings_are_sorted_and_keep_to_their_parent(plant: Plant) -> None:
    site = await plant.node({})
    nodes = {}
    for kwh in (5, 20, 10):
        meter = await plant.meter(resolution=1.0)
        nodes[await plant.node({meter: 1}, parent=site)] = kwh
        await plant.store(meter, every(START, HOUR, [0.0, float(kwh)]))
    stranger = await plant.meter(resolution=1.0)
    await plant.node({stranger: 1})
    await plant.store(stranger, every(START, HOUR, [0.0, 100.0]))
    await plant.settle()
    async with plant.database.read(plant.project) as tx:
        found = await figures.children_ranking(
            tx, plant.project, site, "electricity", Period.DAY, START, 2
        )
        assert [(nodes[one.scope_id], one.qty) for one in found] == [
            (20, 20 * KWH),
            (10, 10 * KWH),
        ]
        meters = await figures.ranking(
            tx, plant.project, Scope.METER, "electricity", Period.DAY, START, 10
        )
        assert [one.qty // KWH for one in meters] == [100, 20, 10, 5]


async def test_the_factor_in_force_is_the_accounted_one(plant: Plant) -> None:
    await plant.factor("kgce", "0.1229", START)
    await plant.factor("kgce", "0.3", START + DAY, basis="equivalent")
    await plant.factor("kgce", "0.1230", START + 2 * DAY)
    async with plant.database.read(plant.project) as tx:
        found = [
            await figures.factor_in_force(tx, plant.project, "electricity", "kgce", at)
            for at in (START - MIN, START, START + DAY, START + 2 * DAY)
        ]
    assert [one and str(one.value) for one in found] == [None, "0.1229", "0.1229", "0.1230"]


def test_spans_of_the_first_screen() -> None:
    shanghai = plant_time("Asia/Shanghai", 0)
    now = NOW + 7 * MIN  # 12:07 on Sunday 15 March
    midnight = datetime(2026, 3, 14, 16, tzinfo=UTC)
    assert figures.today(shanghai, now) == (midnight, NOW + 15 * MIN)
    assert figures.same_time_yesterday(shanghai, now) == (
        midnight - DAY,
        NOW - DAY + 15 * MIN,
    )
    assert figures.month(shanghai, now) == (
        datetime(2026, 2, 28, 16, tzinfo=UTC),
        NOW + 15 * MIN,
    )
    # Late on a day of 25 hours, yesterday (24) ends before as much time has passed.
    berlin = plant_time("Europe/Berlin", 0)
    late = datetime(2026, 10, 25, 22, 50, tzinfo=UTC)
    start, end = figures.same_time_yesterday(berlin, late)
    assert end - start == DAY
