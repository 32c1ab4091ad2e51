"""Rights that would outlive what gave them: a deputy who gives, sockets, lost second factors."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from backend.application.web_process import WebProcess
from backend.core.clock import ManualClock
from backend.core.ids import new_uuid
from tests.graphql.conftest import Ask, Client, session_token
from tests.graphql.sockets import open_socket
from tests.graphql.test_delegations import HAND, MAY, STAFF
from tests.graphql.test_posts import code, told
from tests.postgres import NOW, Actor, MakePerson, MakeProject

MEMBER = """mutation ($person: ID!, $role: String!) { setMember(input: { project: "mill",
  person: $person, role: $role }) { role } }"""
INVITE = """mutation ($role: String!) { invite(input: { project: "mill", role: $role })
  { link } }"""
ROLE = """mutation ($role: String, $permissions: [Permission!]!) { setRole(input: {
  project: "mill", role: $role, nameEn: "Deputy", permissions: $permissions }) { slug } }"""
RESET = 'mutation ($person: ID!) { resetSecondFactor(project: "mill", person: $person) }'
DEVICE = """mutation { makeSharedDevice(input: { project: "mill", name: "door",
  role: "administrator" }) { code } }"""


@dataclass(frozen=True, slots=True)
class Deputy:
    """An administrator who is away, and shift staff who stand in for them."""

    root: Actor
    ben: Actor


@pytest.fixture
async def deputy(
    make_project: MakeProject, make_person: MakePerson, client: Client, ask: Ask
) -> Deputy:
    """Ben may everything that root may, for two hours."""
    tenant = await make_project("mill")
    root = await make_person("root", tenant, role="administrator")
    ben = await make_person("ben", tenant, role="shift_staff")
    until = (NOW + timedelta(hours=2)).isoformat()
    wanted = {"login": "ben", "start": NOW.isoformat(), "end": until}
    told(await ask(await client(root), HAND, wanted))
    return Deputy(root, ben)


async def test_a_deputy_gives_nobody_what_is_lent_to_them(
    deputy: Deputy, client: Client, ask: Ask, clock: ManualClock
) -> None:
    ben = await client(deputy.ben)
    assert "PEOPLE" in str(told(await ask(ben, MAY), "project", "permissions"))
    for document, variables in (
        (MEMBER, {"person": deputy.ben.text, "role": "administrator"}),
        (INVITE, {"role": "administrator"}),
        (ROLE, {"role": None, "permissions": ["PEOPLE"]}),
        (ROLE, {"role": "shift_staff", "permissions": ["PEOPLE"]}),
        (DEVICE, {}),
    ):
        assert code(await ask(ben, document, variables)) == "gives_more", document
    # What is their own they may give, as a deputy.
    told(await ask(ben, INVITE, {"role": "shift_staff"}))
    await clock.advance(7200)
    assert told(await ask(ben, MAY), "project", "permissions") == STAFF


async def test_a_socket_ends_with_the_membership_of_who_lent(
    deputy: Deputy,
    process: WebProcess,
    served: str,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    admin: psycopg.Connection,
) -> None:
    asleep: asyncio.Queue[float] = asyncio.Queue()
    sleep = clock.sleep

    async def told_sleep(seconds: float) -> None:
        asleep.put_nowait(seconds)
        await sleep(seconds)

    monkeypatch.setattr(clock, "sleep", told_sleep)
    admin.execute(
        "UPDATE membership SET ends_at = %s WHERE person_id = %s",
        (NOW + timedelta(hours=1), deputy.root.id),
    )
    bearer = await session_token(process, deputy.ben, bearer=True)
    async with open_socket(served, bearer=bearer) as socket:
        assert await asleep.get() == 3600
        await clock.advance(3600)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_a_project_resets_no_second_factor_that_guards_more_than_itself(
    deputy: Deputy, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    root, ben = await client(deputy.root), deputy.ben
    admin.execute("INSERT INTO platform_operator (person_id, since) VALUES (%s, %s)", (ben.id, NOW))
    assert code(await ask(root, RESET, {"person": ben.text})) == "second_factor_elsewhere"
    admin.execute("DELETE FROM platform_operator")
    admin.execute(
        "WITH g AS (INSERT INTO project_group (uid, name, made_by, made_at)"
        " VALUES (%s, 'Mills', %s, %s) RETURNING id)"
        " INSERT INTO group_person (group_id, person_id, owner, since)"
        " SELECT id, %s, false, %s FROM g",
        (new_uuid(NOW), ben.id, NOW, ben.id, NOW),
    )
    assert code(await ask(root, RESET, {"person": ben.text})) == "second_factor_elsewhere"
    admin.execute("UPDATE project_group SET ended_at = %s", (NOW,))
    assert told(await ask(root, RESET, {"person": ben.text})) == {"resetSecondFactor": True}


JOIN = """mutation ($token: String!) { acceptInvitation(input: { token: $token })
  { viewer { projects { slug } } } }"""
OFFER = "query ($token: String!) { invitation(token: $token) { project } }"


@pytest.mark.parametrize(
    "changed",
    [
        "DELETE FROM membership WHERE person_id = %(who)s",
        "UPDATE membership SET role = 'shift_staff' WHERE person_id = %(who)s",
        "UPDATE membership SET ends_at = %(now)s WHERE person_id = %(who)s",
        "UPDATE membership SET modules = '{energy}' WHERE person_id = %(who)s",
        "UPDATE project_role SET permissions = permissions || '{update}' WHERE slug = 'manager'",
    ],
)
async def test_a_link_gives_no_more_than_who_invited_has_now(
    changed: LiteralString,
    deputy: Deputy,
    client: Client,
    ask: Ask,
    make_person: MakePerson,
    admin: psycopg.Connection,
) -> None:
    root = await client(deputy.root)
    gives = "manager" if "project_role" in changed else "administrator"
    admin.execute(
        "UPDATE project_role SET permissions = array_remove(permissions, 'update')"
        " WHERE slug = 'administrator' AND %s",
        (gives == "manager",),
    )
    link = str(told(await ask(root, INVITE, {"role": gives}), "invite", "link"))
    token = {"token": link.partition("#")[2]}
    assert told(await ask(root, OFFER, token)) == {"invitation": {"project": "mill"}}
    admin.execute(changed, {"who": deputy.root.id, "now": NOW})
    friend = await client(await make_person("friend", deputy.root.tenant))
    admin.execute(
        "DELETE FROM membership WHERE person_id NOT IN (%s, %s)", (deputy.root.id, deputy.ben.id)
    )
    assert code(await ask(friend, OFFER, token)) == "invitation_used"
    assert code(await ask(friend, JOIN, token)) == "invitation_used"
