"""Stocks on a real PostgreSQL: documents in, exact accounts of every level out."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from backend.aggregation.calendar import QUARTER, Period
from backend.aggregation.stock_accounts import PROFILE, WORKING, Rule, settle_stock
from backend.core import audit
from backend.core.db import Database
from backend.core.errors import Conflict, InvalidInput
from backend.core.ids import new_uuid
from backend.service.plant.comprehensive import Why, comprehensive
from backend.service.stock.checks import NewDocument
from backend.service.stock.documents import list_documents
from backend.service.stock.rules import set_rule
from backend.service.stock.upkeep import keep_stocks
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import Metered, Plant, every
from tests.backend.stocks import Keeper, document, local, make_stock
from tests.postgres import Actor

CASE = Path(__file__).parent.parent / "cases" / "29-coal"
TONNE = 1_000_000
LATER = local("2026-04-10T12:00")


@pytest.fixture
async def plant(database: Database, alice: Actor) -> Plant:
    """Alice's plant, with raw coal's and steam's factors."""
    plant = Plant(database, alice.tenant)
    for energy, substance, value in (
        ("coal", "kgce", "714.3"),
        ("coal", "kgco2", "1900.3"),
        ("steam", "kgce", "128.6"),
    ):
        await plant.one(
            "INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, source)"
            " VALUES (%s, %s, %s, %s, 'calorific', %s, 'test') RETURNING id",
            energy,
            substance,
            Decimal(value),
            local("2020-01-01T00:00"),
        )
    return plant


@pytest.fixture
async def keeper(plant: Plant, alice: Actor) -> Keeper:
    """Alice keeps the coal."""
    coal = await make_stock(plant.database, plant.project, "coal-yard", "coal")
    return Keeper(plant, alice, coal, LATER)


def case_29() -> list[NewDocument]:
    """The case's documents as people enter them."""
    return [
        document(
            row["kind"],
            row["at"][:16],
            row["quantity"],
            row["unit"],
            row.get("price"),
            **(
                {"calorific_value": row["calorific"][0], "calorific_unit": row["calorific"][1]}
                if "calorific" in row
                else {}
            ),
        )
        for row in json.loads((CASE / "documents.json").read_text())
    ]


async def moved(plant: Plant) -> int:
    """How many accounts the newest transaction of this test wrote."""
    async with plant.database.read(plant.project) as tx:
        return (
            await tx.fetch_value(
                "SELECT count(*) FROM account WHERE project_id = %s AND updated_at ="
                " (SELECT max(updated_at) FROM account WHERE project_id = %s)",
                (plant.project, plant.project),
                into=int,
            )
            or 0
        )


async def test_case_29_reaches_every_level(keeper: Keeper) -> None:
    plant, expected = keeper.plant, json.loads((CASE / "expected.json").read_text())
    meter = Metered(keeper.meter.id, 0)
    node = await plant.node({meter: 1})
    # As papers come: the closing count first, the oldest delivery last.
    first, *rest = case_29()
    for one in (first, *reversed(rest[:-1]), rest[-1]):
        await keeper.record(one)
    start = local("2026-03-01T00:00")
    for scope, scope_id in ((1, meter.id), (2, node)):
        month = await plant.accounts(scope, scope_id, int(Period.MONTH), "coal")
        assert month == [(start, expected["consumed_g"], expected["consumed_g"], Quality.ESTIMATED)]
        qty, kgce, kgco2, cost = await plant.values(scope, scope_id, int(Period.MONTH), start)
        assert qty == expected["consumed_g"]
        assert (kgce, kgco2, cost) == tuple(
            Decimal(expected[name]) for name in ("kgce", "kgco2", "cost")
        )
        for period in (Period.QUARTER_HOUR, Period.HOUR, Period.DAY, Period.YEAR):
            rows = await plant.accounts(scope, scope_id, int(period), "coal")
            assert sum(row[1] for row in rows) == expected["consumed_g"]


async def test_own_steam_that_is_sold_is_taken_off_and_what_is_used_counts_no_more(
    keeper: Keeper,
) -> None:
    """The boiler's 2,600 t of steam are its own: 700 t sold count negative, 1,900 t nothing."""
    plant, expected = keeper.plant, json.loads((CASE / "expected.json").read_text())
    made, used, sold = [await plant.meter("steam", resolution=0.001) for _ in range(3)]
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE meter SET own_product = true WHERE project_id = %s AND energy = 'steam'",
            (plant.project,),
        )
    coal = Metered(keeper.meter.id, 0)
    works = await plant.node({coal: 1, used: 1, sold: -1})
    boiler = await plant.node({coal: 1, made: 1}, parent=works)
    await plant.one(
        "INSERT INTO conversion (project_id, uid, node_id, kind, inputs, outputs, params,"
        " valid_from) VALUES (%s, %s, %s, 'boiler', %s, %s, %s, %s) RETURNING id",
        new_uuid(LATER),
        boiler,
        Jsonb([coal.id]),
        Jsonb([made.id]),
        Jsonb({}),
        local("2026-01-01T00:00"),
    )
    for one in case_29():
        await keeper.record(one)
    for meter, tonnes in ((made, 2600.0), (used, 1900.0), (sold, 700.0)):
        readings = [0.0, tonnes / 2, tonnes]
        await plant.store(meter, every(local("2026-03-01T00:00"), QUARTER, readings))
    await plant.settle()
    span = local("2026-03-01T00:00"), local("2026-04-01T00:00")
    async with plant.database.read(plant.project) as tx:
        found = await comprehensive(tx, plant.project, works, *span)
    assert found.kgce == Decimal(expected["comprehensive_kgce"])
    assert {term.meter_id: term.why for term in found.terms} == {
        coal.id: Why.TAKEN,
        used.id: Why.MADE_HERE,
        sold.id: Why.PASSED_ON,
    }


async def test_a_correction_recomputes_exactly_what_it_touches(keeper: Keeper) -> None:
    plant = keeper.plant
    meter = keeper.meter.id
    await keeper.record(document("count", "2026-03-01T00:00", "100"))
    await keeper.record(document("count", "2026-03-02T00:00", "90"))
    wrong = await keeper.record(document("delivery", "2026-03-02T10:00", "50"))
    await keeper.record(document("count", "2026-03-03T00:00", "120"))
    before = await plant.accounts(1, meter, int(Period.QUARTER_HOUR), "coal")
    assert [row[1] for row in await plant.accounts(1, meter, int(Period.DAY), "coal")] == [
        10 * TONNE,
        20 * TONNE,
    ]
    again = replace(keeper, now=LATER + timedelta(hours=1))
    right = await again.reverse(wrong, document("delivery", "2026-03-02T10:00", "54"))
    # 96 quarter hours, 24 hours, the day, its week, month and year: nothing of 1 March.
    assert await moved(plant) == 96 + 24 + 4
    after = await plant.accounts(1, meter, int(Period.QUARTER_HOUR), "coal")
    assert after[:96] == before[:96]
    assert sum(row[1] for row in after[96:]) == 24 * TONNE
    async with plant.database.read(plant.project) as tx:
        rows = await list_documents(tx, plant.project, meter, 10)
        assert await audit.broken(tx, plant.project) is None
        deeds = await audit.newest(tx, plant.project, audit.Chosen(), first=1)
    assert [(row.uid == right, row.reversed_by is not None) for row in rows].count(
        (True, False)
    ) == 1
    assert sum(row.uid == wrong and row.reversed_by is not None for row in rows) == 1
    assert (deeds[0].action, deeds[0].person_id) == ("stock.reverse", keeper.actor.id)
    with pytest.raises(Conflict, match="stock_reversed"):
        await again.reverse(wrong)
    # Nothing is written when nothing changed.
    async with plant.database.project(plant.project) as tx:
        assert not await settle_stock(tx, plant.project, meter, LATER + timedelta(hours=2))


async def test_taking_a_count_back_leaves_what_is_known(keeper: Keeper) -> None:
    plant, meter = keeper.plant, keeper.meter.id
    await keeper.record(document("count", "2026-03-01T00:00", "100"))
    last = await keeper.record(document("count", "2026-03-02T00:00", "90"))
    assert len(await plant.accounts(1, meter, int(Period.DAY), "coal")) == 1
    await keeper.reverse(last)
    for period in (1, 2, 3, 4, 5, 6):
        assert await plant.accounts(1, meter, period, "coal") == [], period


async def test_contradictions_are_refused_and_nothing_stays(keeper: Keeper) -> None:
    await keeper.record(document("count", "2026-03-01T00:00", "100"))
    await keeper.record(document("count", "2026-03-05T00:00", "90"))
    refused = {
        "stock_contradiction": document("count", "2026-03-06T00:00", "90.001"),
        "stock_count_twice": document("count", "2026-03-05T00:00", "80"),
        "stock_oversold": document("sale", "2026-03-07T00:00", "91"),
        "entry_in_the_future": document("delivery", "2026-04-10T12:06", "1"),
        "entry_too_old": document("delivery", "1970-01-01T00:00", "1"),
        "entry_unit": document("delivery", "2026-03-06T00:00", "1", "kWh"),
        "stock_kind": document("gift", "2026-03-06T00:00", "1"),
        "stock_currency": document("delivery", "2026-03-06T00:00", "1", price="1", currency="EUR"),
        "stock_price": document("delivery", "2026-03-06T00:00", "1", price="-1"),
        "stock_calorific": document(
            "delivery", "2026-03-06T00:00", "1", calorific_value="0", calorific_unit="MJ/kg"
        ),
        "stock_calorific_unit": document(
            "delivery", "2026-03-06T00:00", "1", calorific_value="20", calorific_unit="MJ/m3"
        ),
        "stock_text_long": document("delivery", "2026-03-06T00:00", "1", note="x" * 201),
        "entry_number": document("delivery", "2026-03-06T00:00", "NaN"),
        "stock_quantity": document("delivery", "2026-03-06T00:00", "1E+308"),
    }
    for code, one in refused.items():
        with pytest.raises(InvalidInput) as caught:
            await keeper.record(one)
        assert caught.value.error_code == code
        assert caught.value.params["field"]
    with pytest.raises(InvalidInput, match="stock_quantity"):
        await keeper.record(document("sale", "2026-03-06T00:00", "0"))
    async with keeper.plant.database.read(keeper.plant.project) as tx:
        assert len(await list_documents(tx, keeper.plant.project, keeper.meter.id, 100)) == 2


async def test_rules_spread_by_work_and_by_another_meter(keeper: Keeper) -> None:
    plant, meter = keeper.plant, keeper.meter.id
    other = await plant.meter()
    node = await plant.node({other: 1})
    start = local("2026-03-01T00:00")
    await plant.store(other, every(start, timedelta(minutes=15), [0.0, 3.0, 3.0, 4.0, 4.0]))
    await plant.settle()
    await plant.one(
        "INSERT INTO shift_period (project_id, node_id, start_ts, end_ts, shift, team)"
        " VALUES (%s, %s, %s, %s, 'day', 'A') RETURNING node_id",
        node,
        start + timedelta(minutes=30),
        start + timedelta(minutes=45),
    )
    await keeper.record(document("count", "2026-03-01T00:00", "8"))
    await keeper.record(document("count", "2026-03-01T01:00", "0"))

    async def parts(rule: Rule) -> list[int]:
        async with plant.database.project(plant.project) as tx:
            await set_rule(tx, plant.project, keeper.meter, rule, keeper.asker, LATER)
        rows = await plant.accounts(1, meter, int(Period.QUARTER_HOUR), "coal")
        return [row[1] // TONNE for row in rows]

    assert await parts(Rule(PROFILE, profile_id=other.id)) == [6, 0, 2, 0]
    assert await parts(Rule(WORKING, node_id=node)) == [0, 0, 8, 0]
    assert await parts(Rule()) == [2, 2, 2, 2]
    with pytest.raises(InvalidInput, match="stock_rule_circle"):
        await parts(Rule(PROFILE, profile_id=meter))
    heap = await make_stock(plant.database, plant.project, "heap", "coal")
    async with plant.database.project(plant.project) as tx:
        by = Rule(PROFILE, profile_id=meter)
        await set_rule(tx, plant.project, heap, by, keeper.asker, LATER)
    with pytest.raises(InvalidInput, match="stock_rule_circle"):
        await parts(Rule(PROFILE, profile_id=heap.id))


async def test_a_standing_estimate_gives_way_to_the_next_count(keeper: Keeper) -> None:
    plant, meter = keeper.plant, keeper.meter.id
    await keeper.record(document("count", "2026-04-01T00:00", "100"))
    async with plant.database.project(plant.project) as tx:
        rule = Rule(per_day=5 * TONNE)
        await set_rule(tx, plant.project, keeper.meter, rule, keeper.asker, LATER)
    days = await plant.accounts(1, meter, int(Period.DAY), "coal")
    assert [row[1] for row in days] == [5 * TONNE] * 9 + [5 * TONNE // 2]
    await keeper.record(document("count", "2026-04-10T00:00", "91"))
    days = await plant.accounts(1, meter, int(Period.DAY), "coal")
    assert [row[1] for row in days] == [TONNE] * 9 + [5 * TONNE // 2]


async def test_stocks_follow_a_factor_and_the_time(keeper: Keeper) -> None:
    plant, database, project = keeper.plant, keeper.plant.database, keeper.plant.project
    await keeper.record(document("count", "2026-04-01T00:00", "100"))
    await keeper.record(document("count", "2026-04-02T00:00", "90"))
    assert await keep_stocks(database, project, LATER) == 0
    await plant.one(
        "INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, source)"
        " VALUES (%s, 'coal', 'kgce', 700, 'calorific', %s, 'test') RETURNING id",
        local("2026-01-01T00:00"),
    )
    assert await keep_stocks(database, project, LATER) == 1
    start = local("2026-04-01T00:00")
    _, kgce, _, _ = await plant.values(1, keeper.meter.id, int(Period.DAY), start)
    assert kgce == 7000
    async with database.project(project) as tx:
        rule = Rule(per_day=TONNE)
        await set_rule(tx, project, keeper.meter, rule, keeper.asker, LATER)
    assert await keep_stocks(database, project, LATER + timedelta(minutes=14)) == 0
    assert await keep_stocks(database, project, LATER + timedelta(minutes=15)) == 1
