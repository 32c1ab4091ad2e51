"""Handing over for a while, and memberships that end by themselves: the clock alone decides."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from backend.application.web_process import WebProcess
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, session_token
from tests.graphql.plants import Plant, make_plant
from tests.graphql.sockets import open_socket
from tests.graphql.test_posts import code, told
from tests.postgres import NOW, Actor, MakePerson, MakeProject

HAND = """mutation ($login: String!, $permissions: [Permission!], $part: ID, $start: DateTime!,
  $end: DateTime!) { handOver(input: { project: "mill", login: $login, part: $part,
  permissions: $permissions, start: $start, end: $end, note: "leave" })
  { id permissions giver { login } taker { login } } }"""
END = 'mutation ($id: ID!) { endDelegation(project: "mill", id: $id) { ended } }'
MAY = '{ project(id: "mill") { permissions nodes { slug } } }'
LIST = '{ project(id: "mill") { delegations { id giver { login } taker { login } } } }'
MEMBER = """mutation ($person: ID!, $until: DateTime) { setMember(input: { project: "mill",
  person: $person, role: "integrator", until: $until }) { until } }"""
STAFF = ["READ", "ACKNOWLEDGE", "RECORD"]
PLANNER = ["READ", "ACKNOWLEDGE", "PLAN", "RECORD"]


@dataclass(frozen=True, slots=True)
class Mill:
    """An administrator, a manager, shift staff of the whole plant and of workshop a."""

    plant: Plant
    root: Actor
    ann: Actor
    ben: Actor
    eve: Actor


@pytest.fixture
async def mill(platform: Platform, make_project: MakeProject, make_person: MakePerson) -> Mill:
    tenant = await make_project("mill")
    plant = await make_plant(platform, tenant)
    return Mill(
        plant,
        await make_person("root", tenant, role="administrator"),
        await make_person("ann", tenant, role="manager"),
        await make_person("ben", tenant, role="shift_staff"),
        await make_person("eve", tenant, role="shift_staff", node=plant.nodes["a"].id),
    )


def times(start_h: float, end_h: float) -> dict[str, str]:
    """A span in hours from now."""
    start, end = (NOW + timedelta(hours=hours) for hours in (start_h, end_h))
    return {"start": start.isoformat(), "end": end.isoformat()}


async def may(opened: httpx.AsyncClient, ask: Ask) -> object:
    """What somebody may do in the mill."""
    return told(await ask(opened, MAY), "project", "permissions")


async def test_it_begins_and_ends_by_the_clock_alone(
    mill: Mill, client: Client, ask: Ask, clock: ManualClock, admin: psycopg.Connection
) -> None:
    ann, ben = await client(mill.ann), await client(mill.ben)
    wanted = {"login": "ben", "permissions": ["PLAN"], **times(1, 3)}
    answer = await ask(ann, HAND, wanted)
    assert told(answer, "handOver", "permissions") == ["READ", "PLAN"]
    assert await may(ben, ask) == STAFF
    await clock.advance(3600)
    assert await may(ben, ask) == PLANNER
    await clock.advance(7199)
    assert await may(ben, ask) == PLANNER
    await clock.advance(1)
    assert await may(ben, ask) == STAFF
    done = admin.execute("SELECT action, actor, new::jsonb->>'to' FROM audit").fetchall()
    assert done == [("delegation.make", mill.ann.text, mill.ben.text)]


async def test_nobody_hands_over_more_than_they_have(
    mill: Mill, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    ann, ben, eve = [await client(one) for one in (mill.ann, mill.ben, mill.eve)]
    people = {"login": "ben", "permissions": ["PEOPLE"], **times(0, 3)}
    assert code(await ask(ann, HAND, people)) == "gives_more"
    # What was handed to somebody is not theirs to hand on.
    told(await ask(ann, HAND, {"login": "ben", **times(0, 3)}))
    assert "PLAN" in str(await may(ben, ask))
    again = {"login": "eve", "permissions": ["PLAN"], **times(0, 3)}
    assert code(await ask(ben, HAND, again)) == "gives_more"
    # And never counts for more than its giver has now.
    admin.execute("UPDATE membership SET role = 'auditor' WHERE person_id = %s", (mill.ann.id,))
    assert await may(ben, ask) == ["READ", "ACKNOWLEDGE", "AUDIT", "RECORD"]
    admin.execute("DELETE FROM membership WHERE person_id = %s", (mill.ann.id,))
    assert await may(ben, ask) == STAFF
    elsewhere = {"login": "ben", "part": mill.plant.nodes["b"].text, **times(0, 3)}
    assert code(await ask(eve, HAND, elsewhere)) == "not_found"


async def test_it_takes_nothing_away_and_opens_no_other_part(
    mill: Mill, client: Client, ask: Ask
) -> None:
    ann, eve = await client(mill.ann), await client(mill.eve)
    # Less than Eve's own elsewhere would be one limit for two things: refused.
    beside = {"login": "eve", "permissions": ["PLAN"], **times(0, 3)}
    assert code(await ask(ann, HAND, beside)) == "delegation_beside"
    known = {"login": "eve", "permissions": ["RECORD"], "part": mill.plant.nodes["a"].text}
    assert code(await ask(ann, HAND, {**known, **times(0, 3)})) == "delegation_beside"
    mine = {"login": "eve", "permissions": ["WRITE"], "part": mill.plant.nodes["a"].text}
    told(await ask(ann, HAND, {**mine, **times(0, 3)}))
    assert told(await ask(eve, MAY), "project") == {
        "permissions": ["READ", "ACKNOWLEDGE", "WRITE", "RECORD"],
        "nodes": [{"slug": "a"}],
    }
    # All that Ann has holds all that Eve has: it stands in its place.
    told(await ask(ann, HAND, {"login": "eve", **times(0, 3)}))
    assert {"slug": "b"} in told(await ask(eve, MAY), "project", "nodes")  # type: ignore[operator]


async def test_it_is_listed_and_ended_by_whom_it_concerns(
    mill: Mill, client: Client, ask: Ask
) -> None:
    root, ann, ben, eve = [await client(o) for o in (mill.root, mill.ann, mill.ben, mill.eve)]
    wanted = {"login": "ben", "permissions": ["PLAN"], **times(0, 3)}
    id = told(await ask(ann, HAND, wanted), "handOver", "id")
    shown = [{"id": id, "giver": {"login": "ann"}, "taker": {"login": "ben"}}]
    for who in (root, ann, ben):
        assert told(await ask(who, LIST), "project", "delegations") == shown
    assert told(await ask(eve, LIST), "project", "delegations") == []
    assert code(await ask(eve, END, {"id": id})) == "not_found"
    assert await may(ben, ask) == PLANNER
    assert told(await ask(root, END, {"id": id})) == {"endDelegation": {"ended": True}}
    assert await may(ben, ask) == STAFF
    assert told(await ask(ann, LIST), "project", "delegations") == []


async def test_what_is_wrong_is_said(mill: Mill, client: Client, ask: Ask) -> None:
    ann = await client(mill.ann)
    for wanted, expected in (
        ({"login": "ben", **times(3, 1)}, "delegation_time"),
        ({"login": "ben", **times(-3, -1)}, "delegation_time"),
        ({"login": "ben", **times(0, 24 * 400)}, "delegation_long"),
        ({"login": "ann", **times(0, 1)}, "delegation_self"),
        ({"login": "nobody", **times(0, 1)}, "not_found"),
    ):
        assert code(await ask(ann, HAND, wanted)) == expected


async def test_an_integrators_membership_ends_by_itself(
    mill: Mill, client: Client, ask: Ask, clock: ManualClock, admin: psycopg.Connection
) -> None:
    root, ben = await client(mill.root), await client(mill.ben)
    until = (NOW + timedelta(hours=2)).isoformat()
    past = (NOW - timedelta(hours=2)).isoformat()
    wrong = {"person": mill.ben.text, "until": past}
    assert code(await ask(root, MEMBER, wrong)) == "member_until"
    told(await ask(root, MEMBER, {"person": mill.ben.text, "until": until}))
    assert "CONFIGURE" in str(await may(ben, ask))
    await clock.advance(7200)
    assert told(await ask(ben, MAY)) == {"project": None}
    # The administrator of everything who stays is one whose membership does not end.
    last = {"person": mill.root.text, "until": (NOW + timedelta(days=9)).isoformat()}
    assert code(await ask(root, MEMBER, last)) == "last_administrator"


async def test_sockets_close_when_it_ends(
    mill: Mill,
    process: WebProcess,
    served: str,
    client: Client,
    ask: Ask,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asleep, sleep = asyncio.Event(), clock.sleep

    async def told_sleep(seconds: float) -> None:
        asleep.set()
        await sleep(seconds)

    monkeypatch.setattr(clock, "sleep", told_sleep)
    wanted = {"login": "ben", "permissions": ["PLAN"], **times(0, 2)}
    told(await ask(await client(mill.ann), HAND, wanted))
    async with open_socket(served, bearer=await bearer_of(process, mill.ben)) as socket:
        await asleep.wait()
        await clock.advance(7200)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def bearer_of(process: WebProcess, actor: Actor) -> str:
    """A script's session of somebody."""
    return await session_token(process, actor, bearer=True)
