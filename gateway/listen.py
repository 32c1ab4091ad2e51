"""Devices that speak by themselves: one connection kept open, its reports taken as they come.

What a source reports carries the source's own time. In addition every device is sampled at each
instant of its own grid with the last value known by then, so that registers have a reading at every
quarter hour and the heartbeat works although nothing changes. Nothing is sampled while the
connection is away: a gap stays a gap. A reading that is true for its own moment only (a counter
that was asked for) is never sampled later.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from gateway.contract.clock import Clock
from gateway.contract.profile import Point, Profile, Ratios
from gateway.drivers.capabilities import LinkDown, Reading, ReportingLine, Reports
from gateway.grid import following, next_instant
from gateway.poll import FIRST_PAUSE_S, LONGEST_PAUSE_S

log = logging.getLogger(__name__)

SETTLE_S = 1.0
"""How long after an instant it is sampled: reports of that moment may still be under way."""


@dataclass(slots=True)
class Heard:
    """A device behind a reporting line and what it said last."""

    slug: str
    profile: Profile
    reports: Reports
    period_ms: int
    ratios: Ratios = field(default_factory=Ratios)
    points: tuple[Point, ...] = ()
    instant_ms: int = 0
    alive: bool = False
    dead: bool = False
    """Whether the sink was told that the connection is away."""
    latest: dict[int, Reading] = field(default_factory=dict)
    earlier: dict[int, Reading] = field(default_factory=dict)
    """The reading before the latest, for an instant that lies between the two."""
    serial: str = ""
    """The meter's number, empty where nobody told it."""

    def __post_init__(self) -> None:
        """Every point is taken as it comes."""
        self.points = self.profile.points

    def take(self, readings: Sequence[Reading]) -> None:
        """Remember what is newer than what is known."""
        for reading in readings:
            known = self.latest.get(reading.index)
            if known is not None and reading.at_ms < known.at_ms:
                continue
            if known is not None:
                self.earlier[reading.index] = known
            self.latest[reading.index] = reading

    def at(self, instant_ms: int) -> list[Reading]:
        """What was known at an instant, as readings of that instant."""
        found = []
        for index, latest in self.latest.items():
            known = latest if latest.at_ms <= instant_ms else self.earlier.get(index)
            if known is None or known.at_ms > instant_ms:
                continue
            if known.holds or known.at_ms == instant_ms:
                found.append(Reading(index, instant_ms, known.value, known.quality, known.reason))
        return found


class Sink(Protocol):
    """Who takes what is heard."""

    def reported(self, device: Heard, readings: Sequence[Reading], *, sampled: bool) -> None:
        """Readings with times of their own; `sampled` = what was known at the grid's instant."""
        ...

    def came_alive(self, device: Heard) -> None:
        """A device spoke for the first time, or again."""
        ...

    def went_dead(self, device: Heard, reason: str) -> None:
        """The connection to a device is away."""
        ...


class LineListener:
    """Serves one reporting line until cancelled."""

    def __init__(
        self, line: ReportingLine, devices: Sequence[Heard], clock: Clock, sink: Sink
    ) -> None:
        self._line = line
        self._devices = list(devices)
        self._clock = clock
        self._sink = sink

    @property
    def devices(self) -> Sequence[Heard]:
        """The devices of the line."""
        return self._devices

    async def run(self) -> None:
        """Keep the connection and sample the grid; a second call after a fault begins anew."""
        for device in self._devices:
            device.alive = device.dead = False
            device.reports.subscribe(device.points, device.ratios, partial(self._take, device))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_open())
                for device in self._devices:
                    group.create_task(self._sample_grid(device))
        finally:
            self._line.close()

    async def _keep_open(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            begun = self._clock.monotonic()
            try:
                await self._line.open()
                await self._line.serve()
            except LinkDown as fault:
                self._lost(str(fault))
            finally:
                self._line.close()
            if self._clock.monotonic() - begun > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S / 2)

    def _take(self, device: Heard, readings: Sequence[Reading]) -> None:
        device.take(readings)
        if not device.alive:
            device.alive = True
            device.dead = False
            self._sink.came_alive(device)
        self._sink.reported(device, readings, sampled=False)

    def _lost(self, reason: str) -> None:
        for device in self._devices:
            device.latest.clear()
            device.earlier.clear()
            device.alive = False
            if not device.dead:
                device.dead = True
                self._sink.went_dead(device, reason)

    async def _sample_grid(self, device: Heard) -> None:
        device.instant_ms = next_instant(self._now_ms(), device.period_ms)
        while True:
            wait_s = (device.instant_ms - self._now_ms()) / 1000 + SETTLE_S
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            if device.alive:
                readings = device.at(device.instant_ms)
                self._sink.reported(device, readings, sampled=True)
            now_ms = self._now_ms()
            if abs(now_ms - device.instant_ms) > 2 * device.period_ms + 1000 * SETTLE_S:
                # A long stall, or somebody set the clock: begin anew on the grid.
                device.instant_ms = next_instant(now_ms, device.period_ms)
            else:
                device.instant_ms = following(
                    device.instant_ms, device.instant_ms, device.period_ms
                )

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)
