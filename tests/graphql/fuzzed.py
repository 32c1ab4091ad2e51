"""What the fuzzes of REST and of GraphQL share: a project with one of everything, and chance.

`fuzzed` is a fixture: import it into the module that uses it.
"""

from dataclasses import dataclass
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from backend.core.platform import Platform
from tests.graphql.walk.people import make_roles
from tests.graphql.walk.scene import Scene, make_scene
from tests.postgres import Actor, MakePerson, MakeProject

Drawn = TypeVar("Drawn")


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """The scene of project `acme`, its administrator and an administrator of workshop b alone."""

    scene: Scene
    people: tuple[Actor, Actor]


@pytest.fixture
async def fuzzed(platform: Platform, make_project: MakeProject, make_person: MakePerson) -> Fuzzed:
    """A project with one of everything, and who asks."""
    acme = await make_project("acme")
    await make_roles(platform, acme)
    root = await make_person("root", acme, role="administrator")
    scene = await make_scene(platform, root, await make_person("left", acme, role="shift_leader"))
    part = scene.plant.nodes["b"].id
    limited = await make_person("limited", acme, role="administrator", node=part)
    return Fuzzed(scene, (root, limited))


def drawn(cases: SearchStrategy[Drawn], examples: int) -> list[Drawn]:
    """Draw that many cases, the same ones each time."""
    found: list[Drawn] = []

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def each(case: Drawn) -> None:
        found.append(case)

    each()
    return found
