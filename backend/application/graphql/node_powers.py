"""Powers of all places as they come: every frame stands for itself, at most one a second."""

from collections.abc import AsyncIterator

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project
from backend.application.graphql.plant import Node
from backend.application.graphql.sources import Keep, Stream
from backend.application.live_cache import LiveView
from backend.application.powers import Power, node_power

POWERS_INTERVAL_S = 1.0


class NodePowersSource:
    """The places of a plant whenever the power of one of them changed; reads no figures."""

    interval_s = POWERS_INTERVAL_S
    keep = Keep.LATEST

    def __init__(self, door: Door, live: LiveView) -> None:
        """Listen to newest values."""
        self.scope = ("nodePowers", *door.scope)
        self._door = door
        self._live = live
        self._listener = live.listen()
        self._told: dict[int, Power | None] = {}

    async def wait(self) -> None:
        """Return when a point changed."""
        await self._listener.bell.wait()

    async def full(self) -> list[list[Node]]:
        """Answer all places."""
        return [(await self._look())[0]]

    async def changes(self) -> list[list[Node]]:
        """Answer all places; nothing when none has another power than before."""
        self._listener.take()
        nodes, powers = await self._look()
        if powers == self._told:
            return []
        self._told = powers
        return [nodes]

    def close(self) -> None:
        """Nothing to let go: the listener ends with its last holder."""

    async def _look(self) -> tuple[list[Node], dict[int, Power | None]]:
        door = self._door.renewed()
        directory = await door.directory()
        rows = directory.nodes.values()
        return (
            [Node(door=door, row=row) for row in rows],
            {row.id: node_power(self._live, directory, row) for row in rows},
        )


@strawberry.type
class NodePowersSubscription:
    """Powers of all places, pushed."""

    @strawberry.subscription
    async def node_powers(self, info: KwInfo, project: strawberry.ID) -> AsyncIterator[list[Node]]:
        """All places whenever the power of one changed.

        At most 1 a second.
        """
        door = await enter_project(info.context, project)
        return Stream(NodePowersSource(door, await door.live()))
