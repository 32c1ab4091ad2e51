"""The stranger against balances, data quality and equipment."""

from functools import partial

import psycopg
import pytest

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import Names, learns_nothing, look, make_stranger
from tests.postgres import NOW, Actor, MakePerson, MakeProject

SPAN = 'start: "2026-03-14T00:00:00Z", end: "2026-03-15T00:00:00Z"'
ELECTRICITY = 'energy: "electricity"'


def fields(*texts: str) -> list[str]:
    """Fields of Project, asked below her project and below the stranger's own."""
    return [f'{{ project(id: "%({whose})s") {{ {text} }} }}' for text in texts for whose in WHOSE]


WHOSE = ("project", "own")
QUESTIONS: dict[str, list[str]] = {
    "Project.balance": fields(f'balance(node: "%(node)s", {ELECTRICITY}, {SPAN}) {{ loss }}'),
    "Project.dataQuality": fields(
        f'dataQuality(scope: "%(node)s", {ELECTRICITY}, {SPAN}) {{ score }}',
        f'dataQuality(scope: "%(meter)s", {ELECTRICITY}, {SPAN}) {{ score }}',
    ),
}


@pytest.fixture
async def charlie(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """The stranger."""
    return await make_stranger(make_project, make_person)


@pytest.fixture
async def names(platform: Platform, alice: Actor, charlie: Actor) -> dict[str, str]:
    """Identities of Alice's things; both projects have a plant."""
    made = await make_plant(platform, alice.tenant)
    await make_plant(platform, charlie.tenant)
    return {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "node": made.nodes["site"].text,
        "meter": made.meters["m1"].text,
    }


def nothing(names: Names) -> dict[str, str]:
    """Identities of the same shape that nothing has."""
    fresh = {
        name: encode_id(text.partition("_")[0], new_uuid(NOW))
        for name, text in names.items()
        if "_" in text
    }
    return {**names, **fresh}


async def test_the_stranger_learns_and_changes_nothing(
    names: dict[str, str],
    client: Client,
    ask: Ask,
    alice: Actor,
    charlie: Actor,
    admin: psycopg.Connection,
) -> None:
    await learns_nothing(
        QUESTIONS,
        names,
        nothing(names),
        partial(client, charlie),
        ask,
        partial(look, admin, alice),
    )
    # The same question does find something when Alice asks.
    answer = await ask(await client(alice), QUESTIONS["Project.balance"][0] % names)
    assert answer == {"data": {"project": {"balance": {"loss": "0.000000"}}}}
    answer = await ask(await client(alice), QUESTIONS["Project.dataQuality"][0] % names)
    assert answer == {"data": {"project": {"dataQuality": {"score": None}}}}
