"""Invitations: a link that is good once, and who becomes of whoever accepts."""

import asyncio
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from backend.core.clock import ManualClock
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.postgres import Actor, MakePerson, MakeProject

INVITE = """mutation ($role: String!, $part: ID, $days: Int! = 7) { invite(input: { project: "mill",
  role: $role, part: $part, days: $days, note: "Wang, night shift" })
  { link qr qrSize invitation { id role note part { slug } } } }"""
OFFER = "query ($token: String!) { invitation(token: $token) { project roleName { en zh } } }"
ACCEPT = """mutation ($token: String!, $login: String = "", $password: String = "",
  $name: String = "Wang Li") { acceptInvitation(input: { token: $token, login: $login,
  password: $password, name: $name, locale: "zh-CN" })
  { viewer { person { login locale name { zh } } projects { slug role permissions } } } }"""
REVOKE = 'mutation ($id: ID!) { revokeInvitation(project: "mill", id: $id) { revokedAt } }'
GOOD = "four words apart here"


@pytest.fixture
async def root(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of the mill."""
    return await make_person("root", await make_project("mill"), role="administrator")


def code(answer: dict[str, object]) -> str:
    """The code of the refusal that an answer is."""
    return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]


async def invited(boss: httpx.AsyncClient, ask: Ask, **wanted: object) -> tuple[str, str]:
    """Invite somebody: the token of the link, and the invitation's identity."""
    answer = await ask(boss, INVITE, {"role": "shift_staff", **wanted})
    made: dict[str, object] = answer["data"]["invite"]  # type: ignore[index]
    link = urlsplit(str(made["link"]))
    assert link.path == "/join"
    assert str(made["qr"]).startswith("M0 0h1v1h-1z")
    return link.fragment, str(made["invitation"]["id"])  # type: ignore[index]


async def test_whoever_accepts_is_a_person_and_signed_in(
    platform: Platform, root: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    plant = await make_plant(platform, root.tenant)
    token, _ = await invited(await client(root), ask, part=plant.nodes["a"].text)
    phone = await client()
    assert await ask(phone, OFFER, {"token": token}) == {
        "data": {
            "invitation": {"project": "mill", "roleName": {"en": "Shift staff", "zh": "值班员"}}
        }
    }
    told = {"token": token, "login": " 13800138000", "password": GOOD}
    answer = await ask(phone, ACCEPT, told)
    assert answer == {
        "data": {
            "acceptInvitation": {
                "viewer": {
                    "person": {
                        "login": "13800138000",
                        "locale": "zh-CN",
                        "name": {"zh": "Wang Li"},
                    },
                    "projects": [
                        {
                            "slug": "mill",
                            "role": "shift_staff",
                            "permissions": ["READ", "ACKNOWLEDGE", "RECORD"],
                        }
                    ],
                }
            }
        }
    }
    nodes = '{ project(id: "mill") { nodes { slug } } }'
    assert await ask(phone, nodes) == {"data": {"project": {"nodes": [{"slug": "a"}]}}}
    body = {"login": "13800138000", "password": GOOD}
    assert (await (await client()).post("/api/v1/session", json=body)).status_code == 200
    assert code(await ask(await client(), ACCEPT, told)) == "invitation_used"
    done = admin.execute("SELECT action FROM audit ORDER BY number").fetchall()
    assert done == [("invitation.make",), ("invitation.accept",)]
    kept = admin.execute("SELECT invitation::text FROM invitation").fetchone()
    assert token not in str(kept)


async def test_a_link_is_good_once_even_for_two_at_a_time(
    root: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    token, _ = await invited(await client(root), ask)
    first, second = await client(), await client()
    told = {"token": token, "password": GOOD}
    answers = await asyncio.gather(
        ask(first, ACCEPT, {**told, "login": "one"}), ask(second, ACCEPT, {**told, "login": "two"})
    )
    assert sorted("errors" in one for one in answers) == [False, True]
    assert admin.execute("SELECT count(*) FROM person").fetchone() == (2,)


async def test_somebody_signed_in_joins_as_who_they_are(
    root: Actor, client: Client, ask: Ask, make_project: MakeProject, make_person: MakePerson
) -> None:
    boss = await client(root)
    token, _ = await invited(boss, ask)
    eve = await client(await make_person("eve", await make_project("other")))
    answer = await ask(eve, ACCEPT, {"token": token})
    viewer = answer["data"]["acceptInvitation"]["viewer"]  # type: ignore[index]
    assert [one["slug"] for one in viewer["projects"]] == ["mill", "other"]
    token, _ = await invited(boss, ask)
    assert code(await ask(eve, ACCEPT, {"token": token})) == "member_already"
    # It is good still: somebody else may have it.
    assert "errors" not in await ask(await client(), OFFER, {"token": token})


async def test_what_is_wrong_is_said_and_the_link_stays_good(
    root: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    token, _ = await invited(await client(root), ask)
    before = admin.execute("SELECT count(*) FROM person").fetchone()
    for told, expected in (
        ({"login": "wang", "password": "eleven char"}, "password_too_short"),
        ({"login": "wang", "password": "eleven    char"}, "password_too_short"),
        ({"login": "wang", "password": "x" * 129}, "password_too_long"),
        ({"login": "wang", "password": "1Q2w3e4r5t6Y"}, "password_frequent"),
        ({"login": "root", "password": GOOD}, "login_taken"),
        ({"login": "w", "password": GOOD}, "login_form"),
        ({"login": "a b@c", "password": GOOD}, "login_form"),
        ({"login": "wang", "password": GOOD, "name": " "}, "person_name"),
    ):
        answer = await ask(await client(), ACCEPT, {"token": token, **told})
        assert code(answer) == expected
    assert admin.execute("SELECT count(*) FROM person").fetchone() == before
    assert "errors" not in await ask(await client(), OFFER, {"token": token})


async def test_a_link_ends(root: Actor, client: Client, ask: Ask, clock: ManualClock) -> None:
    boss = await client(root)
    token, id = await invited(boss, ask)
    assert "errors" not in await ask(boss, REVOKE, {"id": id})
    assert code(await ask(await client(), OFFER, {"token": token})) == "invitation_used"
    token, _ = await invited(boss, ask, days=1)
    await clock.advance(86_400)
    assert code(await ask(await client(), OFFER, {"token": token})) == "invitation_used"
    told = {"token": token, "login": "wang", "password": GOOD}
    assert code(await ask(await client(), ACCEPT, told)) == "invitation_used"


async def test_nobody_invites_to_more_than_they_have(
    root: Actor, client: Client, ask: Ask, make_person: MakePerson, admin: psycopg.Connection
) -> None:
    guard = await client(await make_person("guard", root.tenant, role="security_administrator"))
    staff = await client(await make_person("dan", root.tenant, role="shift_leader"))
    for who, wanted, expected in (
        (guard, {"role": "administrator"}, "gives_more"),
        (guard, {"role": "nothing"}, "not_found"),
        (guard, {"role": "security_administrator", "days": 31}, "invitation_days"),
        (staff, {"role": "shift_staff"}, "not_allowed"),
    ):
        assert code(await ask(who, INVITE, wanted)) == expected
    assert admin.execute("SELECT count(*) FROM invitation").fetchone() == (0,)
