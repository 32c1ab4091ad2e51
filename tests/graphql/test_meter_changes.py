"""Meters and memberships by GraphQL: made, described, ended, counted; what is wrong is said."""

import pytest

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.postgres import Actor, MakePerson

METER = """slug energy source expression registerName level accuracy nameplate ownProduct role
  validFrom validTo name { en }"""
CREATE = f"mutation C($input: MeterInput!) {{ createMeter(input: $input) {{ id {METER} }} }}"
CHANGE = f"""mutation C($meter: ID!, $traits: TraitsInput!, $name: NameInput) {{
  changeMeter(project: "acme", meter: $meter, traits: $traits, name: $name) {{ {METER} }} }}"""
END = """mutation E($meter: ID!, $at: DateTime) {
  endMeter(project: "acme", meter: $meter, at: $at) { validTo } }"""
COUNT = """mutation M($input: MembershipInput!) { setMembership(input: $input) {
  nodeId meterId energy coefficient validFrom validTo } }"""
UNCOUNT = """mutation E($node: ID!, $meter: ID!, $from: DateTime!, $at: DateTime) {
  endMembership(project: "acme", node: $node, meter: $meter, validFrom: $from, at: $at) {
  validTo } }"""
COUNTED = """query C($node: ID, $meter: ID) { project(id: "acme") {
  memberships(node: $node, meter: $meter) { meterId nodeId coefficient validFrom validTo } } }"""
METERS = '{ project(id: "acme") { meters { slug } audit { action } } }'
ALWAYS = "1970-01-01T00:00:00Z"
SOON = "2026-03-15T04:15:00Z"


@pytest.fixture
async def made(made: Plant, alice: Actor, platform: Platform) -> Plant:
    """Alice's plant; the device of m1 has a second register and a voltage."""
    async with platform.database.project(alice.tenant.id) as tx:
        for name, kind, unit in (
            ("ep_exp", "register", "kWh"),
            ("u_a", "gauge", "V"),
            ("vol", "register", "m3"),
        ):
            await tx.execute(
                "INSERT INTO point (project_id, device_id, name, kind, unit)"
                " VALUES (%s, %s, %s, %s, %s)",
                (alice.tenant.id, made.devices["m1"].id, name, kind, unit),
            )
    return made


def meter(made: Plant, **changed: object) -> dict[str, object]:
    """A meter on the second register, or another."""
    base = {
        "project": "acme",
        "name": {"en": "Feed-in"},
        "energy": "electricity",
        "source": "register",
        "device": made.devices["m1"].text,
        "register": "ep_exp",
        "power": "p",
        "traits": {"level": 1, "accuracy": "0.5", "nameplate": "250", "role": "grid_export"},
    }
    return {"input": {**base, **changed}}


async def test_a_meter_on_a_register_is_made_described_and_ended(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    hers = await client(alice)
    wanted = meter(made, validFrom="2026-03-15T00:00:00Z")
    answer = (await ask(hers, CREATE, wanted))["data"]["createMeter"]  # type: ignore[index]
    number = answer.pop("id")
    assert answer == {
        "slug": "feed-in",
        "energy": "electricity",
        "source": "register",
        "expression": None,
        "registerName": "ep_exp",
        "level": 1,
        "accuracy": "0.5",
        "nameplate": "250",
        "ownProduct": False,
        "role": "grid_export",
        "validFrom": "2026-03-15T00:00:00Z",
        "validTo": None,
        "name": {"en": "Feed-in"},
    }
    async with platform.database.read(alice.tenant.id) as tx:
        dirty = await tx.fetch_tuples(
            "SELECT p.name, d.first_ts::text FROM dirty d JOIN point p ON p.id = d.point_id"
            " AND p.project_id = d.project_id WHERE d.project_id = %s",
            (alice.tenant.id,),
        )
    assert dirty == [("ep_exp", "2026-03-15 00:00:00+00")]
    traits = {"level": 3, "ownProduct": True}
    changed = await ask(hers, CHANGE, {"meter": number, "traits": traits, "name": {"en": "Out"}})
    told = changed["data"]["changeMeter"]  # type: ignore[index]
    assert (told["level"], told["ownProduct"], told["role"], told["accuracy"], told["name"]) == (
        3,
        True,
        None,
        None,
        {"en": "Out"},
    )
    ended = await ask(hers, END, {"meter": number})
    assert ended["data"]["endMeter"] == {"validTo": SOON}  # type: ignore[index]
    project = (await ask(hers, METERS))["data"]["project"]  # type: ignore[index]
    assert [row["action"] for row in project["audit"]] == [
        "meter.end",
        "meter.change",
        "meter.create",
    ]


async def test_a_meter_that_is_ended_before_it_begins_never_counts(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers = await client(alice)
    virtual = meter(
        made, source="virtual", expression="m0 - m1", traits={}, device=None, validFrom=None
    )
    created = (await ask(hers, CREATE, virtual))["data"]["createMeter"]  # type: ignore[index]
    assert created["validFrom"] == SOON
    ended = await ask(hers, END, {"meter": created["id"]})
    assert ended["data"]["endMeter"] == {"validTo": SOON}  # type: ignore[index]


async def test_a_virtual_meter_keeps_its_expression(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    virtual = meter(made, source="virtual", expression=" m0 - m1 ", traits={}, device=None)
    answer = await ask(await client(alice), CREATE, virtual)
    told = answer["data"]["createMeter"]  # type: ignore[index]
    assert (told["source"], told["expression"], told["registerName"]) == (
        "virtual",
        "m0 - m1",
        None,
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"energy": "ether"}, "energy_unknown"),
        ({"name": {"en": ""}}, "name_empty"),
        ({"source": "guess"}, "meter_source"),
        ({"register": "nothing"}, "meter_point"),
        ({"device": "dev_0"}, "meter_point"),
        ({"register": "ep_imp"}, "meter_point_taken"),
        ({"register": "u_a"}, "meter_no_register"),
        ({"register": "vol"}, "meter_unit"),
        ({"register": None}, "meter_point_missing"),
        ({"source": "gauge", "power": None}, "meter_point_missing"),
        ({"source": "virtual", "expression": "m0 - nothing"}, "expression_unknown"),
        ({"source": "virtual", "expression": "m0 + feed-in"}, "expression_circle"),
        ({"traits": {"level": 0}}, "metering_level"),
        ({"traits": {"accuracy": "0"}}, "accuracy"),
        ({"traits": {"nameplate": "1e308"}}, "nameplate"),
        ({"traits": {"level": 1, "role": "wind"}}, "meter_role"),
        ({"traits": {"level": 2, "role": "pv"}}, "meter_role_where"),
        ({"validFrom": "1970-01-01T00:00:00Z"}, "restatement_needed"),
        ({"validFrom": "2099-01-01T00:00:00Z"}, "date_far"),
    ],
)
async def test_what_cannot_be_a_meter_says_why_and_nothing_is_made(
    client: Client,
    ask: Ask,
    alice: Actor,
    made: Plant,
    changed: dict[str, object],
    expected: str,
) -> None:
    hers = await client(alice)
    assert code(await ask(hers, CREATE, meter(made, **changed))) == expected
    project = (await ask(hers, METERS))["data"]["project"]  # type: ignore[index]
    assert project == {"meters": [{"slug": "m0"}, {"slug": "m1"}, {"slug": "m2"}], "audit": []}


async def test_a_place_counts_a_share_from_the_next_quarter_hour(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers, b, m1 = await client(alice), made.nodes["b"].text, made.meters["m1"].text
    share = {"project": "acme", "node": b, "meter": m1, "coefficient": "0.4"}
    answer = await ask(hers, COUNT, {"input": share})
    row = {
        "nodeId": b,
        "meterId": m1,
        "coefficient": "0.4",
        "validFrom": SOON,
        "validTo": None,
    }
    assert answer["data"]["setMembership"] == {**row, "energy": "electricity"}  # type: ignore[index]
    again = await ask(hers, COUNT, {"input": share})
    assert code(again) == "membership_overlap"
    of_meter = await ask(hers, COUNTED, {"meter": m1})
    whole = {
        "nodeId": made.nodes["a"].text,
        "meterId": m1,
        "coefficient": "1",
        "validFrom": ALWAYS,
        "validTo": None,
    }
    assert of_meter["data"]["project"]["memberships"] == [whole, row]  # type: ignore[index]
    less = {"project": "acme", "node": whole["nodeId"], "meter": m1, "coefficient": "0.6"}
    await ask(hers, COUNT, {"input": {**less, "instead": True}})
    of_node = await ask(hers, COUNTED, {"node": whole["nodeId"]})
    assert [
        (one["coefficient"], one["validTo"])
        for one in of_node["data"]["project"]["memberships"]  # type: ignore[index]
    ] == [("1", SOON), ("0.6", None)]
    key = {"node": b, "meter": m1, "from": SOON}
    ended = await ask(hers, UNCOUNT, {**key, "at": "2026-03-15T05:00:00Z"})
    assert ended["data"]["endMembership"]["validTo"] == "2026-03-15T05:00:00Z"  # type: ignore[index]
    assert code(await ask(hers, UNCOUNT, {**key, "at": "2026-03-15T06:00:00Z"})) == (
        "membership_ended"
    )
    nowhere = {**key, "from": "2026-03-15T07:00:00Z"}
    assert code(await ask(hers, UNCOUNT, nowhere)) == "not_found"
    assert code(await ask(hers, COUNTED, {"node": "node_0"})) == "not_found"


async def test_a_shift_leader_changes_no_meter(
    client: Client, ask: Ask, alice: Actor, made: Plant, make_person: MakePerson
) -> None:
    emil = await client(await make_person("emil", alice.tenant, role="shift_leader"))
    m1, b = made.meters["m1"].text, made.nodes["b"].text
    assert code(await ask(emil, CREATE, meter(made))) == "not_allowed"
    assert code(await ask(emil, CHANGE, {"meter": m1, "traits": {}})) == "not_allowed"
    assert code(await ask(emil, END, {"meter": m1})) == "not_allowed"
    share = {"project": "acme", "node": b, "meter": m1}
    assert code(await ask(emil, COUNT, {"input": share})) == "not_allowed"
    key = {"node": b, "meter": m1, "from": ALWAYS}
    assert code(await ask(emil, UNCOUNT, key)) == "not_allowed"
