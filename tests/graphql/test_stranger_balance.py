"""The stranger against balances, data quality and equipment."""

import pytest

from backend.core.ids import encode_id
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import LearnsNothing, nothing_like
from tests.postgres import Actor

SPAN = 'start: "2026-03-14T00:00:00Z", end: "2026-03-15T00:00:00Z"'
ELECTRICITY = 'energy: "electricity"'


def fields(*texts: str) -> list[str]:
    """Fields of Project, asked below her project and below the stranger's own."""
    return [f'{{ project(id: "%({whose})s") {{ {text} }} }}' for text in texts for whose in WHOSE]


WHOSE = ("project", "own")
QUESTIONS: dict[str, list[str]] = {
    "Project.balance": fields(
        f'balance(node: "%(node)s", {ELECTRICITY}, {SPAN}) {{ energy loss }}'
    ),
    "Project.equipment": fields(
        'equipment(node: "%(node)s") { kind state }', "equipment { kind twinGroup }"
    ),
    "Mutation.defineEquipment": [
        'mutation { defineEquipment(input: { project: "%(' + whose + ')s", node: "%(node)s",'
        ' meter: "%(meter)s", kind: "fan", standbyKw: "1", loadKw: "2" }) { kind } }'
        for whose in WHOSE
    ],
    "Mutation.removeEquipment": [
        'mutation { removeEquipment(project: "%(' + whose + ')s", node: "%(node)s") }'
        for whose in WHOSE
    ],
    "Project.dataQuality": fields(
        f'dataQuality(scope: "%(node)s", {ELECTRICITY}, {SPAN}) {{ score }}',
        f'dataQuality(scope: "%(meter)s", {ELECTRICITY}, {SPAN}) {{ score }}',
    ),
}


@pytest.fixture
async def names(platform: Platform, alice: Actor, stranger: Actor) -> dict[str, str]:
    """Identities of Alice's things; both projects have a plant."""
    made = await make_plant(platform, alice.tenant)
    await make_plant(platform, stranger.tenant)
    return {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "node": made.nodes["site"].text,
        "meter": made.meters["m1"].text,
    }


async def test_the_stranger_learns_and_changes_nothing(
    names: dict[str, str], learns_nothing: LearnsNothing, client: Client, ask: Ask, alice: Actor
) -> None:
    await learns_nothing(QUESTIONS, names, nothing_like(names))
    # The same question does find something when Alice asks.
    answer = await ask(await client(alice), QUESTIONS["Project.balance"][0] % names)
    assert answer == {"data": {"project": {"balance": {"energy": "electricity", "loss": None}}}}
    answer = await ask(await client(alice), QUESTIONS["Project.dataQuality"][0] % names)
    assert answer == {"data": {"project": {"dataQuality": {"score": None}}}}
