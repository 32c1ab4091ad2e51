"""What a subscription is fed from: a source says when something changed, and what.

A source serves all clients that asked the same, so it belongs to a project and a role and to no
person. `full` answers what a client needs that has just come, `changes` what all others need since
the last call.
"""

from collections.abc import AsyncIterator
from enum import Enum
from typing import Generic, Protocol, TypeVar

Root = TypeVar("Root")

Scope = tuple[object, ...]
"""Subscription field, project, role."""


class Keep(Enum):
    """What may be dropped of the frames that a slow client has not taken yet."""

    LATEST = "latest"
    """Every frame stands for itself: only the newest is kept."""
    CHANGES = "changes"
    """Frames build on each other: all are dropped, and a full one follows when there is room."""
    EVERY = "every"
    """None may be dropped: a client that is too slow is disconnected and reads again."""


class Source(Protocol[Root]):
    """Where the events of one subscription come from."""

    @property
    def scope(self) -> Scope:
        """What separates those who may share it: field, project, role."""
        ...

    @property
    def interval_s(self) -> float:
        """Seconds between two frames at least."""
        ...

    @property
    def keep(self) -> Keep:
        """What may be dropped for a slow client."""
        ...

    async def wait(self) -> None:
        """Return when something may have changed."""
        ...

    async def full(self) -> list[Root]:
        """Answer the events for a client that has just come."""
        ...

    async def changes(self) -> list[Root]:
        """Answer the events since the last call, for all others."""
        ...

    def close(self) -> None:
        """Let go of what it listens to."""
        ...


class Stream(Generic[Root]):
    """A source in the shape that the schema promises: an iterator of events, one client's own."""

    def __init__(self, source: Source[Root]) -> None:
        """Take the source."""
        self.source = source

    async def _events(self) -> AsyncIterator[Root]:
        try:
            for event in await self.source.full():
                yield event
            while True:
                await self.source.wait()
                for event in await self.source.changes():
                    yield event
        finally:
            self.source.close()

    def __aiter__(self) -> AsyncIterator[Root]:
        return self._events()

    async def __anext__(self) -> Root:
        raise TypeError("iterate over the stream with `async for`")
