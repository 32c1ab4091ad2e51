"""Conversions by GraphQL: defined, told with their figures, ended; and comprehensive energy."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor, MakePerson

TODAY = datetime(2026, 3, 14, 16, tzinfo=UTC)
SET = """mutation S($input: ConversionInput!) { setConversion(input: $input) {
  id nodeId kind inputIds outputIds params { name value } validFrom validTo } }"""
END = """mutation E($conversion: ID!) { endConversion(project: "acme", conversion: $conversion) {
  validTo } }"""
FIGURES = """{ project(id: "acme") { conversions { id kind } efficiencies(period: DAY,
  start: "2026-03-14T16:00:00Z", end: "2026-03-15T16:00:00Z") {
  conversion { kind } start end efficiency specific loadRate peakLoadRate bestLoadRate loss } } }"""
TAKEN = """query C($node: ID!) { project(id: "acme") { comprehensive(node: $node,
  start: "2026-03-14T16:00:00Z", end: "2026-03-15T16:00:00Z") {
  kgce terms { meterId energy unit value kgce why } } } }"""
PARAMS = [
    {"name": name, "value": value}
    for name, value in (("cos_phi", "0.8"), ("p0_kw", "2"), ("pk_kw", "10"), ("sn_kva", "1000"))
]


@pytest.fixture
async def made(made: Plant, alice: Actor, platform: Platform) -> Plant:
    """Alice's plant; today its workshop a and meter m1 took 100 kWh and then 200 kWh."""
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO calendar_period (project_id, period, start_ts, end_ts, label)"
            " VALUES (%s, 3, %s, %s, '2026-03-15')",
            (alice.tenant.id, TODAY, TODAY + timedelta(days=1)),
        )
        for scope, number in ((1, made.meters["m1"].id), (2, made.nodes["a"].id)):
            for place, kwh in enumerate((100, 200)):
                start = TODAY + place * timedelta(minutes=15)
                await tx.execute(
                    "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts,"
                    " end_ts, qty, kgce, updated_at) VALUES (%s, %s, %s, 'electricity', 1, %s, %s,"
                    " %s, %s, %s)",
                    (
                        alice.tenant.id,
                        scope,
                        number,
                        start,
                        start + timedelta(minutes=15),
                        kwh * 10**6,
                        kwh,
                        NOW,
                    ),
                )
    return made


def transformer(made: Plant) -> dict[str, dict[str, object]]:
    """A transformer at workshop a since this morning."""
    return {
        "input": {
            "project": "acme",
            "node": made.nodes["a"].text,
            "kind": "transformer",
            "params": PARAMS,
            "validFrom": "2026-03-14T16:00:00Z",
        }
    }


async def test_a_transformer_is_defined_told_and_ended(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers = await client(alice)
    answer = (await ask(hers, SET, transformer(made)))["data"]["setConversion"]  # type: ignore[index]
    number = answer.pop("id")
    assert answer == {
        "nodeId": made.nodes["a"].text,
        "kind": "transformer",
        "inputIds": [],
        "outputIds": [],
        "params": PARAMS,
        "validFrom": "2026-03-14T16:00:00Z",
        "validTo": None,
    }
    project = (await ask(hers, FIGURES))["data"]["project"]  # type: ignore[index]
    assert project["conversions"] == [{"id": number, "kind": "transformer"}]
    assert project["efficiencies"] == [
        {
            "conversion": {"kind": "transformer"},
            "start": "2026-03-14T16:00:00Z",
            "end": "2026-03-15T16:00:00Z",
            "efficiency": "0.986436",
            "specific": None,
            "loadRate": "0.750000",
            "peakLoadRate": "1.000000",
            "bestLoadRate": "0.4472",
            "loss": "4.125000",
        }
    ]
    ended = await ask(hers, END, {"conversion": number})
    assert ended["data"]["endConversion"] == {"validTo": "2026-03-15T04:15:00Z"}  # type: ignore[index]
    assert code(await ask(hers, END, {"conversion": "cnv_0"})) == "not_found"


async def test_what_has_not_begun_is_defined_again_and_goes_as_if_it_had_never_been(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers = await client(alice)
    planned = transformer(made)
    planned["input"].pop("validFrom")
    numbers = []
    for power in ("1000", "1600"):
        planned["input"]["params"] = [*PARAMS[:-1], {"name": "sn_kva", "value": power}]
        numbers.append((await ask(hers, SET, planned))["data"]["setConversion"]["id"])  # type: ignore[index]
    listed = '{ project(id: "acme") { conversions { id params { value } validFrom } } }'
    [left] = (await ask(hers, listed))["data"]["project"]["conversions"]  # type: ignore[index]
    assert left["id"] == numbers[1]
    assert {"value": "1600"} in left["params"]
    assert left["validFrom"] == "2026-03-15T04:15:00Z"
    ended = await ask(hers, END, {"conversion": numbers[1]})
    assert ended["data"]["endConversion"] == {"validTo": "2026-03-15T04:15:00Z"}  # type: ignore[index]
    assert (await ask(hers, listed))["data"]["project"]["conversions"] == []  # type: ignore[index]


async def test_comprehensive_energy_is_told_term_by_term(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    answer = await ask(await client(alice), TAKEN, {"node": made.nodes["a"].text})
    found = answer["data"]["project"]["comprehensive"]  # type: ignore[index]
    assert found == {
        "kgce": "300",
        "terms": [
            {
                "meterId": made.meters["m1"].text,
                "energy": "electricity",
                "unit": "kWh",
                "value": "300.000000",
                "kgce": "300",
                "why": "taken",
            }
        ],
    }


async def test_a_shift_leader_defines_nothing(
    client: Client, ask: Ask, alice: Actor, made: Plant, make_person: MakePerson
) -> None:
    emil = await client(await make_person("emil", alice.tenant, role="shift_leader"))
    assert code(await ask(emil, SET, transformer(made))) == "not_allowed"
    assert code(await ask(emil, END, {"conversion": "cnv_0"})) == "not_allowed"
