"""Stocks and readings by hand over GraphQL: what the app does, and who may do it."""

from dataclasses import dataclass

import psycopg
import pytest
from psycopg.types.json import Jsonb

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from tests.backend.stocks import make_stock
from tests.graphql.conftest import Ask, Client
from tests.graphql.strangers import look
from tests.postgres import NOW, Actor, MakePerson

STOCK = """mutation($project: ID!, $meter: ID!, $input: StockDocumentInput!) {
  recordStockDocument(project: $project, meter: $meter, input: $input) {
    book countedAt intervals { opening delivered sold closing consumed }
    documents { id kind quantity unit reversed reversesId person { login } }
  } }"""
REVERSE = """mutation($project: ID!, $document: ID!, $instead: StockDocumentInput) {
  reverseStockDocument(project: $project, document: $document, instead: $instead) {
    book documents { kind quantity reversed reversesId } } }"""
RULE = """mutation($project: ID!, $meter: ID!, $perDay: Decimal) {
  setStockRule(project: $project, meter: $meter, spreading: EVEN, perDay: $perDay) {
    rule { spreading perDay } } }"""
ENTER = """mutation($project: ID!, $meter: ID!, $input: HandReadingInput!) {
  enterHandReading(project: $project, meter: $meter, input: $input) {
    kept questions register { lastValue readings { id value withdrawn person { login } } } } }"""
CHECK = """query(
  $project: ID!, $meter: ID!, $at: DateTime!, $value: Decimal!, $answer: HandAnswer
) {
  project(id: $project) { handRegister(meter: $meter) {
    unit energyUnit wraps check(at: $at, value: $value, answer: $answer) {
      difference most questions } } } }"""
WITHDRAW = """mutation($project: ID!, $reading: ID!, $instead: HandReadingInput) {
  withdrawHandReading(project: $project, reading: $reading, instead: $instead) {
    kept questions register { lastValue readings { value withdrawn } } } }"""


@dataclass(frozen=True, slots=True)
class Works:
    """Alice's works: a coal yard and a register in MWh that people read."""

    project: str
    yard: str
    office: str


@pytest.fixture
async def works(platform: Platform, alice: Actor) -> Works:
    """Make both meters."""
    yard = await make_stock(platform.database, alice.tenant.id, "yard", "coal")
    uid = new_uuid(NOW)
    async with platform.database.project(alice.tenant.id) as tx:
        point = await tx.fetch_value(
            "INSERT INTO point (project_id, name, kind, unit, modulus)"
            " VALUES (%s, 'office', 'register', 'MWh', 1000) RETURNING id",
            (alice.tenant.id,),
            into=int,
        )
        await tx.execute(
            "INSERT INTO meter (project_id, uid, slug, name, energy, level, source, point_id,"
            " nameplate_per_hour) VALUES (%s, %s, 'office', %s, 'electricity', 3, 'manual', %s,"
            " 100)",
            (alice.tenant.id, uid, Jsonb({"en": "Office"}), point),
        )
    return Works(
        encode_id("prj", alice.tenant.uid), encode_id("mtr", yard.uid), encode_id("mtr", uid)
    )


def paper(kind: str, at: str, quantity: str, **more: str) -> dict[str, str]:
    """A stock document in tonnes."""
    return {"kind": kind, "at": at, "quantity": quantity, "unit": "t", **more}


async def test_a_stock_is_kept(works: Works, client: Client, ask: Ask, bob: Actor) -> None:
    shift = await client(bob)
    about = {"project": works.project, "meter": works.yard}

    async def record(**new: object) -> dict[str, object]:
        answer = await ask(shift, STOCK, {**about, "input": new})
        assert "errors" not in answer, answer
        data = answer["data"]
        assert isinstance(data, dict)
        found: dict[str, object] = data["recordStockDocument"]
        return found

    await record(**paper("COUNT", "2026-03-01T00:00:00Z", "100"))
    await record(
        **paper("DELIVERY", "2026-03-05T00:00:00Z", "50.5", price="700", supplier="Mine 3")
    )
    found = await record(**paper("COUNT", "2026-03-10T00:00:00Z", "60"))
    assert found["book"] == "60.000000"
    assert found["intervals"] == [
        {
            "opening": "100.000000",
            "delivered": "50.500000",
            "sold": "0.000000",
            "closing": "60.000000",
            "consumed": "90.500000",
        }
    ]
    documents = found["documents"]
    assert isinstance(documents, list)
    assert [one["kind"] for one in documents] == ["COUNT", "DELIVERY", "COUNT"]
    assert documents[0]["person"] == {"login": "bob"}
    instead = paper("DELIVERY", "2026-03-05T00:00:00Z", "55")
    answer = await ask(
        shift,
        REVERSE,
        {"project": works.project, "document": documents[1]["id"], "instead": instead},
    )
    data = answer["data"]
    assert isinstance(data, dict)
    assert [
        (one["quantity"], one["reversed"], one["reversesId"] is not None)
        for one in data["reverseStockDocument"]["documents"]
        if one["kind"] == "DELIVERY"
    ] == [("55", False, False), ("50.5", False, True), ("50.5", True, False)]
    answer = await ask(shift, RULE, {**about, "perDay": "1.5"})
    assert answer["data"] == {"setStockRule": {"rule": {"spreading": "EVEN", "perDay": "1.500000"}}}


async def test_what_is_wrong_with_a_paper_is_said_by_field(
    works: Works, client: Client, ask: Ask, alice: Actor
) -> None:
    manager = await client(alice)
    about = {"project": works.project, "meter": works.yard}
    wrong = paper("DELIVERY", "2026-03-05T00:00:00Z", "5", calorificValue="20", calorificUnit="kW")
    answer = await ask(manager, STOCK, {**about, "input": wrong})
    errors = answer["errors"]
    assert isinstance(errors, list)
    assert errors[0]["extensions"]["code"] == "stock_calorific_unit"
    assert errors[0]["extensions"]["params"]["field"] == "calorific_unit"


async def test_a_register_is_read(works: Works, client: Client, ask: Ask, bob: Actor) -> None:
    shift = await client(bob)
    about = {"project": works.project, "meter": works.office}

    async def enter(at: str, value: str, **more: str) -> dict[str, object]:
        answer = await ask(shift, ENTER, {**about, "input": {"at": at, "value": value, **more}})
        data = answer["data"]
        assert isinstance(data, dict), answer
        found: dict[str, object] = data["enterHandReading"]
        return found

    assert (await enter("2026-03-10T00:00:00Z", "998"))["kept"] is True
    answer = await ask(
        shift, CHECK, {**about, "at": "2026-03-11T00:00:00Z", "value": "0.5", "answer": "WRAPPED"}
    )
    assert answer["data"] == {
        "project": {
            "handRegister": {
                "unit": "MWh",
                "energyUnit": "kWh",
                "wraps": True,
                # 1000 - 998 + 0.5 MWh; 100 kW x 1.2 x 24 h.
                "check": {"difference": "2500.0", "most": "2880.00", "questions": []},
            }
        }
    }
    asked = await enter("2026-03-11T00:00:00Z", "0.5")
    assert (asked["kept"], asked["questions"]) == (False, ["LESS"])
    kept = await enter("2026-03-11T00:00:00Z", "0.5", answer="WRAPPED")
    register = kept["register"]
    assert isinstance(register, dict)
    assert register["lastValue"] == "0.5"
    assert register["readings"][0]["person"] == {"login": "bob"}
    answer = await ask(
        shift,
        WITHDRAW,
        {"project": works.project, "reading": register["readings"][0]["id"]},
    )
    assert answer["data"] == {
        "withdrawHandReading": {
            "kept": True,
            "questions": [],
            "register": {
                "lastValue": "998.0",
                "readings": [
                    {"value": "0.5", "withdrawn": True},
                    {"value": "998", "withdrawn": False},
                ],
            },
        }
    }


MAKE = """mutation($energy: String!, $face: FaceInput) {
  createMeterByHand(project: "acme", name: {en: "Hall 3", zh: "三号厅"}, energy: $energy,
    face: $face) { slug energy } }"""
LISTS = """{ project(id: "acme") { stocks { name { zh } unit }
  handRegisters { name { zh } unit energyUnit wraps lastValue } } }"""


async def test_a_stock_and_a_register_to_read_are_made(
    alice: Actor, make_person: MakePerson, client: Client, ask: Ask
) -> None:
    boss = await client(await make_person("boss", alice.tenant, role="administrator"))
    face = {"unit": "MWh", "digits": 5, "everyDays": 7, "nameplate": "400"}
    for energy, wanted in (("coal", None), ("electricity", face)):
        answer = await ask(boss, MAKE, {"energy": energy, "face": wanted})
        assert "errors" not in answer, answer
    answer = await ask(boss, LISTS)
    assert answer["data"] == {
        "project": {
            "stocks": [{"name": {"zh": "三号厅"}, "unit": "t"}],
            "handRegisters": [
                {
                    "name": {"zh": "三号厅"},
                    "unit": "MWh",
                    "energyUnit": "kWh",
                    "wraps": True,
                    "lastValue": None,
                }
            ],
        }
    }
    for change, code in (
        ({"unit": "m3"}, "import_unit"),
        ({"digits": 2}, "hand_digits"),
        ({"everyDays": 0}, "hand_every"),
        ({"nameplate": "0"}, "entry_number"),
    ):
        answer = await ask(boss, MAKE, {"energy": "electricity", "face": {**face, **change}})
        errors = answer["errors"]
        assert isinstance(errors, list)
        assert errors[0]["extensions"]["code"] == code


async def test_a_role_that_may_not_record_changes_nothing(
    works: Works,
    client: Client,
    ask: Ask,
    make_person: MakePerson,
    alice: Actor,
    admin: psycopg.Connection,
) -> None:
    reader = await client(await make_person("reader", alice.tenant, role="auditor"))
    before = look(admin, alice)
    about = {"project": works.project, "meter": works.yard}
    questions = (
        (STOCK, {**about, "input": paper("COUNT", "2026-03-01T00:00:00Z", "1")}),
        (RULE, about),
        (REVERSE, {"project": works.project, "document": encode_id("stk", alice.uid)}),
        (
            ENTER,
            {
                "project": works.project,
                "meter": works.office,
                "input": {"at": "2026-03-10T00:00:00Z", "value": "1"},
            },
        ),
        (WITHDRAW, {"project": works.project, "reading": encode_id("hrd", alice.uid)}),
        (MAKE, {"energy": "coal"}),
    )
    for question, variables in questions:
        answer = await ask(reader, question, variables)
        errors = answer["errors"]
        assert isinstance(errors, list)
        assert errors[0]["extensions"]["code"] == "not_allowed", question
    assert look(admin, alice) == before
