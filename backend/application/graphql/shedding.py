"""What to stop when demand runs over."""

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.plant import Node
from backend.service.demand import Shed


@strawberry.type
class ShedSuggestion:
    """Equipment to stop first, and how long it may stay off."""

    node: Node
    power_kw: float
    max_minutes: int


async def suggestions(door: Door, items: list[Shed]) -> list[ShedSuggestion]:
    """Answer shed items with their nodes, in order."""
    nodes = (await door.directory()).nodes
    return [
        ShedSuggestion(
            node=Node(door=door, row=nodes[item.node_id]),
            power_kw=item.power_kw,
            max_minutes=item.max_minutes,
        )
        for item in items
        if item.node_id in nodes
    ]
