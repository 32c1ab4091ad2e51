"""Setting points by GraphQL and REST: who may, once by key, with list, news and audit."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import NamedTuple

import orjson
import pytest

from backend.acquisition.host import EdgeNode, Report
from backend.acquisition.reports import store
from backend.application.web_process import WebProcess
from backend.core.events import Event
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.commands import CommandResult, State, encode_result
from tests.graphql.conftest import Ask, Client, session_token
from tests.graphql.plants import Plant
from tests.graphql.sockets import open_socket
from tests.postgres import NOW, Actor

KEY = "0195e2a4-0000-7000-8000-000000000001"
WRITE = """mutation W($device: ID!, $point: String!, $value: Float!, $key: ID!, $within: Int!) {
  writePoint(input: {project: "acme", device: $device, point: $point, value: $value, key: $key,
                     expectedOld: 40, notAfterSeconds: $within})
  { id deviceId point unit value expectedOld notAfter state code person { login } } }"""
LIST = """{ project(id: "acme") { commands { id state code oldValue readValue stateAt finishedAt }
  audit { number actor person { login } action ref old new result } auditBrokenAt } }"""


class Order(NamedTuple):
    """What is asked for."""

    device: str
    point: str = "p"
    value: float = 42.5
    key: str = KEY
    within: int = 60


async def result_of(platform: Platform, made: Plant, id: str, state: State) -> None:
    """What ingest does with a gateway's answer."""
    node = EdgeNode(made.tenant.id, made.gateway.id, "acme", "g1")
    at_ms = int(NOW.timestamp() * 1000)
    result = CommandResult(id, state, "done", at_ms, "d-m1", "p", 42.5, "per_x", 40.0, 42.5)
    await store(platform, [(node, Report(topics.EXT_COMMAND_RESULT, encode_result(result)))])


async def test_a_point_is_set_and_its_result_is_seen(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    hers = await client(alice)
    order = Order(made.devices["m1"].text)
    answer = await ask(hers, WRITE, order._asdict())
    [given] = answer["data"].values()  # type: ignore[attr-defined]
    id = given.pop("id")
    assert given == {
        "deviceId": order.device,
        "point": "p",
        "unit": "kW",
        "value": 42.5,
        "expectedOld": 40.0,
        "notAfter": "2026-03-15T04:01:00Z",
        "state": "WAITING",
        "code": None,
        "person": {"login": "alice"},
    }
    # The same tap again is the same command.
    again = await ask(hers, WRITE, order._asdict())
    assert again["data"]["writePoint"]["id"] == id  # type: ignore[index]
    await result_of(platform, made, id, State.VERIFIED)
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert project["commands"] == [
        {
            "id": id,
            "state": "VERIFIED",
            "code": "done",
            "oldValue": 40.0,
            "readValue": 42.5,
            "stateAt": "2026-03-15T04:00:00Z",
            "finishedAt": "2026-03-15T04:00:00Z",
        }
    ]
    result, asked = project["audit"]
    assert asked["person"] == {"login": "alice"}
    assert (asked["number"], asked["action"], asked["ref"]) == (1, "command.write", id)
    assert orjson.loads(asked["new"]) == {
        "device": "d-m1",
        "point": "p",
        "value": 42.5,
        "notAfter": "2026-03-15T04:01:00+00:00",
    }
    assert (result["action"], result["result"]) == ("command.result", "verified/done")
    assert orjson.loads(result["old"]) == {"device": "d-m1", "point": "p", "value": 40.0}
    assert project["auditBrokenAt"] is None


async def test_only_its_own_gateway_answers_a_command(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    hers = await client(alice)
    answer = await ask(hers, WRITE, Order(made.devices["m1"].text)._asdict())
    id = answer["data"]["writePoint"]["id"]  # type: ignore[index]
    neighbour = dataclasses.replace(made.gateway, id=made.gateway.id + 1)
    await result_of(platform, dataclasses.replace(made, gateway=neighbour), id, State.VERIFIED)
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert [command["state"] for command in project["commands"]] == ["WAITING"]
    assert [entry["action"] for entry in project["audit"]] == ["command.write"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"point": "q"}, "not_found"),
        ({"device": "dev_x"}, "not_found"),
        ({"key": "1"}, "command_key"),
        ({"within": 0}, "command_within"),
        ({"within": 86_401}, "command_within"),
    ],
)
async def test_what_cannot_be_asked_leaves_no_trace(
    client: Client, ask: Ask, alice: Actor, made: Plant, change: dict[str, object], code: str
) -> None:
    hers = await client(alice)
    answer = await ask(hers, WRITE, {**Order(made.devices["m1"].text)._asdict(), **change})
    assert answer["errors"][0]["extensions"]["code"] == code  # type: ignore[index]
    project = (await ask(hers, LIST))["data"]["project"]  # type: ignore[index]
    assert project == {"commands": [], "audit": [], "auditBrokenAt": None}


async def test_a_key_of_another_command_is_refused(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers, order = await client(alice), Order(made.devices["m1"].text)
    await ask(hers, WRITE, order._asdict())
    answer = await ask(hers, WRITE, order._replace(value=43.0)._asdict())
    assert answer["errors"][0]["extensions"]["code"] == "command_key"  # type: ignore[index]


async def test_a_shift_leader_may_neither_write_nor_read_the_audit(
    client: Client, ask: Ask, bob: Actor, made: Plant
) -> None:
    his = await client(bob)
    answer = await ask(his, WRITE, Order(made.devices["m1"].text)._asdict())
    error = answer["errors"][0]["extensions"]  # type: ignore[index]
    assert (error["code"], error["params"]) == ("not_allowed", {"permission": "write"})
    for field in ("audit { number }", "auditBrokenAt"):
        answer = await ask(his, f'{{ project(id: "acme") {{ {field} }} }}')
        error = answer["errors"][0]["extensions"]  # type: ignore[index]
        assert (error["code"], error["params"]) == ("not_allowed", {"permission": "audit"})
    commands = await ask(his, '{ project(id: "acme") { commands { id } } }')
    assert commands["data"] == {"project": {"commands": []}}


async def test_rest_gives_and_shows_a_command(client: Client, alice: Actor, made: Plant) -> None:
    hers = await client(alice)
    body = {"device": made.devices["m1"].text, "point": "p", "value": 1.5, "key": KEY}
    given = await hers.post("/api/v1/commands?project=acme", json=body)
    assert given.status_code == 202
    assert (given.json()["state"], given.json()["value"]) == ("waiting", 1.5)
    shown = await hers.get(given.headers["location"])
    assert shown.json() == given.json()
    for wrong in ({"value": "x"}, {"not_after_seconds": 0}):
        refused = await hers.post("/api/v1/commands?project=acme", json={**body, **wrong})
        assert refused.status_code == 422
    body |= {"point": "q", "key": str(KEY).replace("1", "2")}
    assert (await hers.post("/api/v1/commands?project=acme", json=body)).status_code == 404
    assert (await hers.get("/api/v1/commands/cmd_x?project=acme")).status_code == 404


async def told(platform: Platform, project_id: int, after: int) -> AsyncIterator[Event]:
    """The project's events with numbers above `after`, as `events.listen` yields them."""
    async with platform.database.read(project_id) as tx:
        rows = await tx.fetch_all(
            "SELECT project_id, number, kind, ref, at FROM event WHERE number > %s",
            (after,),
            into=Event,
        )
    for row in rows:
        yield row


async def test_every_change_is_pushed(
    client: Client,
    ask: Ask,
    alice: Actor,
    made: Plant,
    platform: Platform,
    process: WebProcess,
    served: str,
) -> None:
    hers, project = await client(alice), alice.tenant.id
    async with open_socket(served, cookie=await session_token(process, alice)) as socket:
        await socket.subscribe('subscription { commands(project: "acme") { id state } }')
        while not process.news._watches.get(project):  # noqa: ASYNC110, SLF001 - no bell
            await asyncio.sleep(0.01)
        answer = await ask(hers, WRITE, Order(made.devices["m1"].text)._asdict())
        id = answer["data"]["writePoint"]["id"]  # type: ignore[index]
        seen = []
        for number, state in enumerate((None, State.REJECTED)):
            if state is not None:
                await result_of(platform, made, id, state)
            await process.news.follow(told(platform, project, number))
            seen.append((await socket.receive())["payload"])
    assert seen == [
        {"data": {"commands": {"id": id, "state": state}}} for state in ("WAITING", "REJECTED")
    ]


async def test_a_device_says_what_may_be_set(
    client: Client, ask: Ask, alice: Actor, made: Plant, platform: Platform
) -> None:
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "UPDATE point SET write_min = 0, write_max = 50, write_step = 0.5"
            " WHERE project_id = %s AND id = %s",
            (alice.tenant.id, made.points["m1", "p"]),
        )
    answer = await ask(
        await client(alice),
        '{ project(id: "acme") { devices { slug writable { key unit low high step } } } }',
    )
    devices = answer["data"]["project"]["devices"]  # type: ignore[index]
    point = {"key": "p", "unit": "kW", "low": 0.0, "high": 50.0, "step": 0.5}
    assert {device["slug"]: device["writable"] for device in devices} == {
        "d-m0": [],
        "d-m1": [point],
        "d-m2": [],
    }


async def test_the_history_of_one_device(
    client: Client, ask: Ask, alice: Actor, made: Plant
) -> None:
    hers, one, other = await client(alice), made.devices["m1"].text, made.devices["m2"].text
    await ask(hers, WRITE, Order(one)._asdict())
    of = """query($device: ID!) { project(id: "acme") { device(id: $device) { slug }
      commands(device: $device) { value } } }"""
    found = {}
    for device in (one, other, "dev_x"):
        project = (await ask(hers, of, {"device": device}))["data"]["project"]  # type: ignore[index]
        found[device] = (project["device"], project["commands"])
    assert found == {
        one: ({"slug": "d-m1"}, [{"value": 42.5}]),
        other: ({"slug": "d-m2"}, []),
        "dev_x": (None, []),
    }
