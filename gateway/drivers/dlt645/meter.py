"""Reads one meter's points: families as blocks, and what this meter does not answer is learned."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.contract.profile import Point, Profile, Ratios
from gateway.drivers.capabilities import DeviceSilent, Reader, Refused
from gateway.drivers.dlt645.blocks import Request, plan_items, split
from gateway.drivers.dlt645.meter_time import DATE, TIME, may_be_next_day, meter_time

log = logging.getLogger(__name__)

NO_SUCH_DATA = 0x02
"""The bit of an error answer by which a meter says that it does not know an item."""


class Bus(Protocol):
    """Where meters are asked."""

    async def read(self, meter: str, item: str) -> bytes:
        """The data of an item; LinkDown, DeviceSilent or Refused."""
        ...


class Meter:
    """One meter on a bus."""

    def __init__(self, bus: Bus, profile: Profile, address: str) -> None:
        self._bus = bus
        self._profile = profile
        self._address = address

    async def ratios(self) -> Ratios:
        """1: whoever installed the transformers knows their ratios, the meter need not."""
        return Ratios()

    async def clock(self) -> datetime:
        """The meter's wall time; Refused where it has none."""
        date = await self._bus.read(self._address, DATE)
        await self._pause()
        time = await self._bus.read(self._address, TIME)
        if may_be_next_day(time):
            await self._pause()
            date = await self._bus.read(self._address, DATE)
        told = meter_time(date, time)
        if told is None:
            raise Refused(f"meter {self._address} has no time: {date.hex()} {time.hex()}", 0)
        return told

    async def _pause(self) -> None:
        if self._profile.quirks.pause_ms:
            await asyncio.sleep(self._profile.quirks.pause_ms / 1000)

    def reader(self, points: Sequence[Point], ratios: Ratios) -> Reader:
        """Reads these points with the fewest requests, learning which blocks the meter refuses."""
        return _Plan(self._bus, self._profile, self._address, tuple(points), ratios)


@dataclass(slots=True, eq=False)
class _Step:
    """One request of a plan, where its values belong, and what is known about it."""

    request: Request
    places: list[int]
    proven: bool = False
    """Whether the meter ever answered it."""
    silences: int = 0
    said: bool = False


class _Plan:
    """The requests for one set of points; a block that is refused or ignored is split for good."""

    def __init__(
        self,
        bus: Bus,
        profile: Profile,
        address: str,
        points: tuple[Point, ...],
        ratios: Ratios,
    ) -> None:
        self._bus = bus
        self._profile = profile
        self._address = address
        self._ratios = ratios
        self._places = {point: index for index, point in enumerate(points)}
        self._steps = [self._step(request) for request in plan_items(points)]
        self._doubted: _Step | None = None
        self._ignores_blocks = False

    async def __call__(self) -> list[float | None]:
        """One value a point, in the order the points were given."""
        values: list[float | None] = [None] * len(self._places)
        heard = await self._knock()
        refusal: Refused | None = None
        waiting = list(self._steps)
        while waiting:
            step = waiting.pop(0)
            try:
                data = await self._bus.read(self._address, step.request.item)
            except Refused as fault:
                refusal = fault
                smaller = self._refused(step, fault)
            except DeviceSilent as fault:
                smaller = self._ignored(step, fault, heard=heard)
            else:
                smaller = self._answered(step, data, values)
            heard = True
            waiting[:0] = smaller
            if waiting and self._profile.quirks.pause_ms:
                await asyncio.sleep(self._profile.quirks.pause_ms / 1000)
        if refusal is not None and not any(step.proven for step in self._steps):
            raise refusal
        return values

    async def _knock(self) -> bool:
        """Whether the meter was just heard: asked for one item after it ignored a first block.

        A meter that is away costs one time-out a round, and keeps its blocks for when it is back.
        """
        if self._doubted is None:
            return False
        try:
            await self._bus.read(self._address, self._doubted.request.points[0].item)
        except Refused:
            log.debug("meter %s refuses rather than being away", self._address)
        self._doubted = None
        return True

    def _answered(self, step: _Step, data: bytes, values: list[float | None]) -> list[_Step]:
        found = step.request.decode(data, self._ratios)
        if found is None:
            return self._replace(step, f"answers {len(data)} bytes to")
        step.proven = True
        for place, value in zip(step.places, found, strict=True):
            values[place] = value
        return []

    def _refused(self, step: _Step, refusal: Refused) -> list[_Step]:
        if step.request.is_block or refusal.code & NO_SUCH_DATA:
            return self._replace(step, "refuses")
        if not step.said:
            step.said = True
            log.warning("%s. It is asked again each time.", refusal)
        return []

    def _ignored(self, step: _Step, fault: DeviceSilent, *, heard: bool) -> list[_Step]:
        """Split a block that the meter ignores while it answers others; else it is silent."""
        if step.request.is_block and not step.proven:
            step.silences += 1
            if heard and (step.silences > 1 or self._ignores_blocks):
                self._ignores_blocks = True
                return self._replace(step, "ignores")
            self._doubted = step
        raise fault

    def _replace(self, step: _Step, does: str) -> list[_Step]:
        """Put the items of a block in its place; a lone item is given up, but never the last."""
        index = self._steps.index(step)
        request = step.request
        if request.is_block:
            smaller = [self._step(part) for part in split(request)]
            log.info("meter %s %s the block %s", self._address, does, request.item)
            self._steps[index : index + 1] = smaller
            return smaller
        if not step.said:
            step.said = True
            log.warning(
                "meter %s %s %s: point %s stays without value. "
                "Correct its item or datatype in %s.yaml.",
                self._address,
                does,
                request.item,
                request.points[0].name,
                self._profile.name,
            )
        if len(self._steps) > 1:
            del self._steps[index]
        return []

    def _step(self, request: Request) -> _Step:
        return _Step(request, [self._places[point] for point in request.points])
