"""Signing in and out by GraphQL."""

from tests.graphql.conftest import Ask, Client
from tests.postgres import Actor

VIEWER = "{ viewer { person { login name { en zh } } demo projects { slug role } } }"


async def test_nobody_is_signed_in(client: Client, ask: Ask) -> None:
    assert await ask(await client(), VIEWER) == {"data": {"viewer": None}}


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
