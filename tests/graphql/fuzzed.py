"""What the fuzzes of REST and of GraphQL share: a project with one of everything, and chance.

`fuzzed` is a fixture: import it into the module that uses it.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from backend.core.ids import decode_id
from backend.core.platform import Platform
from backend.service.groups.groups import find_group, join
from backend.service.people.asker import Asker
from tests.graphql.walk.people import make_group, make_roles
from tests.graphql.walk.scene import Scene, make_scene
from tests.postgres import NOW, Actor, MakePerson, MakeProject

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
    left = await make_person("left", acme, role="shift_leader")
    scene = await make_scene(platform, root, left)
    group = await make_group(platform, root, left.login)
    await _take_into_group(platform, group["group"], left, root)
    scene = replace(scene, names={**scene.names, **group})
    part = scene.plant.nodes["b"].id
    limited = await make_person("limited", acme, role="administrator", node=part)
    return Fuzzed(scene, (root, limited))


async def _take_into_group(platform: Platform, group: str, owner: Actor, who: Actor) -> None:
    async with platform.database.platform() as tx:
        row = await find_group(tx, decode_id("grp", group), owner.id)
        await join(tx, row, Asker(who.id, who.uid), NOW, owner=False)


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
