"""Weeks, shifts, coverage and dated memberships: accounts on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.aggregation.calendar import Period
from backend.core.db import Database
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import DAY, Plant, every
from tests.postgres import MakeProject

KWH = 10**6
MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GOOD, ESTIMATED, MISSING = Quality.GOOD, Quality.ESTIMATED, Quality.MISSING
MONDAY = datetime(2026, 3, 8, 16, tzinfo=UTC)
"""Monday, 9 March 2026, midnight in Shanghai."""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def test_weeks_are_the_sum_of_their_days(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    node = await plant.node({meter: 2})
    # 1 kWh an hour from Sunday noon to Tuesday noon.
    await plant.store(meter, every(MONDAY - 12 * HOUR, 15 * MIN, [i / 4 for i in range(193)]))
    await plant.settle()
    found = await plant.accounts(1, meter.id, Period.WEEK)
    assert [row[:2] for row in found] == [(MONDAY - 7 * DAY, 12 * KWH), (MONDAY, 36 * KWH)]
    assert [row[1] for row in await plant.accounts(2, node, Period.WEEK)] == [24 * KWH, 72 * KWH]


async def test_shifts_cut_the_quarter_hours_anew(plant: Plant) -> None:
    meter, alone = await plant.meter(resolution=1.0), await plant.meter(resolution=1.0)
    site = await plant.node({})
    hall = await plant.node({meter: 1}, parent=site)
    line = await plant.node({meter: 3}, parent=hall)
    await plant.node({alone: 1})
    edges = [MONDAY + hours * HOUR for hours in (-2, 6, 14, 22, 30)]
    await plant.shifts(site, edges)
    # The line has shifts of its own, and the deepest node that counts a meter says its shifts.
    await plant.shifts(line, [MONDAY - 2 * HOUR, MONDAY + 10 * HOUR, MONDAY + 30 * HOUR])
    rows = every(MONDAY, 15 * MIN, [float(i) for i in range(97)])
    await plant.store(meter, rows)
    await plant.store(alone, rows)
    await plant.settle()
    assert [row[:2] for row in await plant.accounts(2, hall, Period.SHIFT)] == [
        (edges[0], 24 * KWH),
        (edges[1], 32 * KWH),
        (edges[2], 32 * KWH),
        (edges[3], 8 * KWH),
    ]
    assert [row[1] for row in await plant.accounts(2, line, Period.SHIFT)] == [120 * KWH, 168 * KWH]
    assert [row[1] for row in await plant.accounts(1, meter.id, Period.SHIFT)] == [
        40 * KWH,
        56 * KWH,
    ]
    assert await plant.accounts(1, alone.id, Period.SHIFT) == []
    # A late sample in the second shift changes that shift alone.
    await plant.store(meter, [(MONDAY + 7 * HOUR + 5 * MIN, 28.0)])
    await plant.settle()
    assert await plant.coverage(2, hall, Period.SHIFT) == [
        (24 * KWH, 6 * 3600, 6 * 3600),
        (32 * KWH, 8 * 3600, 8 * 3600),
        (32 * KWH, 8 * 3600, 8 * 3600),
        (8 * KWH, 2 * 3600, 2 * 3600),
    ]


async def test_coverage_says_what_stands_on_readings(plant: Plant) -> None:
    first, second = await plant.meter(), await plant.meter()
    node = await plant.node({first: 1, second: 1})
    # From 00:05; a silence from 00:30 to 01:30; the second meter is silent after 00:30.
    await plant.store(first, [(MONDAY + m * MIN, m / 10) for m in (5, 15, 30, 90, 105)])
    await plant.store(second, [(MONDAY + m * MIN, m / 10) for m in (0, 15, 30)])
    await plant.settle()
    quarters = [600, 900, 0, 0, 0, 0, 900]
    assert [row[1:] for row in await plant.coverage(1, first.id, 1)] == [
        (measured, 900) for measured in quarters
    ]
    assert [row[1:] for row in await plant.coverage(2, node, 1)] == [
        (1500, 1800), (1800, 1800), (0, 1800), (0, 1800), (0, 1800), (0, 1800), (900, 1800)
    ]  # fmt: skip
    for period in (Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR):
        assert await plant.coverage(1, first.id, period) == [(10 * KWH, 2400, 7 * 900)]
        assert [row[1:] for row in await plant.coverage(2, node, period)] == [(4200, 7 * 1800)]
    assert {row[3] for row in (await plant.accounts(2, node, 1))[2:]} == {MISSING}
    await plant.store(second, [(MONDAY + 105 * MIN, 10.5)])
    await plant.settle()
    assert [row[1:] for row in await plant.coverage(2, node, 1)][2:] == [(0, 1800)] * 4 + [
        (900, 1800)
    ]
    assert {row[3] for row in (await plant.accounts(2, node, 1))[2:]} == {ESTIMATED}


async def test_memberships_count_as_long_as_they_hold(plant: Plant) -> None:
    meter, other = await plant.meter(resolution=0.001), await plant.meter(resolution=0.001)
    node = await plant.node({})
    await plant.member(node, meter, "0.5", MONDAY, MONDAY + 30 * MIN)
    await plant.member(node, meter, "-1", MONDAY + 30 * MIN, MONDAY + 45 * MIN)
    await plant.member(node, other, "1", MONDAY + 15 * MIN)
    rows = every(MONDAY - 15 * MIN, 15 * MIN, [float(i) for i in range(6)])
    await plant.store(meter, rows)
    await plant.store(other, [(ts, 10 * value) for ts, value in rows])
    await plant.settle()
    assert await plant.accounts(2, node, 1) == [
        (MONDAY, 500_000, 0, GOOD),
        (MONDAY + 15 * MIN, 10_500_000, 0, GOOD),
        (MONDAY + 30 * MIN, 9_000_000, 0, GOOD),
        (MONDAY + 45 * MIN, 10 * KWH, 0, GOOD),
    ]
    assert await plant.coverage(2, node, Period.HOUR) == [(30 * KWH, 6 * 900, 6 * 900)]


@pytest.mark.parametrize(
    ("share", "qty"),
    [("0.5", 2), ("1.5", 8), ("0.3", 2), ("-0.5", -2), ("-1.5", -8), ("0.7", 4), ("0.1", 0)],
)
async def test_a_share_is_rounded_half_even_every_quarter_hour(
    plant: Plant, share: str, qty: int
) -> None:
    # 5 mWh a quarter hour.
    meter = await plant.meter(resolution=0.000001)
    node = await plant.node({meter: Decimal(share)})
    await plant.store(meter, every(MONDAY, 15 * MIN, [0.0, 0.000005, 0.00001, 0.000015]))
    await plant.settle()
    assert [row[1] for row in await plant.accounts(2, node, 1)] == [qty] * 3
    assert [row[1] for row in await plant.accounts(2, node, Period.YEAR)] == [3 * qty]
