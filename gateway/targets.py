"""Devices as commands see them: read one point now, set one, between two polls of their line."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from gateway.contract.profile import Point, Profile, Ratios, RatioSource
from gateway.drivers.capabilities import DeviceSilent, LinkDown, Reading, Refused, Writes
from gateway.listen import Heard
from gateway.poll import LinePoller, Polled

Job = Callable[[], Awaitable[None]]

REPORT_S = 5.0
"""How long a device that speaks by itself is given to report what it was set to."""
LOOK_S = 0.05


class Target(Protocol):
    """A device that is being read, on a line that takes urgent jobs."""

    @property
    def profile(self) -> Profile:
        """What is known of its type."""
        ...

    @property
    def can_write(self) -> bool:
        """Whether its driver takes set-points."""
        ...

    async def ratios(self) -> Ratios:
        """Its transformer ratios; asked inside a job."""
        ...

    async def value(self, point: Point) -> float | None:
        """A point's value now, in its unit; asked inside a job."""
        ...

    async def write(self, point: Point, value: float) -> None:
        """Set a point, in its unit; inside a job. DriverFault when that does not work."""
        ...

    async def urgent(self, job: Job) -> None:
        """Run a job on the line before the next poll; LinkDown when there is no connection."""
        ...


class PolledTarget:
    """A device of a line that is polled."""

    def __init__(self, poller: LinePoller, polled: Polled) -> None:
        self._poller = poller
        self._polled = polled

    @property
    def profile(self) -> Profile:
        """What is known of its type."""
        return self._polled.profile

    @property
    def can_write(self) -> bool:
        """Whether its driver takes set-points."""
        return isinstance(self._polled.reads, Writes)

    async def ratios(self) -> Ratios:
        """Its ratios as planned; asked of the meter itself when it never answered so far."""
        if self._polled.read_all is not None:
            return self._polled.ratios
        if self.profile.ratio_source is RatioSource.METER:
            return await self._polled.reads.ratios()
        return self._polled.configured

    async def value(self, point: Point) -> float | None:
        """Read one point."""
        values = await self._polled.reads.reader([point], await self.ratios())()
        return values[0] if values else None

    async def peek(self, points: Sequence[Point]) -> list[float | None]:
        """Read points that need not be of the profile, as their raw counts."""
        return await self._polled.reads.reader(points, Ratios())()

    async def write(self, point: Point, value: float) -> None:
        """Write one point."""
        await _writes(self._polled.reads).write(point, value, await self.ratios())

    async def urgent(self, job: Job) -> None:
        """Have the poller run it before the next poll."""
        await self._poller.urgent(job)


class HeardTarget:
    """A device that speaks by itself: its value is what it said last."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._places = {point: index for index, point in enumerate(heard.points)}
        self._before: tuple[Point, Reading | None] | None = None

    @property
    def profile(self) -> Profile:
        """What is known of its type."""
        return self._heard.profile

    @property
    def can_write(self) -> bool:
        """Whether its driver takes set-points."""
        return isinstance(self._heard.reports, Writes)

    async def ratios(self) -> Ratios:
        """Its configured ratios."""
        return self._heard.ratios

    async def value(self, point: Point) -> float | None:
        """What it reported last; after a write, what it reports then."""
        if self._before is not None and self._before[0] is point:
            await self._next_report(point, self._before[1])
        reading = self._latest(point)
        return None if reading is None else reading.value

    async def write(self, point: Point, value: float) -> None:
        """Write one point; the next `value` waits for its report."""
        self._before = point, self._latest(point)
        await _writes(self._heard.reports).write(point, value, self._heard.ratios)

    async def urgent(self, job: Job) -> None:
        """Run it now: such a line serves several requests at once."""
        if not self._heard.alive:
            raise LinkDown(f"{self._heard.slug} is not connected")
        await job()

    def _latest(self, point: Point) -> Reading | None:
        return self._heard.latest.get(self._places[point])

    async def _next_report(self, point: Point, before: Reading | None) -> None:
        self._before = None
        try:
            async with asyncio.timeout(REPORT_S):
                while self._latest(point) is before:  # noqa: ASYNC110 - readings have no bell
                    await asyncio.sleep(LOOK_S)
        except TimeoutError as error:
            raise DeviceSilent(f"{self._heard.slug} reports nothing after the write") from error


def _writes(device: object) -> Writes:
    if not isinstance(device, Writes):
        raise Refused("the driver of this protocol cannot write", 0)
    return device
