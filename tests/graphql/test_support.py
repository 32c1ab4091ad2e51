"""Support from afar by GraphQL: who lets it in, and that nothing is asked without a grant."""

from datetime import timedelta
from uuid import uuid4

from backend.acquisition.host import EdgeNode, Report
from backend.acquisition.reports import store
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.json_text import encode_text
from gateway.contract.support import AskResult, AskState
from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor

GRANT = """mutation G($gateway: ID!, $key: ID!, $minutes: Int!) {
  grantSupport(project: "acme", gateway: $gateway, key: $key, minutes: $minutes)
  { id kind params until state } }"""
ASK = """mutation A($gateway: ID!, $key: ID!, $kind: SupportKind!, $level: String!, $count: Int!) {
  askGateway(input: {project: "acme", gateway: $gateway, key: $key, kind: $kind, device: "v1",
                     point: "t", level: $level, count: $count, start: 7})
  { id kind params until state code person { login } } }"""
LIST = """{ project(id: "acme") { gateways { health { grantedUntil }
  supportRequests { kind state code answer finishedAt } } } }"""


def question(made: Plant, kind: str, **more: object) -> dict[str, object]:
    base = {"gateway": made.gateway.text, "key": str(uuid4()), "kind": kind, "level": "DEBUG"}
    return {**base, "count": 2, **more}


async def test_a_gateway_is_opened_asked_and_closed_by_the_clock(
    client: Client, ask: Ask, dora: Actor, made: Plant, platform: Platform, clock: ManualClock
) -> None:
    hers = await client(dora)
    assert code(await ask(hers, ASK, question(made, "LOG"))) == "support_not_granted"
    grant = {"gateway": made.gateway.text, "key": str(uuid4()), "minutes": 10}
    given = (await ask(hers, GRANT, grant))["data"]["grantSupport"]  # type: ignore[index]
    assert given.pop("id").startswith("cmd_")
    assert given == {
        "kind": "GRANT",
        "params": {"minutes": 10},
        "until": "2026-03-15T04:10:00Z",
        "state": "WAITING",
    }
    asked = {}
    for kind in ("POINT", "REGISTERS", "LOG_LEVEL", "LOG"):
        answer = await ask(hers, ASK, question(made, kind))
        asked[kind] = answer["data"]["askGateway"]  # type: ignore[index]
    assert {kind: one["params"] for kind, one in asked.items()} == {
        "POINT": {"device": "v1", "point": "t"},
        "REGISTERS": {"device": "v1", "fc": 3, "start": 7, "count": 2},
        "LOG_LEVEL": {"level": "DEBUG"},
        "LOG": {"lines": 50},
    }
    assert asked["POINT"]["person"] == {"login": "dora"}
    assert asked["POINT"]["until"] == "2026-03-15T04:02:00Z"
    node = EdgeNode(made.tenant.id, made.gateway.id, "acme", "g1")
    result = AskResult(asked["POINT"]["id"], AskState.DONE, "done", 1, "per_x", [21.5])
    await store(platform, [(node, Report(topics.EXT_ASK_RESULT, encode_text(result)))])
    [gateway] = (await ask(hers, LIST))["data"]["project"]["gateways"]  # type: ignore[index]
    assert gateway["health"] == {"grantedUntil": "2026-03-15T04:10:00Z"}
    assert gateway["supportRequests"][3] == {
        "kind": "POINT",
        "state": "DONE",
        "code": "done",
        "answer": {"values": [21.5], "lines": [], "detail": ""},
        "finishedAt": "2026-03-15T04:00:00Z",
    }
    assert [one["kind"] for one in gateway["supportRequests"]] == [
        "LOG",
        "LOG_LEVEL",
        "REGISTERS",
        "POINT",
        "GRANT",
    ]
    commands = await ask(hers, '{ project(id: "acme") { commands { id } } }')
    assert commands["data"] == {"project": {"commands": []}}
    await clock.advance(timedelta(minutes=10).total_seconds())
    assert code(await ask(hers, ASK, question(made, "LOG"))) == "support_not_granted"
    [gateway] = (await ask(hers, LIST))["data"]["project"]["gateways"]  # type: ignore[index]
    assert gateway["health"] == {"grantedUntil": None}
    assert clock.now() == NOW + timedelta(minutes=10)


async def test_a_grant_can_be_taken_back(
    client: Client, ask: Ask, dora: Actor, made: Plant
) -> None:
    hers = await client(dora)
    for minutes, expected in ((10, "2026-03-15T04:10:00Z"), (0, None)):
        grant = {"gateway": made.gateway.text, "key": str(uuid4()), "minutes": minutes}
        await ask(hers, GRANT, grant)
        [gateway] = (await ask(hers, LIST))["data"]["project"]["gateways"]  # type: ignore[index]
        assert gateway["health"] == {"grantedUntil": expected}


async def test_what_cannot_be_asked(client: Client, ask: Ask, dora: Actor, made: Plant) -> None:
    hers = await client(dora)
    grant = {"gateway": made.gateway.text, "key": str(uuid4()), "minutes": 241}
    assert code(await ask(hers, GRANT, grant)) == "support_minutes"
    await ask(hers, GRANT, {**grant, "minutes": 5})
    assert code(await ask(hers, GRANT, {**grant, "minutes": 6})) == "command_key"
    assert code(await ask(hers, ASK, question(made, "REGISTERS", count=126))) == "support_question"
    assert code(await ask(hers, ASK, question(made, "GRANT"))) == "support_question"
    assert code(await ask(hers, ASK, question(made, "LOG", gateway="gtw_x"))) == "not_found"


async def test_a_manager_neither_grants_nor_asks_nor_reads(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers = await client(alice)
    grant = {"gateway": made.gateway.text, "key": str(uuid4()), "minutes": 5}
    assert code(await ask(hers, GRANT, grant)) == "not_allowed"
    assert code(await ask(hers, ASK, question(made, "LOG"))) == "not_allowed"
    assert code(await ask(hers, LIST)) == "not_allowed"
