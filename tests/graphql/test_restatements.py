"""A restatement by GraphQL from end to end: proposed, measured, approved by a second person,
applied, the old version readable, the audit whole.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from backend.aggregation.accounts import account
from backend.core.platform import Platform
from backend.service.restatement.work import Step, step
from tests.backend.plant_accounts import every
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import Plant, make_plant, read
from tests.postgres import NOW, Actor, MakePerson

START = datetime.fromisoformat("2026-03-10T00:00:00+08:00")
CURVE = """
{ project { series(scope: "%s", energy: "electricity", period: DAY, measure: KGCE,
  start: "2026-03-10T00:00:00+08:00", end: "2026-03-11T00:00:00+08:00") { values } } }
"""
PROPOSE = """
mutation ($params: JSON!, $kind: String!) {
  proposeRestatement(input: {project: "acme", kind: $kind, params: $params, reason: "wrong sheet"})
  { id state version difference { month } mayApprove progress }
}
"""
ALL = """
{ project(id: "acme") { restatements { id state version kind reason answer progress mayApprove
  proposedBy { login } decidedBy { login } fault
  difference { name { en } meter month energy unit old { value kgce } new { value kgce quantity } }
} } }
"""
FACTOR = {
    "energy": "electricity", "substance": "kgce", "basis": "calorific", "value": "0.5",
    "since": "2026-03-10T00:00:00+08:00", "source": "sheet 7",
}  # fmt: skip
Json = dict[str, object]


def part(answer: object, *path: str | int) -> object:
    """What lies at a path in an answer."""
    for one in path:
        if isinstance(one, int):
            assert isinstance(answer, Sequence), answer
            answer = answer[one]
        else:
            assert isinstance(answer, Mapping), answer
            assert not answer.get("errors"), answer
            answer = answer[one]
    return answer


@pytest.fixture
async def plant(platform: Platform, alice: Actor) -> Plant:
    """Alice's plant: m1 of workshop a counted 1 kWh each quarter hour of 10 March."""
    made = await make_plant(platform, alice.tenant)
    project = alice.tenant.id
    rows = every(START, timedelta(minutes=15), [1000.0 + i for i in range(97)])
    async with platform.database.project(project) as tx:
        await tx.execute(
            "INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, source)"
            " VALUES (%s, 'electricity', 'kgce', 0.1229, 'calorific', '2020-01-01', 'test')",
            (project,),
        )
        await tx.execute("UPDATE project SET second_person = true WHERE id = %s", (project,))
    await read(platform, made, "m1", rows)
    await settle(platform, project)
    return made


async def settle(platform: Platform, project: int) -> None:
    """Account until nothing is dirty."""
    done = True
    while done:
        async with platform.database.project(project) as tx:
            done = (await account(tx, project, NOW, timedelta(days=1))).rows > 0


async def test_from_proposal_to_the_version_before(
    platform: Platform,
    plant: Plant,
    client: Client,
    ask: Ask,
    alice: Actor,
    make_person: MakePerson,
) -> None:
    project = alice.tenant.id
    dora = await make_person("dora", alice.tenant, role="administrator")
    hers, second = await client(alice), await client(dora)
    made = part(await ask(hers, PROPOSE, {"kind": "factor", "params": FACTOR}), "data")
    made = part(made, "proposeRestatement")
    assert isinstance(made, dict)
    id = made.pop("id")
    assert made == {
        "state": "PROPOSED", "version": None, "difference": None, "mayApprove": False,
        "progress": 0.0,
    }  # fmt: skip
    assert await step(platform.database, project, NOW) is Step.DONE
    found = part(await ask(hers, ALL), "data", "project", "restatements", 0)
    assert part(found, "mayApprove") is False, "a second person has to"
    assert [part(found, "difference", n, "name", "en") for n in (0, 1)] == [
        "Workshop a",
        "Meter m1",
    ]
    assert part(found, "difference", 1) == {
        "name": {"en": "Meter m1"}, "meter": True, "month": "2026-03", "energy": "electricity",
        "unit": "kWh", "old": {"value": "96.000000", "kgce": "11.7984"},
        "new": {"value": "96.000000", "kgce": "48", "quantity": "96000000"},
    }  # fmt: skip
    approve = f'mutation {{ approveRestatement(project: "acme", id: "{id}") {{ state }} }}'
    refused = await ask(hers, approve)
    assert part(refused["errors"], 0, "extensions", "code") == "restatement_second_person"
    approved = await ask(second, approve)
    assert part(approved, "data", "approveRestatement") == {"state": "APPROVED"}
    assert await step(platform.database, project, NOW) is Step.DONE
    curve = CURVE % plant.meters["m1"].text
    assert part(await ask(hers, curve), "data", "project", "series", "values") == [11.7984]
    await settle(platform, project)
    assert part(await ask(hers, curve), "data", "project", "series", "values") == [11.7984]
    assert await step(platform.database, project, NOW) is Step.DONE
    assert part(await ask(hers, curve), "data", "project", "series", "values") == [48]
    old = curve.replace("KGCE,", 'KGCE, asOf: "0",')
    assert part(await ask(hers, old), "data", "project", "series", "values") == [11.7984]
    ranks = '{ project { ranking(energy: "electricity", period: MONTH%s) { figures { kgce } } } }'
    for given, kgce in ((ranks % "", "48"), (ranks % ', asOf: "0"', "11.7984")):
        kg = part(await ask(hers, given), "data", "project", "ranking", 0, "figures", "kgce")
        assert Decimal(str(kg)) == Decimal(kgce)
    found = part(await ask(hers, ALL), "data", "project", "restatements", 0)
    told = ("state", "version", "progress", "proposedBy", "decidedBy")
    assert [part(found, name) for name in told] == [
        "APPLIED",
        "1",
        1.0,
        {"login": "alice"},
        {"login": "dora"},
    ]
    audit = "{ project { auditBrokenAt audit { action result ref person { login } } } }"
    entries = part(await ask(second, audit), "data", "project")
    assert part(entries, "auditBrokenAt") is None
    assert part(entries, "audit") == [
        {"action": f"restatement.{action}", "result": result, "ref": id, "person": person}
        for action, result, person in (
            ("apply", "applied", None),
            ("begin", "applying", None),
            ("approve", "approved", {"login": "dora"}),
            ("propose", "proposed", {"login": "alice"}),
        )
    ]


async def test_a_shift_leader_only_looks(
    plant: Plant, client: Client, ask: Ask, alice: Actor, bob: Actor
) -> None:
    hers, his = await client(alice), await client(bob)
    made = await ask(hers, PROPOSE, {"kind": "factor", "params": FACTOR})
    id = part(made, "data", "proposeRestatement", "id")
    for question in (
        f'mutation {{ approveRestatement(project: "acme", id: "{id}") {{ id }} }}',
        f'mutation {{ rejectRestatement(project: "acme", id: "{id}", reason: "no") {{ id }} }}',
    ):
        refused = await ask(his, question)
        assert part(refused["errors"], 0, "extensions", "code") == "not_allowed"
    refused = await ask(his, PROPOSE, {"kind": "factor", "params": FACTOR})
    assert part(refused["errors"], 0, "extensions", "code") == "not_allowed"
    found = part(await ask(his, ALL), "data", "project", "restatements", 0)
    assert (part(found, "state"), part(found, "mayApprove")) == ("PROPOSED", False)


async def test_what_is_wrong_is_named(plant: Plant, client: Client, ask: Ask, alice: Actor) -> None:
    refused = await ask(
        await client(alice), PROPOSE, {"kind": "factor", "params": FACTOR | {"value": "NaN"}}
    )
    error = part(refused["errors"], 0, "extensions")
    assert part(error, "code") == "restatement_field"
    assert part(error, "params", "field") == "value"


SHEET = """
{ project { readingSheet(scope: "%s", period: DAY, at: "2026-03-10T12:00:00+08:00", energy: %s) {
  name { en } figures { quantity } rounding
  register { unit multiplier rawQuantity totalQuantity total adjustments { why } remarks { why }
    opening { at value interpolated before { at value } after { value } } closing { at value } }
  terms { meter { id } coefficient value part }
} } }
"""


async def test_the_reading_sheet_of_a_meter_and_of_its_node(
    plant: Plant, client: Client, ask: Ask, alice: Actor
) -> None:
    hers = await client(alice)
    meter, node = plant.meters["m1"].text, plant.nodes["a"].text
    answer = await ask(hers, SHEET % (meter, "null"))
    assert part(answer, "data", "project", "readingSheet") == {
        "name": {"en": "Meter m1"},
        "figures": {"quantity": "96000000"},
        "rounding": "0.000000",
        "register": {
            "unit": "kWh",
            "multiplier": "1",
            "rawQuantity": "96000000",
            "totalQuantity": "96000000",
            "total": "96.000000",
            "adjustments": [],
            "remarks": [],
            "opening": {
                "at": "2026-03-09T16:00:00Z",
                "value": "1000",
                "interpolated": False,
                "before": {"at": "2026-03-09T16:00:00Z", "value": "1000"},
                "after": {"value": "1000"},
            },
            "closing": {"at": "2026-03-10T16:00:00Z", "value": "1096"},
        },
        "terms": [],
    }
    answer = await ask(hers, SHEET % (node, '"electricity"'))
    assert part(answer, "data", "project", "readingSheet") == {
        "name": {"en": "Workshop a"},
        "figures": {"quantity": "96000000"},
        "rounding": "0.000000",
        "register": None,
        "terms": [
            {"meter": {"id": meter}, "coefficient": "1", "value": "96.000000", "part": "96.000000"}
        ],
    }
    refused = await ask(hers, SHEET % (node, "null"))
    assert part(refused["errors"], 0, "extensions", "code") == "energy_unknown"
