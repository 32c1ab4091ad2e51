"""Random operations with fixed seeds, as administrator and as limited member: no bug answers."""

import pytest

from backend.application.budgets import Budgets
from backend.application.graphql.schema import build_schema, core_schema
from backend.application.web_process import WebProcess
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.random_operations import RandomOperations
from tests.graphql.walk.people import make_roles
from tests.graphql.walk.scene import Scene, make_scene
from tests.postgres import Actor, MakePerson, MakeProject

SCHEMA = core_schema(build_schema())
ROUNDS = {"Project": 2, "Query": 1, "Mutation": 1}
ELSEWHERE = {"signIn", "signOut"}
"""Changes that end the session that asks, or wait for a password's hash."""


@pytest.fixture
async def alice(platform: Platform, make_project: MakeProject, make_person: MakePerson) -> Actor:
    """The administrator of the walk's project."""
    acme = await make_project("acme")
    await make_roles(platform, acme)
    return await make_person("root", acme, role="administrator")


@pytest.fixture
async def scene(platform: Platform, alice: Actor, make_person: MakePerson) -> Scene:
    """One of everything."""
    leaving = await make_person("leaving", alice.tenant, role="shift_leader")
    return await make_scene(platform, alice, leaving)


@pytest.mark.parametrize(("who", "seed"), [("administrator", 1), ("limited", 2)])
async def test_no_random_operation_is_answered_by_a_bug(
    who: str,
    seed: int,
    client: Client,
    ask: Ask,
    process: WebProcess,
    alice: Actor,
    scene: Scene,
    make_person: MakePerson,
) -> None:
    process.budgets = Budgets(10**9, 10**9)
    limited = await make_person("limited", alice.tenant, node=scene.plant.nodes["b"].id)
    opened = await client(alice if who == "administrator" else limited)
    ids = [name for name in scene.names.values() if "_" in name and len(name) < 40]
    random = RandomOperations(SCHEMA, seed, ids)
    bugs, valid = [], 0
    for root, rounds in ROUNDS.items():
        kind = SCHEMA.type_map[root]
        for name in sorted(set(kind.fields) - ELSEWHERE):  # type: ignore[attr-defined]
            for _ in range(rounds):
                text = random.operation(root, name)
                answer = await ask(opened, text)
                told = [one["extensions"]["code"] for one in answer.get("errors", [])]  # type: ignore[attr-defined]
                valid += "graphql_invalid" not in told
                if "internal" in told:
                    bugs.append(text)
    assert not bugs, "\n".join(bugs)
    assert valid > 100, "operations that are not even valid find nothing"
