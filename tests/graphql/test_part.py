"""A member of a part of the plant: everything they are told is of that part, menus follow."""

from collections.abc import Awaitable, Callable

import httpx
import psycopg
import pytest

from backend.application.web_process import WebProcess
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, session_token
from tests.graphql.plants import Plant, make_plant
from tests.graphql.sockets import open_socket
from tests.postgres import NOW, Actor, MakePerson

Say = Callable[..., Awaitable[object]]
"""Asks a field of the project: what it says, or the code of its refusal."""

DAY = 'energy: "electricity", period: DAY'
SPAN = 'start: "2026-03-14T16:00:00Z", end: "2026-03-15T16:00:00Z"'


@pytest.fixture
async def made(platform: Platform, alice: Actor) -> Plant:
    """Alice's plant, with an account today for every node and meter."""
    plant = await make_plant(platform, alice.tenant)
    async with platform.database.project(alice.tenant.id) as tx:
        for scope, things in ((1, plant.meters), (2, plant.nodes)):
            for thing in things.values():
                await tx.execute(
                    "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts,"
                    " end_ts, qty, quality, updated_at) VALUES (%s, %s, %s, 'electricity', 3,"
                    " '2026-03-14T16:00:00Z', '2026-03-15T16:00:00Z', 1000000, 0, %s)",
                    (alice.tenant.id, scope, thing.id, NOW),
                )
        await tx.execute(
            "INSERT INTO calendar_period (project_id, period, start_ts, end_ts, label)"
            " VALUES (%s, 3, '2026-03-14T16:00:00Z', '2026-03-15T16:00:00Z', '2026-03-15')",
            (alice.tenant.id,),
        )
    return plant


@pytest.fixture
async def ann(made: Plant, alice: Actor, make_person: MakePerson) -> Actor:
    """A shift leader of workshop a."""
    node = made.nodes["a"].id
    return await make_person("ann", alice.tenant, role="shift_leader", node=node)


@pytest.fixture
def told(client: Client, ask: Ask) -> Say:
    """Ask a field of the project and answer what it says, or the code of its refusal."""

    async def say(who: Actor, field: str) -> object:
        answer = await ask(await client(who), f'{{ project(id: "acme") {{ {field} }} }}')
        if "errors" in answer:
            return answer["errors"][0]["extensions"]["code"]  # type: ignore[index]
        return next(iter(answer["data"]["project"].values()))  # type: ignore[index]

    return say


async def test_the_model_is_that_of_the_part(
    made: Plant, ann: Actor, alice: Actor, told: Say
) -> None:
    a, m1, d1 = made.nodes["a"].text, made.meters["m1"].text, made.devices["m1"].text
    lists = {
        "nodes { id }": [{"id": a}],
        "nodes { parentId }": [{"parentId": None}],
        "meters { id }": [{"id": m1}],
        "devices { id }": [{"id": d1}],
        "gateways { id }": [{"id": made.gateway.text}],
        "memberships { nodeId meterId }": [{"nodeId": a, "meterId": m1}],
    }
    for field, expected in lists.items():
        assert await told(ann, field) == expected, field
        assert len(str(await told(alice, field))) > len(str(expected)) or "gateways" in field
    for thing in ("b", "site"):
        assert await told(ann, f'node(id: "{made.nodes[thing].text}") {{ slug }}') is None
    assert await told(ann, f'meter(id: "{made.meters["m2"].text}") {{ slug }}') is None
    assert await told(ann, f'device(id: "{made.devices["m2"].text}") {{ slug }}') is None


async def test_figures_and_rankings_are_those_of_the_part(
    made: Plant, ann: Actor, alice: Actor, told: Say
) -> None:
    def series(thing: str) -> str:
        return f'series(scope: "{thing}", {DAY}, {SPAN}) {{ values }}'

    for thing in (made.nodes["a"], made.meters["m1"]):
        assert await told(ann, series(thing.text)) == {"values": [1]}
    for thing in (made.nodes["b"], made.nodes["site"], made.meters["m2"]):
        assert await told(ann, series(thing.text)) == "not_found"
        assert await told(alice, series(thing.text)) == {"values": [1]}
    ranked = f"ranking({DAY}) {{ node {{ slug }} }}"
    assert await told(ann, ranked) == []
    assert await told(alice, ranked) == [{"node": {"slug": "a"}}, {"node": {"slug": "b"}}]
    top = f"top(input: {{ {DAY}, meters: true }}) {{ rows {{ scope }} }}"
    assert await told(ann, top) == {"rows": [{"scope": made.meters["m1"].text}]}


async def test_the_first_screen_is_that_of_the_part(made: Plant, ann: Actor, told: Say) -> None:
    screen = "summary { node { slug } powerKw metersTotal today { quantity } }"
    assert await told(ann, screen) == {
        "node": {"slug": "a"},
        "powerKw": 200.0,
        "metersTotal": 1,
        "today": {"quantity": "1000000"},
    }


async def test_live_values_are_those_of_the_part(
    made: Plant, ann: Actor, alice: Actor, process: WebProcess, served: str
) -> None:
    heard = {}
    for who in (ann, alice):
        token = await session_token(process, who)
        async with open_socket(served, cookie=token) as socket:
            await socket.subscribe('subscription { live(project: "acme") { values { deviceId } } }')
            frame = await socket.receive()
            values = frame["payload"]["data"]["live"]["values"]  # type: ignore[index]
            heard[who.login] = {one["deviceId"] for one in values}
    assert heard["ann"] == {made.devices["m1"].text}
    assert heard["alice"] == {one.text for one in made.devices.values()}


async def test_scripts_are_told_of_the_part_alone(made: Plant, ann: Actor, client: Client) -> None:
    async def asked(scope: str) -> httpx.Response:
        opened = await client(ann)
        question = f"project=acme&scope={scope}&energy=electricity&period=DAY"
        span = "start=2026-03-14T16:00:00Z&end=2026-03-15T16:00:00Z"
        return await opened.get(f"/api/v1/series?{question}&{span}")

    assert (await asked(made.nodes["a"].text)).status_code == 200
    assert (await asked(made.nodes["b"].text)).status_code == 404


async def test_effects_beyond_the_part_are_not_theirs(
    made: Plant, alice: Actor, make_person: MakePerson, told: Say
) -> None:
    node = made.nodes["a"].id
    boss = await make_person("boss", alice.tenant, role="administrator", node=node)
    assert await told(boss, "permissions") == ["READ", "ACKNOWLEDGE", "WRITE", "RECORD"]
    assert await told(boss, "audit { ref }") == "not_allowed"


async def test_a_closed_module_is_empty_and_takes_its_permissions(
    made: Plant, alice: Actor, make_person: MakePerson, told: Say
) -> None:
    mate = await make_person("mate", alice.tenant, role="manager", modules=["alarms"])
    assert await told(mate, "modules") == ["ALARMS"]
    assert await told(alice, "modules") == ["ENERGY", "DEVICES", "ALARMS", "EQUIPMENT", "RECORDS"]
    assert await told(mate, "gateways { id }") == []
    site = made.nodes["site"].text
    series = f'series(scope: "{site}", {DAY}, {SPAN}) {{ values }}'
    assert await told(mate, series) == {"values": [None]}
    assert await told(mate, "permissions") == [
        "READ",
        "ACKNOWLEDGE",
        "DEMONSTRATE",
        "AUDIT",
        "PLAN",
        "MODEL",
    ]
    assert await told(mate, "nodes { slug }") == await told(alice, "nodes { slug }")


async def test_a_part_moves_with_its_place(
    made: Plant,
    ann: Actor,
    alice: Actor,
    process: WebProcess,
    admin: psycopg.Connection,
    told: Say,
) -> None:
    a, b = made.nodes["a"].id, made.nodes["b"].id
    admin.execute("UPDATE node SET parent_id = %s WHERE id = %s", (a, b))
    process.live.forget_directory(alice.tenant.id)
    assert await told(ann, "nodes { slug }") == [{"slug": "a"}, {"slug": "b"}]
    admin.execute("UPDATE node_meter SET valid_to = %s WHERE node_id = %s", (NOW, a))
    process.live.forget_directory(alice.tenant.id)
    assert await told(ann, "meters { slug }") == [{"slug": "m2"}]
