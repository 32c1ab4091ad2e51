"""The stranger against the plant's model: factors, trees, meters, memberships, conversions."""

from functools import partial

import psycopg
import pytest

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import Names, learns_nothing, look, make_stranger
from tests.postgres import NOW, Actor, MakePerson, MakeProject

PROJECTS = ("project", "slug", "own")
AT = 'validFrom: "2026-03-15T06:00:00Z"'


def hers(text: str) -> str:
    """A field of Project, asked below her project."""
    return f'{{ project(id: "%(project)s") {{ {text} }} }}'


def mine(text: str) -> str:
    """The same below the stranger's own project."""
    return f'{{ project(id: "%(own)s") {{ {text} }} }}'


def change(text: str) -> list[str]:
    """A mutation in her project by identity and slug, and in the stranger's own; `$p` is where."""
    return [f"mutation {{ {text} }}".replace("$p", f'"%({whose})s"') for whose in PROJECTS]


FACTOR = 'energy: "electricity", substance: "kgco2", basis: "location", value: "0.5", source: "s",'
QUESTIONS: dict[str, list[str]] = {
    "Project.factors": [hers("factors { value confirmedBy { login } }"), mine("factors { value }")],
    "Mutation.setFactor": change(f"setFactor(input: {{ project: $p, {FACTOR} {AT} }}) {{ value }}")[
        :2
    ],
    "Mutation.confirmFactor": change('confirmFactor(project: $p, factor: "%(factor)s") { value }'),
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
    factor = new_uuid(NOW)
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO factor (project_id, uid, energy, substance, value, basis, valid_from,"
            " source) VALUES (%s, %s, 'electricity', 'kgce', 0.1229, 'calorific', %s, 'acme')",
            (alice.tenant.id, factor, NOW),
        )
    return {
        "project": encode_id("prj", alice.tenant.uid),
        "slug": "acme",
        "own": "other",
        "factor": encode_id("fac", factor),
        "node": made.nodes["a"].text,
        "parent": made.nodes["b"].text,
        "meter": made.meters["m1"].text,
        "device": made.devices["m1"].text,
    }


def nothing(names: Names) -> dict[str, str]:
    """Identities of the same shape that nothing has."""
    fresh = {
        name: encode_id(text.partition("_")[0], new_uuid(NOW))
        for name, text in names.items()
        if "_" in text
    }
    return {**names, "slug": "nothing", **fresh}


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
    # The same questions do find something when Alice asks.
    answer = await ask(await client(alice), QUESTIONS["Project.factors"][0] % names)
    assert "0.1229" in str(answer)
