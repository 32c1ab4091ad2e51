"""What other processes tell by events, handed to whoever watches a project in this one."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakSet

log = logging.getLogger(__name__)

NOTED = 1_000
"""References a watch keeps at most; beyond that it only knows that something changed."""


class Event(Protocol):
    """What the news need of an event (backend.core.events.Event)."""

    @property
    def project_id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def ref(self) -> str: ...


@dataclass(slots=True, eq=False, weakref_slot=True)
class Watch:
    """What happened in a project since somebody last looked; gone when nobody holds it."""

    kinds: frozenset[str]
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    noted: dict[tuple[str, str], None] = field(default_factory=dict)

    def note(self, kind: str, ref: str) -> None:
        """Something happened."""
        if kind in self.kinds:
            if len(self.noted) < NOTED:
                self.noted[kind, ref] = None
            self.bell.set()

    def take(self) -> list[tuple[str, str]]:
        """Answer kind and reference of what happened since the last call, each once."""
        taken, self.noted = list(self.noted), {}
        self.bell.clear()
        return taken


class News:
    """The events of all projects, as they come in."""

    def __init__(self) -> None:
        """Begin with nobody watching."""
        self._watches: defaultdict[int, WeakSet[Watch]] = defaultdict(WeakSet)
        self._handlers: dict[str, Callable[[int, str], None]] = {}

    def watch(self, project_id: int, *kinds: str) -> Watch:
        """Watch a project's events of these kinds for as long as the caller holds the answer."""
        watch = Watch(frozenset(kinds))
        self._watches[project_id].add(watch)
        return watch

    def handle(self, kind: str, handler: Callable[[int, str], None]) -> None:
        """Have every event of a kind handled by `handler(project_id, ref)`, which never raises."""
        self._handlers[kind] = handler

    async def follow(self, events: AsyncIterator[Event]) -> None:
        """Hand on events until they end."""
        async for event in events:
            handler = self._handlers.get(event.kind)
            if handler is not None:
                handler(event.project_id, event.ref)
            for watch in list(self._watches.get(event.project_id, ())):
                watch.note(event.kind, event.ref)
