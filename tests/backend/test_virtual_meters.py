"""Virtual meters on a real PostgreSQL: computed, late, changed, over each other, and refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.aggregation.accounts import keep_ahead
from backend.aggregation.calendar import Period
from backend.aggregation.stale import mark_again
from backend.core.db import Database
from backend.core.errors import InvalidInput
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.backend.rollup_sums import levels_agree, read_rows
from tests.postgres import NOW, MakeProject

KWH = 10**6
MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GOOD, ESTIMATED = Quality.GOOD, Quality.ESTIMATED
START = datetime(2026, 3, 8, 16, tzinfo=UTC)
"""Monday, 9 March 2026, midnight in Shanghai."""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def quantities(plant: Plant, meter: Metered, period: int = 1) -> list[int]:
    """What a meter has accounted."""
    return [row[1] for row in await plant.accounts(1, meter.id, period)]


async def test_a_virtual_meter_is_accounted_like_any_other(plant: Plant) -> None:
    main, press = await plant.meter(), await plant.meter()
    rest = await plant.virtual("rest", "m1 - m2")
    half = await plant.virtual("half", "rest * 0.5 + 0.25 [kWh]")
    node = await plant.node({half: 1, press: 1})
    await plant.factor("kgce", "0.1229", START - 30 * DAY)
    await plant.store(main, every(START, 15 * MIN, [0.0, 10.0, 20.0, 30.0, 50.0]))
    await plant.store(press, every(START, 15 * MIN, [0.0, 1.0, 5.0, 5.0]))
    await plant.settle()
    # The press is silent in the fourth quarter hour: no account, and no zero.
    assert await plant.accounts(1, rest.id, 1) == [
        (START, 9 * KWH, 0, GOOD),
        (START + 15 * MIN, 6 * KWH, 0, GOOD),
        (START + 30 * MIN, 10 * KWH, 0, GOOD),
    ]
    assert await quantities(plant, half) == [4_750_000, 3_250_000, 5_250_000]
    assert await quantities(plant, half, Period.WEEK) == [13_250_000]
    qty, kgce, _, _ = await plant.values(1, rest.id, Period.DAY, START)
    assert (qty, kgce) == (25 * KWH, 25 * Decimal("0.1229"))
    assert [row[1] for row in await plant.accounts(2, node, Period.DAY)] == [18_250_000]
    levels_agree(await read_rows(plant))


async def test_late_and_deleted_readings_reach_what_stands_on_them(plant: Plant) -> None:
    first, second = await plant.meter(), await plant.meter()
    both = await plant.virtual("both", "m1 + m2")
    over = await plant.virtual("over", "max(both, 2 * m2)")
    node = await plant.node({over: 1})
    await plant.store(first, every(START, 15 * MIN, [0.0, 1.0, 2.0, 3.0]))
    await plant.settle()
    assert await quantities(plant, both) == []
    await plant.store(second, every(START, 15 * MIN, [0.0, 4.0, 4.5, 5.0]))
    await plant.settle()
    assert await quantities(plant, both) == [5 * KWH, 1_500_000, 1_500_000]
    assert await quantities(plant, over) == [8 * KWH, 1_500_000, 1_500_000]
    # Months later: what was linear had a step.
    await plant.store(first, [(START + 20 * MIN, 1.9)])
    await plant.settle()
    assert await quantities(plant, both) == [5 * KWH, 1_500_000, 1_500_000]
    await plant.store(first, [(START + 25 * MIN, 2.0)])
    await plant.delete(first, START + 30 * MIN, START + 30 * MIN)
    await plant.settle()
    assert await quantities(plant, over) == [8 * KWH, 1_750_000, 1_250_000]
    assert [row[1] for row in await plant.accounts(2, node, Period.DAY)] == [11 * KWH]
    await plant.delete(second, START + 30 * MIN, START + DAY)
    await plant.settle()
    assert await quantities(plant, over) == [8 * KWH]
    assert [row[1] for row in await plant.accounts(2, node, Period.YEAR)] == [8 * KWH]
    await plant.delete(second, START, START + DAY)
    await plant.settle()
    assert await plant.accounts(2, node, Period.YEAR) == []
    assert await quantities(plant, over, Period.MONTH) == []


async def test_another_expression_recomputes_the_past_in_bites(plant: Plant) -> None:
    meter = await plant.meter(resolution=1.0)
    twice = await plant.virtual("twice", "m1 * 2")
    again = await plant.virtual("again", "twice - m1")
    node = await plant.node({twice: 1})
    await plant.store(meter, every(START - 5 * DAY, HOUR, [float(i) for i in range(121)]))
    await plant.settle()
    assert await quantities(plant, twice, Period.DAY) == [48 * KWH] * 5
    await plant.virtual("twice", "m1 * 3")
    assert await plant.settle(span=6 * HOUR) > 10
    assert await quantities(plant, twice, Period.DAY) == [72 * KWH] * 5
    assert await quantities(plant, again, Period.DAY) == [48 * KWH] * 5
    assert [row[1] for row in await plant.accounts(2, node, Period.YEAR)] == [360 * KWH]
    levels_agree(await read_rows(plant))


async def test_a_new_price_reprices_virtual_meters_too(plant: Plant) -> None:
    gas = await plant.meter("natural_gas", resolution=0.01)
    power = await plant.virtual("power", "m1 * 10 [kWh/m3]")
    await plant.store(gas, every(START, 15 * MIN, [0.0, 1.0]))
    await plant.settle()
    assert await plant.values(1, power.id, Period.DAY, START) == (10 * KWH, None, None, None)
    await plant.tariff(
        {
            "bands": {"flat": "0.65"},
            "seasons": [
                {"months": list(range(1, 13)), "days": "all", "times": [["00:00", "24:00", "flat"]]}
            ],
        },
        START - DAY,
    )
    async with plant.database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW)
    await plant.settle()
    assert (await plant.values(1, power.id, Period.DAY, START))[3] == Decimal("6.5")


async def test_what_changes_with_effect_in_the_past_is_marked(plant: Plant) -> None:
    first, second = await plant.meter(resolution=1.0), await plant.meter(resolution=1.0)
    node = await plant.node({first: 1})
    for meter in (first, second):
        await plant.store(meter, every(START, 15 * MIN, [float(i) for i in range(193)]))
    await plant.shifts(node, [START, START + DAY, START + 2 * DAY])
    await plant.settle()
    assert [row[1] for row in await plant.accounts(2, node, Period.SHIFT)] == [96 * KWH, 96 * KWH]
    # A membership from the second noon on; shifts of another length.
    noon = START + DAY + 12 * HOUR
    await plant.member(node, second, "0.5", noon)
    async with plant.database.project(plant.project) as tx:
        await tx.execute("DELETE FROM shift_period WHERE project_id = %s", (plant.project,))
    await plant.shifts(node, [START - 6 * HOUR + i * 12 * HOUR for i in range(6)])
    async with plant.database.project(plant.project) as tx:
        assert await mark_again(tx, plant.project, 2, [node], START, START + 2 * DAY) == 1
        assert await mark_again(tx, plant.project, 1, [first.id], START, START + 2 * DAY) == 1
    await plant.settle(span=6 * HOUR)
    assert [row[1] // KWH for row in await plant.accounts(2, node, Period.DAY)] == [96, 120]
    assert [row[1] // KWH for row in await plant.accounts(2, node, Period.SHIFT)] == [
        24, 48, 48, 60, 36
    ]  # fmt: skip
    assert [row[1] // KWH for row in await plant.accounts(1, first.id, Period.SHIFT)] == [
        24, 48, 48, 48, 24
    ]  # fmt: skip
    # A node that counts nothing any more has no accounts.
    async with plant.database.project(plant.project) as tx:
        await tx.execute("DELETE FROM node_meter WHERE project_id = %s", (plant.project,))
        assert await mark_again(tx, plant.project, 2, [node], None, NOW) == 1
    await plant.settle()
    assert await plant.accounts(2, node, Period.YEAR) == []


@pytest.mark.parametrize(
    ("slug", "expression", "code", "params"),
    [
        ("b", "a + b", "expression_circle", {"path": "b → b"}),
        ("a", "m1 + c", "expression_circle", {"path": "a → c → b → a"}),
        ("d", "m1 + press", "expression_unknown", {"name": "press"}),
        ("d", "m1 + ", "expression_end", {"at": 6, "found": ""}),
        ("d", "m1 + 3", "expression_units", {"left": "electricity", "right": "1"}),
    ],
)
async def test_bad_expressions_name_the_meter(
    plant: Plant, slug: str, expression: str, code: str, params: dict[str, object]
) -> None:
    await plant.meter()
    await plant.virtual("a", "m1 * 2")
    await plant.virtual("b", "a * 2")
    await plant.virtual("c", "b * 2")
    with pytest.raises(InvalidInput) as refused:
        await plant.virtual(slug, expression)
    assert refused.value.error_code == code
    assert refused.value.params == params | {"meter": slug}


async def test_a_broken_expression_stops_only_itself(
    plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    meter = await plant.meter(resolution=1.0)
    good = await plant.virtual("good", "m1 + m1")
    bad = await plant.virtual("bad", "m1 * 3")
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE meter SET expression = 'm1 + gone' WHERE project_id = %s AND id = %s",
            (plant.project, bad.id),
        )
    await plant.store(meter, every(START, 15 * MIN, [0.0, 1.0]))
    await plant.settle()
    assert await quantities(plant, good) == [2 * KWH]
    assert await quantities(plant, bad) == []
    assert "Virtual meter bad" in caplog.text
    assert "gone" in caplog.text
