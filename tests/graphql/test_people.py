"""Signing in and out by GraphQL."""

from backend.service.people.roles import Permission
from tests.graphql.conftest import Ask, Client
from tests.postgres import Actor, MakePerson, MakeProject

VIEWER = "{ viewer { person { login name { en zh } } demo projects { slug role } } }"


async def test_nobody_is_signed_in(client: Client, ask: Ask) -> None:
    assert await ask(await client(), VIEWER) == {"data": {"viewer": None}}


async def test_without_a_name_the_first_project_opens(
    client: Client, ask: Ask, alice: Actor
) -> None:
    question = "{ project { slug role } }"
    assert await ask(await client(alice), question) == {
        "data": {"project": {"slug": "acme", "role": "manager"}}
    }
    assert await ask(await client(), question) == {"data": {"project": None}}


async def test_the_viewer_and_their_projects(client: Client, ask: Ask, alice: Actor) -> None:
    assert await ask(await client(alice), VIEWER) == {
        "data": {
            "viewer": {
                "person": {"login": "alice", "name": {"en": "Alice", "zh": "Alice"}},
                "demo": False,
                "projects": [{"slug": "acme", "role": "manager"}],
            }
        }
    }


async def test_a_person_is_told_what_they_may_do(
    client: Client, ask: Ask, make_project: MakeProject, make_person: MakePerson
) -> None:
    mill, told = await make_project("mill"), {}
    for role in ("shift_leader", "manager", "administrator"):
        person = await make_person(role, mill, role=role)
        answer = await ask(await client(person), '{ project(id: "mill") { permissions } }')
        told[role] = answer["data"]["project"]["permissions"]  # type: ignore[index]
    assert told == {
        "shift_leader": ["READ", "ACKNOWLEDGE", "DEMONSTRATE", "RECORD"],
        "manager": [
            "READ",
            "ACKNOWLEDGE",
            "DEMONSTRATE",
            "WRITE",
            "AUDIT",
            "PLAN",
            "MODEL",
            "RESTATE",
            "APPROVE",
            "RECORD",
        ],
        "administrator": [one.name for one in Permission],
    }
