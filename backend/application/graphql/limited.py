"""What memberships, invitations and keys have in common: a place and modules as their limits."""

from typing import Protocol

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.enums import Module
from backend.application.graphql.plant import Node
from backend.service.people.limits import Limit


class LimitedRow(Protocol):
    """A row with a limit."""

    @property
    def limit(self) -> Limit:
        """A place (None: the whole plant) and the open modules."""


@strawberry.type
class Limited:
    """Something that is good for a part of the plant and some modules of it."""

    door: strawberry.Private[Door]
    row: strawberry.Private[LimitedRow]

    @strawberry.field
    async def part(self) -> Node | None:
        """The place it is limited to, with all below it; null for the whole plant."""
        return await part_of(self.door, self.row.limit)

    @strawberry.field
    def modules(self) -> list[Module]:
        """What of the plant is open to it."""
        return modules_of(self.row.limit)


async def part_of(door: Door, limit: Limit) -> Node | None:
    """Answer the place of a limit; None for the whole plant."""
    return await place_at(door, limit.node_id)


async def place_at(door: Door, node_id: int | None) -> Node | None:
    """Answer a place by its number; None for none, and for one that this member does not see."""
    found = (await door.directory()).nodes.get(node_id or 0)
    return None if found is None else Node(door=door, row=found)


def modules_of(limit: Limit) -> list[Module]:
    """Answer the modules that a limit leaves open, in the order of the schema."""
    return [one for one in Module if one in limit.modules]
