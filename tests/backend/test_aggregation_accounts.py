"""Accounts on a real PostgreSQL: exact, in any order, by any number of workers, at every level."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from backend.aggregation.accounts import account, keep_ahead
from backend.aggregation.curve import QUARTER, buckets
from backend.aggregation.metering import instant, micros, read_registers
from backend.aggregation.registers import Reading, judge
from backend.aggregation.window import ceil_quarter, floor_quarter
from backend.core.db import Database
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import DAY, Metered, Plant, every, sums_agree
from tests.postgres import NOW, MakeProject

KWH = 10**6
MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GOOD, ESTIMATED, MISSING = Quality.GOOD, Quality.ESTIMATED, Quality.MISSING
YEAR = list(range(1, 13))
FLAT: dict[str, object] = {
    "bands": {"flat": "0.65"},
    "seasons": [{"months": YEAR, "days": "all", "times": [["00:00", "24:00", "flat"]]}],
}


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


def local(text: str) -> datetime:
    """An instant by Shanghai's clock."""
    return datetime.fromisoformat(text + "+08:00").astimezone(UTC)


async def test_case_03_and_04_zero_and_wrap_reach_every_level(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0, modulus=1_000_000.0, nameplate=100)
    node = await plant.node({meter: 1})
    start = local("2026-03-10T00:00")
    # A zero that 100 kW cannot have wrapped to in a quarter of an hour, then a wrap of 9 kWh.
    values = [999_900.0, 0.0, 999_940.0, 999_965.0, 999_990.0, 999_995.0, 4.0, 9.0]
    await plant.store(meter, every(start, 15 * MIN, values))
    await plant.settle()
    for scope, scope_id in ((1, meter.id), (2, node)):
        quarters = await plant.accounts(scope, scope_id, 1)
        assert [row[1] // KWH for row in quarters] == [20, 20, 25, 25, 5, 9, 5]
        assert await total(plant, scope, scope_id) == 109 * KWH
    async with plant.database.read(plant.project) as tx:
        kinds = await tx.fetch_tuples(
            "SELECT kind, ts, until_ts FROM register_judgement WHERE project_id = %s ORDER BY ts",
            (plant.project,),
        )
    wrapped = start + 90 * MIN
    assert kinds == [("zero", start + 15 * MIN, start + 30 * MIN), ("wrap", wrapped, wrapped)]


async def total(plant: Plant, scope: int, scope_id: int) -> int:
    """The year."""
    (row,) = await plant.accounts(scope, scope_id, 5)
    return row[1]


async def expected(plant: Plant, meter: Metered) -> list[tuple[datetime, int, int, int]]:
    """One pass over everything that is stored."""
    async with plant.database.read(plant.project) as tx:
        register = (await read_registers(tx, plant.project, [meter.point]))[meter.point]
        rows = await tx.fetch_tuples(
            "SELECT ts, value, quality FROM reading WHERE project_id = %s AND point_id = %s"
            " ORDER BY ts",
            (plant.project, meter.point),
        )
    readings = [Reading(micros(ts), register.spec.count(v), q) for ts, v, q in rows]
    trace = judge(readings, register.spec)
    bounds = trace.curve.bounds()
    assert bounds is not None
    grid = range(floor_quarter(bounds[0]), ceil_quarter(bounds[1]) + 1, QUARTER)
    return [(instant(b.start), b.qty, b.estimated, b.quality) for b in buckets(trace.curve, grid)]


def life(random: Random, count: int) -> list[tuple[datetime, float]]:
    """A register with dips, zeros, resets, spikes and gaps."""
    moment, raw = local("2026-02-20T00:00"), 1000.0
    rows = []
    for _ in range(count):
        moment += random.choice([MIN, 5 * MIN, 5 * MIN, 15 * MIN, 15 * MIN, 7 * HOUR])
        kind = random.choice(["rise"] * 14 + ["zero", "dip", "reset", "spike"])
        raw = {"rise": raw + random.randrange(50) / 10, "reset": 0.3}.get(kind, raw)
        shown = {"zero": 0.0, "dip": raw * 0.97, "spike": raw + 9000}.get(kind, raw)
        rows.append((moment, round(shown, 1)))
    return rows


@pytest.mark.both_postgres
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_order_and_two_workers_equal_one_pass(plant: Plant, seed: int) -> None:
    random = Random(seed)
    meters = [await plant.meter(nameplate=500) for _ in range(3)]
    node = await plant.node({meters[0]: 1, meters[1]: 1, meters[2]: -1})
    waiting = [(meter, row) for meter in meters for row in life(random, 150)]
    random.shuffle(waiting)
    arrived = asyncio.Event()

    async def work(spans: list[timedelta]) -> None:
        while not arrived.is_set():
            await plant.work(random.choice(spans))

    await asyncio.gather(
        arrive(plant, waiting, arrived), work([HOUR, DAY]), work([6 * HOUR, 31 * DAY])
    )
    await plant.settle(2 * DAY)
    sums: dict[datetime, int] = {}
    for meter, sign in zip(meters, (1, 1, -1), strict=True):
        found = await plant.accounts(1, meter.id, 1)
        assert found == await expected(plant, meter)
        await sums_agree(plant, 1, meter.id)
        for start, qty, _, _ in found:
            sums[start] = sums.get(start, 0) + sign * qty
    assert {row[0]: row[1] for row in await plant.accounts(2, node, 1)} == sums
    await sums_agree(plant, 2, node)


async def arrive(
    plant: Plant, waiting: list[tuple[Metered, tuple[datetime, float]]], arrived: asyncio.Event
) -> None:
    """Store everything in batches over all meters."""
    for i in range(0, len(waiting), 40):
        batch = waiting[i : i + 40]
        for meter in {meter for meter, _ in batch}:
            await plant.store(meter, [row for one, row in batch if one == meter])
    arrived.set()


async def test_a_crash_before_the_commit_leaves_everything_as_it_was(plant: Plant) -> None:
    meter = await plant.meter()
    await plant.store(meter, every(local("2026-03-10T00:00"), 15 * MIN, [1.0, 2.0, 3.0]))

    async def crash() -> None:
        async with plant.database.project(plant.project) as tx:
            assert (await account(tx, plant.project, NOW, DAY)).changed
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await crash()
    assert await plant.accounts(1, meter.id, 1) == []
    assert (await plant.work()).rows == 1
    assert [row[1] for row in await plant.accounts(1, meter.id, 1)] == [1_000_000] * 2


async def test_the_newest_day_of_a_long_import_comes_first(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    start = local("2026-02-10T00:00")
    await plant.store(meter, every(start, 15 * MIN, [float(i) for i in range(30 * 96 + 1)]))
    assert (await plant.work(span=DAY)).more
    hours = await plant.accounts(1, meter.id, 2)
    assert hours[-1][0] == start + 30 * DAY - HOUR
    assert 24 <= len(hours) <= 25
    # A live value arrives meanwhile: its hour is done before the rest of the import.
    live = start + 30 * DAY
    await plant.store(meter, [(live + 15 * MIN, 30 * 96 + 5.0)])
    await plant.work(span=DAY)
    assert (await plant.accounts(1, meter.id, 2))[-1][:2] == (live, 5 * KWH)
    assert await plant.settle(span=DAY) == 29
    assert await total(plant, 1, meter.id) == (30 * 96 + 5) * KWH


async def test_cost_kgce_and_co2_are_exact_products_of_quarter_hours(plant: Plant) -> None:
    meter = await plant.meter(resolution=0.001)
    node = await plant.node({meter: 2})
    day = local("2026-03-10T00:00")
    await plant.factor("kgce", "0.1229", local("2026-01-01T00:00"))
    await plant.factor("kgce", "0.3", local("2026-02-01T00:00"), basis="equivalent")
    await plant.factor("kgco2", "0.5306", local("2026-01-01T00:00"), basis="location")
    await plant.factor("kgco2", "0.5000", day + 30 * MIN, basis="location")
    rules = {
        "bands": {"peak": "1.0537", "flat": "0.6521"},
        "seasons": [
            {"months": YEAR, "days": "all",
             "times": [["00:00", "00:30", "flat"], ["00:30", "24:00", "peak"]]}
        ],
    }  # fmt: skip
    await plant.tariff(rules, local("2026-01-01T00:00"))
    async with plant.database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW)
    await plant.store(meter, every(day, 15 * MIN, [0.0, 0.123, 1.0, 1.5]))
    await plant.settle()
    # flat: 1.000 kWh in 00:00-00:30; peak: 0.5 kWh.
    cost = Decimal("0.6521") + Decimal("0.5") * Decimal("1.0537")
    kgce = Decimal("1.5") * Decimal("0.1229")
    kgco2 = Decimal("0.5306") + Decimal("0.5") * Decimal("0.5")
    assert await plant.values(1, meter.id, 3, day) == (1_500_000, kgce, kgco2, cost)
    assert await plant.values(2, node, 5, local("2026-01-01T00:00")) == (
        3_000_000,
        2 * kgce,
        2 * kgco2,
        2 * cost,
    )


async def test_case_10_tariff_at_half_past(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    day = local("2026-03-10T00:00")
    rules = {
        "bands": {"peak": "1.1", "flat": "0.7", "valley": "0.3"},
        "seasons": [
            {"months": YEAR, "days": "all",
             "times": [["00:00", "08:30", "valley"], ["08:30", "11:30", "peak"],
                       ["11:30", "24:00", "flat"]]}
        ],
    }  # fmt: skip
    await plant.tariff(rules, local("2026-01-01T00:00"))
    async with plant.database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW)
    await plant.store(meter, every(day, 15 * MIN, [float(i) for i in range(97)]))
    await plant.settle()
    costs = {}
    for hour in range(24):
        costs[hour] = (await plant.values(1, meter.id, 2, day + hour * HOUR))[3]
    assert costs[8] == Decimal("2.8")  # two quarters at 0.3, two at 1.1
    assert costs[9] == Decimal("4.4")
    assert costs[11] == Decimal("3.6")  # two at 1.1, two at 0.7
    assert (await plant.values(1, meter.id, 3, day))[3] == Decimal("58.4")


async def test_a_new_tariff_reprices_what_is_accounted(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    day = local("2026-03-10T00:00")
    await plant.store(meter, every(day, 15 * MIN, [0.0, 10.0]))
    await plant.settle()
    assert (await plant.values(1, meter.id, 3, day))[3] is None
    await plant.tariff(FLAT, local("2026-01-01T00:00"))
    async with plant.database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW)
    await plant.settle()
    assert await plant.values(1, meter.id, 3, day) == (10 * KWH, None, None, Decimal("6.5"))


async def test_a_node_whose_meter_is_silent_says_that_a_part_is_missing(plant: Plant) -> None:
    first, second = await plant.meter(), await plant.meter()
    node = await plant.node({first: 1, second: 1})
    start = local("2026-03-10T00:00")
    await plant.store(first, every(start, 15 * MIN, [1.0, 2.0, 3.0]))
    await plant.store(second, every(start, 15 * MIN, [5.0, 5.5]))
    await plant.settle()
    assert [row[1:] for row in await plant.accounts(2, node, 1)] == [
        (1_500_000, 0, GOOD),
        (1_000_000, 0, MISSING),
    ]
    assert (await plant.accounts(2, node, 3))[0][3] == MISSING
    await plant.store(second, [(start + 30 * MIN, 6.5)])
    await plant.settle()
    assert [row[1:] for row in await plant.accounts(2, node, 3)] == [(3_500_000, 0, GOOD)]


async def test_another_project_is_not_touched(
    database: Database, make_project: MakeProject, plant: Plant
) -> None:
    other = Plant(database, await make_project("other"))
    meters = [await plant.meter(), await other.meter()]
    start = local("2026-03-10T00:00")
    await plant.store(meters[0], every(start, 15 * MIN, [1.0, 2.0]))
    await other.store(meters[1], every(start, 15 * MIN, [5.0, 9.0]))
    await plant.settle()
    assert await other.accounts(1, meters[1].id, 1) == []
    await other.settle()
    assert [row[1] for row in await other.accounts(1, meters[1].id, 1)] == [4_000_000]
    assert [row[1] for row in await plant.accounts(1, meters[0].id, 1)] == [1_000_000]
