"""Roles as rows and limited memberships: who may give what, and what it does at once."""

import psycopg
import pytest

from backend.application.web import fed
from backend.application.web_process import WebProcess
from backend.core.audit import broken
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, session_token
from tests.graphql.plants import make_plant
from tests.graphql.sockets import open_socket
from tests.graphql.strangers import look
from tests.postgres import Actor, MakePerson, MakeProject

ROLE = """mutation ($role: String, $name: String!, $permissions: [Permission!]!) {
  setRole(input: { project: "mill", role: $role, nameEn: $name, permissions: $permissions })
  { slug name { en zh } permissions holders } }"""
END_ROLE = 'mutation ($role: String!) { endRole(project: "mill", role: $role) { slug ended } }'
MEMBER = """mutation ($person: ID!, $role: String!, $part: ID, $modules: [Module!]) {
  setMember(input: { project: "mill", person: $person, role: $role, part: $part,
                     modules: $modules })
  { role modules permissions part { slug } } }"""
END = 'mutation ($person: ID!) { endMember(project: "mill", person: $person) }'
MAY = '{ project(id: "mill") { permissions nodes { slug } } }'


@pytest.fixture
async def root(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of the mill."""
    return await make_person("root", await make_project("mill"), role="administrator")


@pytest.fixture
async def dan(root: Actor, make_person: MakePerson) -> Actor:
    """Shift leader of the mill."""
    return await make_person("dan", root.tenant, role="shift_leader")


def code(answer: dict[str, object]) -> str:
    """The code of the refusal that an answer is."""
    return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]


async def test_a_member_is_limited_at_once(
    platform: Platform, root: Actor, dan: Actor, client: Client, ask: Ask
) -> None:
    plant = await make_plant(platform, root.tenant)
    boss, mate = await client(root), await client(dan)
    limited = {"role": "shift_staff", "part": plant.nodes["a"].text, "modules": ["ALARMS"]}
    assert await ask(boss, MEMBER, {"person": dan.text, **limited}) == {
        "data": {
            "setMember": {
                "role": "shift_staff",
                "modules": ["ALARMS"],
                "permissions": ["READ", "ACKNOWLEDGE"],
                "part": {"slug": "a"},
            }
        }
    }
    assert await ask(mate, MAY) == {
        "data": {"project": {"permissions": ["READ", "ACKNOWLEDGE"], "nodes": [{"slug": "a"}]}}
    }
    assert await ask(boss, END, {"person": dan.text}) == {"data": {"endMember": True}}
    assert await ask(mate, MAY) == {"data": {"project": None}}


async def test_a_role_is_made_changed_and_ended(
    root: Actor, dan: Actor, client: Client, ask: Ask, platform: Platform
) -> None:
    boss, mate = await client(root), await client(dan)
    given = {"name": "Night shift", "permissions": ["ACKNOWLEDGE"]}
    assert await ask(boss, ROLE, given) == {
        "data": {
            "setRole": {
                "slug": "night_shift",
                "name": {"en": "Night shift", "zh": "Night shift"},
                "permissions": ["READ", "ACKNOWLEDGE"],
                "holders": 0,
            }
        }
    }
    await ask(boss, MEMBER, {"person": dan.text, "role": "night_shift"})
    await ask(boss, ROLE, {"role": "night_shift", "name": "Nights", "permissions": ["RECORD"]})
    may = await ask(mate, '{ project(id: "mill") { permissions } }')
    assert may == {"data": {"project": {"permissions": ["READ", "RECORD"]}}}
    assert code(await ask(boss, END_ROLE, {"role": "night_shift"})) == "role_held"
    await ask(boss, MEMBER, {"person": dan.text, "role": "auditor"})
    assert await ask(boss, END_ROLE, {"role": "night_shift"}) == {
        "data": {"endRole": {"slug": "night_shift", "ended": True}}
    }
    again = await ask(boss, MEMBER, {"person": dan.text, "role": "night_shift"})
    assert code(again) == "role_ended"
    async with platform.database.read(root.tenant.id) as tx:
        done = await tx.fetch_tuples("SELECT action, ref FROM audit ORDER BY number")
        assert await broken(tx, root.tenant.id) is None
    assert done == [
        ("role.make", "night_shift"),
        ("member.change", dan.text),
        ("role.change", "night_shift"),
        ("member.change", dan.text),
        ("role.end", "night_shift"),
    ]


async def test_nobody_gives_more_than_they_have(
    root: Actor,
    dan: Actor,
    make_person: MakePerson,
    client: Client,
    ask: Ask,
    admin: psycopg.Connection,
) -> None:
    guard = await client(
        await make_person("guard", root.tenant, role="security_administrator", modules=["alarms"])
    )
    before = look(admin, root)
    refusals = [
        (MEMBER, {"person": dan.text, "role": "administrator"}, "gives_more"),
        (MEMBER, {"person": dan.text, "role": "security_administrator"}, "gives_more_places"),
        (ROLE, {"name": "Mine", "permissions": ["WRITE"]}, "gives_more"),
        (ROLE, {"role": "auditor", "name": "Mine", "permissions": ["WRITE"]}, "gives_more"),
        (ROLE, {"role": "administrator", "name": "x", "permissions": []}, "role_administrator"),
        (END_ROLE, {"role": "administrator"}, "role_administrator"),
        (END_ROLE, {"role": "nothing"}, "not_found"),
        (END, {"person": "per_nobody"}, "not_found"),
        (MEMBER, {"person": dan.text, "role": "auditor", "part": "node_x"}, "not_found"),
        (ROLE, {"name": " ", "permissions": []}, "role_name_missing"),
    ]
    for mutation, variables, expected in refusals:
        assert code(await ask(guard, mutation, variables)) == expected, variables
    for mutation, variables, _ in refusals:
        assert code(await ask(await client(dan), mutation, variables)) == "not_allowed"
    assert look(admin, root) == before


async def test_the_last_administrator_stays(
    root: Actor, dan: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    boss = await client(root)
    demoted = {"person": root.text, "role": "manager"}
    limited = {"person": root.text, "role": "administrator", "modules": ["ALARMS"]}
    before = look(admin, root)
    for mutation, variables in ((MEMBER, demoted), (MEMBER, limited), (END, demoted)):
        assert code(await ask(boss, mutation, variables)) == "last_administrator"
    assert look(admin, root) == before
    await ask(boss, MEMBER, {"person": dan.text, "role": "administrator"})
    assert "errors" not in await ask(boss, MEMBER, demoted)


async def test_open_sockets_come_back_with_the_new_rights(
    root: Actor, dan: Actor, client: Client, ask: Ask, process: WebProcess, served: str
) -> None:
    token = await session_token(process, dan)
    async with fed(process), open_socket(served, cookie=token) as socket:
        await ask(await client(root), MEMBER, {"person": dan.text, "role": "auditor"})
        await socket.connection.wait_closed()
        assert socket.connection.close_code == 1012
