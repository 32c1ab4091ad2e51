"""One Modbus unit: reads points in blocks, learns which blocks it refuses, writes set-points."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from gateway.contract.profile import Block, Point, Profile, Ratios, RatioSource
from gateway.contract.registers import decode_raw, to_value
from gateway.drivers.capabilities import Reader, Refused
from gateway.drivers.modbus.clock import clock_time
from gateway.drivers.modbus.decode import Decode, decoder, plain_words
from gateway.drivers.modbus.frames import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    WRITE_MANY,
    WRITE_ONE,
    Ask,
    ask_registers,
    ask_write,
)
from gateway.plan import Limits, Request, plan_requests, split

log = logging.getLogger(__name__)

HOLDING = 3
"""The function that reads what functions 6 and 16 write."""


class Asks(Protocol):
    """A line as its devices see it."""

    @property
    def request_cost(self) -> int | None:
        """Registers that take as long as one more request; None = more than any block has."""
        ...

    async def ask(self, ask: Ask) -> bytes:
        """What a unit replies behind the head; LinkDown, DeviceSilent or Refused otherwise."""
        ...


class ModbusDevice:
    """One unit of a line: reads and writes points."""

    def __init__(self, line: Asks, profile: Profile, unit: int) -> None:
        self._line = line
        self._profile = profile
        self._unit = unit
        self._limits = Limits.of(profile, line.request_cost)
        self._one_by_16 = False
        """Learned: the unit does not know function 6."""

    async def ratios(self) -> Ratios:
        """The ratios in the meter's own registers; a meter that says 0 is taken as direct."""
        if self._profile.ratio_source is not RatioSource.METER:
            return Ratios()
        found = {"pt": Fraction(1), "ct": Fraction(1)}
        for name, place in self._profile.ratio_registers.items():
            block = Block(place.fc, place.address, place.datatype.words)
            words = plain_words(await self._line.ask(ask_registers(self._unit, block)))
            raw = decode_raw(words, place.datatype, self._profile.order)
            found[name] = Fraction(to_value(raw, place.scale)) or Fraction(1)
        return Ratios(**found)

    async def clock(self) -> datetime:
        """The meter's wall time; Refused where its profile or its registers tell none."""
        place = self._profile.clock
        if place is None:
            raise Refused(f"{self._profile.name} does not say where the clock is", 0)
        words = plain_words(await self._line.ask(ask_registers(self._unit, place.block)))
        told = clock_time(words, place.format, self._profile.order)
        if told is None:
            raise Refused(f"unit {self._unit} has no time in its registers: {list(words)}", 0)
        return told

    def reader(self, points: Sequence[Point], ratios: Ratios) -> Reader:
        """Reads these points with the fewest requests, learning which blocks the unit refuses."""
        return _Plan(self._line, self._unit, self._profile, tuple(points), ratios, self._limits)

    async def write(self, point: Point, value: float, ratios: Ratios) -> None:
        """Write a value in the point's unit; Refused when it does not fit or the unit will not."""
        if point.fc != HOLDING:
            raise Refused(f"{point.name} lies in input registers, which cannot be written", 0)
        try:
            words = self._profile.encode(point, value, ratios)
        except OverflowError as error:
            raise Refused(f"{point.name} cannot hold {value} {point.unit}: {error}", 0) from error
        if len(words) == 1 and not self._one_by_16:
            try:
                await self._line.ask(ask_write(self._unit, point.address, words, WRITE_ONE))
            except Refused as refusal:
                if refusal.code != ILLEGAL_FUNCTION:
                    raise
                self._one_by_16 = True
            else:
                return
        await self._line.ask(ask_write(self._unit, point.address, words, WRITE_MANY))


@dataclass(frozen=True, slots=True)
class _Step:
    """One request of a plan, ready to be sent, and where its values go."""

    request: Request
    ask: Ask
    decode: Decode
    places: list[int]


class _Plan:
    """The requests for one set of points; a refused block is split until only points remain."""

    def __init__(
        self,
        line: Asks,
        unit: int,
        profile: Profile,
        points: tuple[Point, ...],
        ratios: Ratios,
        limits: Limits,
    ) -> None:
        self._line = line
        self._unit = unit
        self._profile = profile
        self._places = {point: index for index, point in enumerate(points)}
        self._in_order = list(range(len(points)))
        self._ratios = ratios
        self._limits = limits
        self._pause_s = profile.quirks.pause_ms / 1000
        self._steps = [self._step(request) for request in plan_requests(points, limits)]

    async def __call__(self) -> list[float | None]:
        """One value a point, in the order the points were given."""
        if len(self._steps) != 1 or self._pause_s or self._steps[0].places != self._in_order:
            return await self._read_all()
        step = self._steps[0]
        try:
            return step.decode(await self._line.ask(step.ask))
        except Refused as refusal:
            self._learn(step, refusal)
        return await self._read_all()

    async def _read_all(self) -> list[float | None]:
        values: list[float | None] = [None] * len(self._places)
        waiting = list(self._steps)
        asked = False
        while waiting:
            step = waiting.pop(0)
            if asked and self._pause_s:
                await asyncio.sleep(self._pause_s)
            asked = True
            try:
                found = step.decode(await self._line.ask(step.ask))
            except Refused as refusal:
                waiting[:0] = self._learn(step, refusal)
                continue
            for place, value in zip(step.places, found, strict=True):
                values[place] = value
        return values

    def _learn(self, step: _Step, refusal: Refused) -> list[_Step]:
        """Replace a refused request by smaller ones; a lone refused point is missing for good."""
        if refusal.code != ILLEGAL_ADDRESS:
            raise refusal
        index = self._steps.index(step)
        request = step.request
        if len(request.points) == 1:
            log.warning(
                "unit %d refuses point %s at register %d of function %d: it stays without value. "
                "Correct the address in %s.yaml.",
                self._unit,
                request.points[0].name,
                request.block.start,
                request.block.fc,
                self._profile.name,
            )
            del self._steps[index]
            return []
        smaller = [self._step(part) for part in split(request, self._limits)]
        self._steps[index : index + 1] = smaller
        return smaller

    def _step(self, request: Request) -> _Step:
        return _Step(
            request,
            ask_registers(self._unit, request.block),
            decoder(request, self._profile, self._ratios),
            [self._places[point] for point in request.points],
        )
