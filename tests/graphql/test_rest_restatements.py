"""Restatements and reading sheets by REST: what GraphQL tells, to the digit."""

from decimal import Decimal
from typing import Final

import httpx
import orjson
import pytest

from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.service.restatement.work import Step, step
from tests.backend.plant_accounts import Plant as Accounts
from tests.backend.stocks import Keeper, document, make_stock
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import Plant
from tests.graphql.test_restatements import FACTOR, PROPOSE, part, plant, settle
from tests.postgres import NOW, Actor

__all__ = ["plant"]

DAY: Final = {"project": "acme", "period": "DAY", "at": "2026-03-10T12:00:00+08:00"}


@pytest.fixture
async def hers(client: Client, alice: Actor) -> httpx.AsyncClient:
    """Alice, signed in."""
    return await client(alice)


async def got(opened: httpx.AsyncClient, path: str, **params: str) -> object:
    """What a route answers, numbers as they are written."""
    response = await opened.get(f"/api/v1/{path}", params={"project": "acme"} | params)
    assert response.status_code == 200, response.text
    return response.json(parse_float=Decimal)


async def test_a_restatement_is_listed_and_told_with_its_difference(
    platform: Platform, plant: Plant, hers: httpx.AsyncClient, ask: Ask, alice: Actor
) -> None:
    ids = []
    for value in ("0.5", "0.6"):
        params = FACTOR | {"value": value}
        made = await ask(hers, PROPOSE, {"kind": "factor", "params": params})
        ids.append(part(made, "data", "proposeRestatement", "id"))
    assert await step(platform.database, alice.tenant.id, NOW) is Step.DONE
    listed = part(await got(hers, "restatements"), "restatements")
    assert isinstance(listed, list)
    assert [one["id"] for one in listed] == ids[::-1]
    assert "difference" not in listed[0]
    older = await got(hers, "restatements", before=str(ids[1]), first="1")
    assert part(older, "restatements", 0, "id") == ids[0]
    told = await got(hers, f"restatements/{ids[0]}")
    assert isinstance(told, dict)
    expected = {
        "state": "proposed", "version": None, "kind": "factor", "reason": "wrong sheet",
        "params": FACTOR, "proposedBy": "alice", "decidedBy": None, "progress": 0.0,
        "start": "2026-03-09T16:00:00Z",
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    [node, meter] = [one for one in told["difference"] if one["name"]["en"] != "Site"][:2]
    assert (node["scope"], meter["scope"]) == (plant.nodes["a"].text, plant.meters["m1"].text)
    assert (meter["month"], meter["energy"], meter["unit"]) == ("2026-03", "electricity", "kWh")
    assert meter["old"] | {"cost": None} == {
        "quantity": 96_000_000, "value": 96, "kgce": Decimal("11.7984"), "kgco2": None,
        "cost": None,
    }  # fmt: skip
    assert meter["new"]["kgce"] == 48
    assert part(await got(hers, f"restatements/{ids[1]}"), "difference") is None
    for path, status in (("restatements/rst_x", 404), ("restatements?first=0", 422),
                         ("restatements?first=101", 422)):  # fmt: skip
        joint = "&" if "?" in path else "?"
        answer = await hers.get(f"/api/v1/{path}{joint}project=acme")
        assert answer.status_code == status


async def test_the_sheets_of_a_meter_a_place_and_an_expression(
    platform: Platform, plant: Plant, hers: httpx.AsyncClient, alice: Actor
) -> None:
    meter = plant.meters["m1"].text
    accounts = Accounts(platform.database, alice.tenant)
    await accounts.virtual("third", "m1 / 3 + max(m1, 2 * m1)")
    await settle(platform, alice.tenant.id)
    sheet = part(await got(hers, "reading-sheet", scope=meter, **DAY), "sheet")
    assert isinstance(sheet, dict)
    assert (sheet["quantity"], sheet["value"], sheet["rounding"]) == (96_000_000, 96, 0)
    register = sheet["register"]
    assert (register["unit"], register["multiplier"]) == ("kWh", 1)
    assert (register["opening"]["value"], register["closing"]["value"]) == (1000, 1096)
    assert register["totalQuantity"] == sheet["quantity"]
    node = {"scope": plant.nodes["a"].text, "energy": "electricity"}
    sheet = part(await got(hers, "reading-sheet", **node, **DAY), "sheet")
    assert part(sheet, "terms", 0, "meter") == meter
    assert (part(sheet, "terms", 0, "part"), part(sheet, "register")) == (96, None)
    virtual = await uid_of(platform, alice, "third")
    sheet = part(await got(hers, "reading-sheet", scope=virtual, **DAY), "sheet")
    assert isinstance(sheet, dict)
    [factor] = sheet["virtual"]["factors"]
    assert (factor["meter"], factor["value"], factor["part"]) == (meter, 96, 32)
    assert str(factor["coefficient"]).startswith("0.33333333333333333333")
    assert sheet["virtual"]["evaluated"] == [{"meters": [meter], "part": Decimal("192.000000")}]
    parts = factor["part"] + sheet["virtual"]["evaluated"][0]["part"] + sheet["rounding"]
    assert parts == pytest.approx(sheet["value"], abs=Decimal("1e-20"))
    assert sheet["quantity"] == 96 * 2_333_333
    refused = await hers.get("/api/v1/reading-sheet", params=DAY | {"scope": node["scope"]})
    assert (refused.status_code, orjson.loads(refused.content)["code"]) == (422, "energy_unknown")
    local = DAY | {"scope": meter, "at": "2026-03-10T12:00:00"}
    refused = await hers.get("/api/v1/reading-sheet", params=local)
    assert orjson.loads(refused.content)["code"] == "time_without_zone"


async def uid_of(platform: Platform, alice: Actor, slug: str) -> str:
    """A meter's outside identity."""
    async with platform.database.read(alice.tenant.id) as tx:
        [(uid,)] = await tx.fetch_tuples(
            "SELECT uid FROM meter WHERE project_id = %s AND slug = %s", (alice.tenant.id, slug)
        )
    return encode_id("mtr", uid)


async def test_a_stocks_sheet_lists_its_papers(
    platform: Platform, plant: Plant, hers: httpx.AsyncClient, ask: Ask, alice: Actor
) -> None:
    diesel = await make_stock(platform.database, alice.tenant.id, "tank", "diesel")
    keeper = Keeper(Accounts(platform.database, alice.tenant), alice, diesel, NOW)
    for new in (
        document("count", "2026-03-10T00:00", "3"),
        document("delivery", "2026-03-10T12:00", "1"),
        document("count", "2026-03-12T00:00", "2"),
    ):
        await keeper.record(new)
    meter = encode_id("mtr", diesel.uid)
    sheet = part(await got(hers, "reading-sheet", scope=meter, **DAY), "sheet")
    assert isinstance(sheet, dict)
    stock = sheet["stock"]
    assert (stock["opening"], stock["closing"], stock["rule"]) == (3000, 3000, "even")
    assert [(one["kind"], one["at"], one["value"]) for one in stock["papers"]] == [
        ("delivery", "2026-03-10T04:00:00Z", 1000)
    ]
    assert stock["totalQuantity"] == sheet["quantity"] == 10**9
    question = """{ project { readingSheet(scope: "%s", period: DAY, at: "%s") {
      stock { opening closing rule perDay totalQuantity papers { kind value } } } } }"""
    told = await ask(hers, question % (meter, DAY["at"]))
    assert part(told, "data", "project", "readingSheet", "stock") == {
        "opening": "3000.000000", "closing": "3000.000000", "rule": "EVEN", "perDay": None,
        "totalQuantity": "1000000000", "papers": [{"kind": "DELIVERY", "value": "1000.000000"}],
    }  # fmt: skip
