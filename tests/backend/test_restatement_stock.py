"""Papers of a stock that turn out wrong, missing or invented after their period was closed."""

from decimal import Decimal

import pytest

from backend.aggregation.stock_accounts import Rule
from backend.core.db import Database
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import decode_id, encode_id, new_uuid
from backend.service.stock.rules import set_rule
from backend.service.stock.upkeep import keep_stocks
from tests.backend.plant_accounts import Metered
from tests.backend.plant_versions import as_of, current
from tests.backend.restatement_desk import Desk, make_desk, restated
from tests.backend.stocks import Keeper, document, local, make_stock
from tests.postgres import NOW, MakePerson, MakeProject

TONNE = 10**9
FEBRUARY, MARCH = local("2026-02-01T00:00"), local("2026-03-01T00:00")


@pytest.fixture
async def desk(database: Database, make_project: MakeProject, make_person: MakePerson) -> Desk:
    """A plant, and two people."""
    return await make_desk(database, make_project, make_person)


@pytest.fixture
async def keeper(desk: Desk) -> Keeper:
    """Alice keeps the diesel: 28 t in February and 12 t in March until the 13th, in one place."""
    diesel = await make_stock(desk.plant.database, desk.plant.project, "diesel", "diesel")
    await desk.plant.node({Metered(diesel.id, 0): 1})
    kept = Keeper(desk.plant, desk.alice, diesel, NOW)
    await desk.plant.one(
        "INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, source)"
        " VALUES (%s, 'diesel', 'kgce', 1.4571, 'calorific', '2020-01-01', 'test') RETURNING id"
    )
    for new in (
        document("count", "2026-02-01T00:00", "40", price="7000"),
        document("delivery", "2026-02-10T08:00", "20", price="8000", reference="L-1"),
        document("count", "2026-03-01T00:00", "32"),
        document("count", "2026-03-13T00:00", "20"),
    ):
        await kept.record(new)
    return kept


async def tonnes(desk: Desk, keeper: Keeper) -> list[Decimal]:
    """What was consumed in February and March."""
    rows = await desk.plant.accounts(1, keeper.meter.id, 4, "diesel")
    return [Decimal(row[1]) / TONNE for row in rows]


async def paper(desk: Desk, keeper: Keeper, at: str) -> str:
    """The outside identity of the document of an instant."""
    async with desk.plant.database.read(desk.plant.project) as tx:
        rows = await tx.fetch_tuples(
            "SELECT uid FROM stock_document d WHERE d.project_id = %s AND d.meter_id = %s"
            " AND d.ts = %s AND d.reverses_id IS NULL ORDER BY d.id DESC",
            (desk.plant.project, keeper.meter.id, local(at)),
        )
    return encode_id("stk", rows[0][0])


async def test_a_delivery_is_corrected_and_the_correction_taken_back(
    desk: Desk, keeper: Keeper
) -> None:
    """24 t came, not 20: February took 4 t more; the old figures stay, and come back."""
    assert await tonnes(desk, keeper) == [28, 12]
    wrong = await paper(desk, keeper, "2026-02-10T08:00")
    row = await restated(desk, "stock", {"document": wrong, "quantity": "24"})
    assert row.first_ts == FEBRUARY, "from the count before it on"
    assert await tonnes(desk, keeper) == [32, 12]
    async with desk.plant.database.read(desk.plant.project) as tx:
        told = await tx.fetch_tuples(
            "SELECT kind, quantity, price, reference, reverses_id IS NOT NULL FROM stock_document"
            " WHERE project_id = %s AND ts = %s ORDER BY id",
            (desk.plant.project, local("2026-02-10T08:00")),
        )
    assert told == [
        ("delivery", 20, 8000, "L-1", False),
        ("delivery", 20, 8000, "L-1", True),
        ("delivery", 24, 8000, "L-1", False),
    ]
    back = {"restatement": encode_id("rst", row.uid)}
    await restated(desk, "revoke", back)
    assert await tonnes(desk, keeper) == [28, 12]
    assert await as_of(desk.plant, 0) == await current(desk.plant)
    again = await desk.measured(await desk.propose("revoke", back))
    assert again.fault is not None
    assert again.fault["code"] == "stock_reversed"


async def test_a_missing_sale_and_a_count_that_never_was(desk: Desk, keeper: Keeper) -> None:
    sale: dict[str, object] = {
        "meter": encode_id("mtr", keeper.meter.uid), "document_kind": "sale",
        "at": "2026-03-05T12:00:00+08:00", "quantity": "2500", "unit": "kg",
    }  # fmt: skip
    sold = await restated(desk, "stock", sale)
    assert sold.first_ts == MARCH
    assert await tonnes(desk, keeper) == [28, Decimal("9.5")]
    first = await paper(desk, keeper, "2026-03-01T00:00")
    count = await restated(desk, "stock", {"document": first})
    assert sum(await tonnes(desk, keeper)) == Decimal("37.5")
    assert (await tonnes(desk, keeper))[0] != 28
    for one in (count, sold):
        await restated(desk, "revoke", {"restatement": encode_id("rst", one.uid)})
    assert await tonnes(desk, keeper) == [28, 12]


async def test_time_that_goes_on_is_no_effect_of_a_change(desk: Desk, keeper: Keeper) -> None:
    """A standing estimate that was not accounted up to now belongs to the old figures too."""
    async with desk.plant.database.project(desk.plant.project) as tx:
        early = local("2026-03-13T06:00")
        await set_rule(
            tx, desk.plant.project, keeper.meter, Rule(per_day=TONNE), keeper.asker, early
        )
    row = await desk.measured(
        await desk.propose("stock", {"document": await paper(desk, keeper, "2026-03-13T00:00"),
                                     "quantity": "21"})
    )  # fmt: skip
    assert row.difference
    march = [one for one in row.difference if one["scope"] == 1][-1]
    old, new = march["old"], march["new"]
    assert isinstance(old, dict)
    assert isinstance(new, dict)
    assert old["qty"] - new["qty"] == TONNE


async def test_another_factor_restates_what_came_from_stocks(desk: Desk, keeper: Keeper) -> None:
    factor: dict[str, object] = {
        "energy": "diesel", "substance": "kgce", "basis": "calorific", "value": "1.5",
        "since": "2026-03-01T00:00:00+08:00", "source": "sheet 9",
    }  # fmt: skip
    await restated(desk, "factor", factor)
    kgce = [(await desk.plant.values(1, keeper.meter.id, 4, at))[1] for at in (FEBRUARY, MARCH)]
    assert kgce == [Decimal("40798.8"), 18_000]
    assert await keep_stocks(desk.plant.database, desk.plant.project, NOW) == 0


async def test_what_cannot_be_is_refused_by_name(desk: Desk, keeper: Keeper) -> None:
    meter = encode_id("mtr", keeper.meter.uid)
    wrong = await paper(desk, keeper, "2026-02-10T08:00")
    sale: dict[str, object] = {
        "meter": meter, "document_kind": "sale", "at": "2026-03-05T12:00:00+08:00",
    }  # fmt: skip
    bad: list[tuple[dict[str, object], str, str]] = [
        ({}, "restatement_field", "meter"),
        (sale | {"unit": "t"}, "restatement_field", "quantity"),
        (sale | {"quantity": "NaN", "unit": "t"}, "restatement_field", "quantity"),
        (sale | {"quantity": "1e308", "unit": "t"}, "restatement_field", "quantity"),
        (sale | {"quantity": "-1", "unit": "t"}, "restatement_field", "quantity"),
        (sale | {"quantity": "1", "unit": "t", "document_kind": "gift"}, "restatement_field",
         "document_kind"),
    ]  # fmt: skip
    for params, code, field in bad:
        with pytest.raises(InvalidInput, match=code) as refused:
            await desk.propose("stock", params)
        assert refused.value.params["field"] == field
    with pytest.raises(NotFound):
        await desk.propose("stock", {"document": encode_id("stk", new_uuid(NOW))})
    late: list[tuple[dict[str, object], str]] = [
        (sale | {"quantity": "1", "unit": "m3"}, "entry_unit"),
        (sale | {"quantity": "13", "unit": "t"}, "stock_contradiction"),
        ({"document": wrong, "quantity": "0"}, "stock_quantity"),
    ]
    for params, code in late:
        row = await desk.measured(await desk.propose("stock", params))
        assert row.fault is not None
        assert row.fault["code"] == code
    await keeper.reverse(decode_id("stk", wrong))
    row = await desk.measured(await desk.propose("stock", {"document": wrong, "quantity": "21"}))
    assert row.fault is not None
    assert row.fault["code"] == "stock_reversed"
