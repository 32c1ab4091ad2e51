"""Sessions and keys: shown, ended, and good for no more than they should be."""

import asyncio

import httpx
import psycopg
import pytest

from backend.application.web import fed
from backend.application.web_process import WebProcess
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from tests.graphql.conftest import BASE, Ask, Client, session_token
from tests.graphql.plants import make_plant
from tests.graphql.sockets import open_socket
from tests.postgres import Actor, MakePerson, MakeProject

SESSIONS = "{ viewer { sessions { id current script userAgent } } }"
END = "mutation ($id: ID!) { endSession(id: $id) }"
MAKE = """mutation ($permissions: [Permission!]!, $part: ID, $days: Int) { makeApiKey(input: {
  project: "acme", name: "SCADA", permissions: $permissions, part: $part, days: $days })
  { secret key { id name permissions owner { login } lastUsedAt } } }"""
REVOKE = 'mutation ($id: ID!) { revokeApiKey(project: "acme", id: $id) { revokedAt } }'
MAY = '{ viewer { projects { slug permissions } } project(id: "acme") { nodes { slug } } }'


@pytest.fixture
async def root(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of acme and of another project."""
    return await make_person("root", await make_project("acme"), role="administrator")


def code(answer: dict[str, object]) -> str:
    """The code of the refusal that an answer is."""
    return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]


async def by_key(client: Client, key: str) -> httpx.AsyncClient:
    """A program that brings a key."""
    opened = await client()
    opened.headers["Authorization"] = f"Bearer {key}"
    return opened


def heard(answer: dict[str, object]) -> object:
    """What a program is told; whoever has a key is told the cost beside it."""
    assert set(answer) <= {"data", "extensions"}
    return answer["data"]


async def made(client: Client, ask: Ask, owner: Actor, **wanted: object) -> tuple[str, str]:
    """Make a key: its secret and identity."""
    answer = await ask(await client(owner), MAKE, {"permissions": ["READ"], **wanted})
    new: dict[str, object] = answer["data"]["makeApiKey"]  # type: ignore[index]
    return str(new["secret"]), str(new["key"]["id"])  # type: ignore[index]


async def test_a_person_sees_and_ends_their_sessions(
    root: Actor, client: Client, ask: Ask, make_person: MakePerson
) -> None:
    phone, desk = await client(root), await client(root)
    answer = await ask(desk, SESSIONS)
    found = answer["data"]["viewer"]["sessions"]  # type: ignore[index]
    assert sorted(one["current"] for one in found) == [False, True]
    other = next(one["id"] for one in found if not one["current"])
    stranger = await client(await make_person("eve", root.tenant))
    assert code(await ask(stranger, END, {"id": other})) == "not_found"
    assert await ask(desk, END, {"id": other}) == {"data": {"endSession": True}}
    assert await ask(phone, "{ viewer { demo } }") == {"data": {"viewer": None}}
    assert code(await ask(desk, END, {"id": other})) == "not_found"


async def test_a_security_administrator_ends_a_members_sessions_and_sockets(
    root: Actor,
    client: Client,
    ask: Ask,
    process: WebProcess,
    served: str,
    make_person: MakePerson,
    admin: psycopg.Connection,
) -> None:
    guard = await make_person("guard", root.tenant, role="security_administrator")
    dan = await make_person("dan", root.tenant, role="shift_staff")
    token = await session_token(process, dan)
    call = f'mutation {{ endSessionsOf(project: "acme", person: "{dan.text}") }}'
    async with fed(process), open_socket(served, cookie=token) as socket:
        assert code(await ask(await client(dan), call)) == "not_allowed"
        assert await ask(await client(guard), call) == {"data": {"endSessionsOf": 2}}
        async with asyncio.timeout(60):
            await socket.connection.wait_closed()
        assert socket.connection.close_code == 4403
    told = admin.execute("SELECT action, ref, old FROM audit").fetchall()
    assert told == [("member.sessions_end", dan.text, '{"sessions":2}')]


async def test_a_key_is_shown_once_and_acts_within_its_scope(
    platform: Platform,
    root: Actor,
    client: Client,
    ask: Ask,
    admin: psycopg.Connection,
    make_project: MakeProject,
) -> None:
    plant = await make_plant(platform, root.tenant)
    other = await make_project("other")
    admin.execute("INSERT INTO membership VALUES (%s, %s, 'manager')", (other.id, root.id))
    secret, id = await made(client, ask, root, part=plant.nodes["a"].text)
    kept = admin.execute("SELECT api_key::text FROM api_key").fetchone()
    assert secret not in str(kept)
    program = await by_key(client, secret)
    assert heard(await ask(program, MAY)) == {
        "viewer": {"projects": [{"slug": "acme", "permissions": ["READ"]}]},
        "project": {"nodes": [{"slug": "a"}]},
    }
    assert heard(await ask(program, '{ project(id: "other") { slug } }')) == {"project": None}
    assert (await program.get("/api/v1/profiles?project=acme")).status_code == 200
    assert (await program.get("/api/v1/profiles?project=other")).status_code == 404
    page = await program.get("/api/v1/profiles?project=acme", headers={"Origin": BASE})
    assert page.status_code == 403
    for refused in (
        'mutation { setLocale(locale: "en") { login } }',
        "{ viewer { sessions { id } } }",
        END.replace("$id: ID!", '$id: ID = "x"'),
    ):
        assert code(await ask(program, refused)) == "not_by_key"
    used = '{ project(id: "acme") { apiKeys { id lastUsedAt } } }'
    answer = await ask(await client(root), used)
    [row] = answer["data"]["project"]["apiKeys"]  # type: ignore[index]
    assert row == {"id": id, "lastUsedAt": "2026-03-15T04:00:00Z"}


async def test_a_key_ends_by_revocation_expiry_and_with_its_owner(
    root: Actor,
    client: Client,
    ask: Ask,
    clock: ManualClock,
    admin: psycopg.Connection,
    process: WebProcess,
    served: str,
) -> None:
    key, id = await made(client, ask, root)
    brief, _ = await made(client, ask, root, days=1)
    owned, _ = await made(client, ask, root)
    async with fed(process), open_socket(served, bearer=key) as socket:
        assert "errors" not in await ask(await client(root), REVOKE, {"id": id})
        async with asyncio.timeout(60):
            await socket.connection.wait_closed()
    question = '{ project(id: "acme") { slug } }'
    none = {"project": None}
    assert heard(await ask(await by_key(client, key), question)) == none
    await clock.advance(86_400)
    assert heard(await ask(await by_key(client, brief), question)) == none
    assert heard(await ask(await by_key(client, owned), question)) == {"project": {"slug": "acme"}}
    admin.execute("UPDATE membership SET role = 'ended'")
    assert heard(await ask(await by_key(client, owned), question)) == none


async def test_a_key_has_no_more_than_its_maker(
    root: Actor, client: Client, ask: Ask, make_person: MakePerson, admin: psycopg.Connection
) -> None:
    helper = await client(await make_person("helper", root.tenant, role="integrator"))
    for wanted, expected in (
        ({"permissions": ["APPROVE"]}, "gives_more"),
        ({"permissions": ["KEYS"]}, "key_permission"),
        ({"permissions": [], "days": 731}, "key_days"),
        ({"permissions": [], "part": "node_x"}, "not_found"),
    ):
        assert code(await ask(helper, MAKE, wanted)) == expected
    assert code(await ask(helper, REVOKE, {"id": "key_x"})) == "not_found"
    assert admin.execute("SELECT count(*) FROM api_key").fetchone() == (0,)
    made_one = await ask(helper, MAKE, {"permissions": ["ENROL"]})
    told = made_one["data"]["makeApiKey"]["key"]  # type: ignore[index]
    assert told["permissions"] == ["READ", "ENROL"]
    assert told["owner"] == {"login": "helper"}
    # What its maker loses, it loses.
    admin.execute("UPDATE project_role SET permissions = '{read,keys}' WHERE slug = 'integrator'")
    program = await by_key(client, str(made_one["data"]["makeApiKey"]["secret"]))  # type: ignore[index]
    answer = await ask(program, '{ project(id: "acme") { permissions } }')
    assert heard(answer) == {"project": {"permissions": ["READ"]}}
