"""Newest values as they come: one full frame, then what changed, at most two frames a second."""

from collections.abc import AsyncIterator
from datetime import datetime

import strawberry

from backend.application.directory import Directory
from backend.application.graphql.context import Door, KwInfo, enter_project
from backend.application.graphql.plant import LiveValue, live_values
from backend.application.graphql.sources import Keep, Stream
from backend.application.live_cache import LiveView

LIVE_INTERVAL_S = 0.5


@strawberry.type
class LiveFrame:
    """Newest values of points, all at first, then those that changed."""

    at: datetime
    values: list[LiveValue]


class LiveSource:
    """The newest values of the points asked for."""

    interval_s = LIVE_INTERVAL_S
    keep = Keep.CHANGES

    def __init__(
        self,
        door: Door,
        live: LiveView,
        devices: frozenset[str] | None,
        keys: frozenset[str] | None,
    ) -> None:
        """Take which devices (outside identities) and keys; None means all."""
        self.scope = ("live", *door.scope)
        self._clock = door.process.platform.clock
        self._live = live
        self._listener = live.listen()
        self._devices = devices
        self._keys = keys
        self._chosen_from: Directory | None = None
        self._chosen: dict[int, None] = {}

    async def wait(self) -> None:
        """Return when a point changed."""
        await self._listener.bell.wait()

    async def full(self) -> list[LiveFrame]:
        """Answer everything asked for."""
        return [await self._frame(None)]

    async def changes(self) -> list[LiveFrame]:
        """Answer what changed since the last call; nothing when that was not asked for."""
        frame = await self._frame(self._listener.take())
        return [frame] if frame.values else []

    def close(self) -> None:
        """Nothing to let go: the listener ends with its last holder."""

    async def _frame(self, touched: set[int] | None) -> LiveFrame:
        directory = await self._live.directory()
        if directory is not self._chosen_from:
            self._choose(directory)
        numbers = (n for n in self._chosen if touched is None or n in touched)
        points = [directory.points[number] for number in numbers]
        return LiveFrame(at=self._clock.now(), values=live_values(self._live, points))

    def _choose(self, directory: Directory) -> None:
        self._chosen_from = directory
        self._chosen = {
            number: None
            for number, point in directory.points.items()
            if (self._devices is None or point.device_id in self._devices)
            and (self._keys is None or point.key.rpartition("/")[2] in self._keys)
        }


@strawberry.type
class LiveSubscription:
    """Newest values, pushed."""

    @strawberry.subscription
    async def live(
        self,
        info: KwInfo,
        project: strawberry.ID,
        devices: list[strawberry.ID] | None = None,
        keys: list[str] | None = None,
    ) -> AsyncIterator[LiveFrame]:
        """First frame: all newest values asked for; then changes only, conflated.

        At most 2 frames a second.
        """
        door = await enter_project(info.context, project)
        source = LiveSource(
            door,
            await door.live(),
            None if devices is None else frozenset(map(str, devices)),
            None if keys is None else frozenset(keys),
        )
        return Stream(source)
