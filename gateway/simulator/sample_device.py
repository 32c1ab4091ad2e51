"""One device of a profile on a Modbus TCP port: its sample, or values that move slowly.

For people who write a profile or set up a gateway without the meter at hand.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.contract.profile import Kind, Point, Profile
from gateway.contract.registers import encode_raw
from gateway.contract.units import unit
from gateway.simulator.gauges import ORDINARY
from gateway.simulator.modbus import Bus, ServedUnit, mark_words

RAMP_S = 120
"""Seconds in which a moving gauge goes up by `RAMP_SHARE` and down again."""
RAMP_SHARE = 0.1
COUNTS_A_SECOND = 1

Registers = dict[tuple[int, int], int]
"""Words by function code and address."""


@dataclass(frozen=True, slots=True)
class SampleDevice:
    """What a device of a profile holds after a number of seconds."""

    profile: Profile
    elapsed_s: Callable[[], float]
    moves: bool
    """Whether values move; else the registers are those of the profile's sample, the rest 0."""

    def unit(self, unit_id: int) -> ServedUnit:
        """The device as a unit of a bus."""
        return ServedUnit(unit_id, self.profile, self._words, fixed_words(self.profile))

    def value(self, point: Point, seconds: float) -> float | None:
        """What a point reads, in its unit; None = not available."""
        start = self.profile.sample.values.get(point.name, _ordinary(point))
        if start is None or point.kind is Kind.STATUS:
            return start
        if point.kind is Kind.REGISTER:
            count = float(point.multiplier(self.profile.sample.ratios))
            return start + int(seconds) * COUNTS_A_SECOND * count
        way = seconds % RAMP_S / RAMP_S * 2
        return start * (1 + RAMP_SHARE * min(way, 2 - way))

    def _words(self, fc: int, address: int, count: int) -> list[int]:
        held = self._moving() if self.moves else sample_words(self.profile)
        return [held.get((fc, address + index), 0) for index in range(count)]

    def _moving(self) -> Registers:
        seconds = self.elapsed_s()
        return {
            (point.fc, point.address + index): word
            for point in self.profile.points
            for index, word in enumerate(self._point(point, seconds))
        }

    def _point(self, point: Point, seconds: float) -> tuple[int, ...]:
        try:
            value = self.value(point, seconds)
            return self.profile.encode(point, value, self.profile.sample.ratios)
        except OverflowError:
            return (0,) * point.words


def sample_words(profile: Profile) -> Registers:
    """The registers of a profile's sample."""
    return {
        (block.fc, block.start + index): word
        for block, words in profile.sample.blocks
        for index, word in enumerate(words)
    }


def fixed_words(profile: Profile) -> Registers:
    """Registers beside the points: the ratios of the sample and the marks of the type."""
    found = mark_words(profile)
    ratios = profile.sample.ratios
    for name, place in profile.ratio_registers.items():
        exact = (ratios.pt if name == "pt" else ratios.ct) / place.scale
        raw = float(exact) if place.datatype.is_float else round(exact)
        for index, word in enumerate(encode_raw(raw, place.datatype, profile.order)):
            found[place.fc, place.address + index] = word
    return found


def _ordinary(point: Point) -> float:
    if point.kind is not Kind.GAUGE:
        return 0.0
    measure = unit(point.unit)
    return ORDINARY.get(measure.dimension, 1.0) / float(measure.base)


async def serve_sample(device: SampleDevice, host: str, port: int, unit_id: int) -> None:
    """Answer until cancelled. OSError when the port cannot be had."""
    bus = Bus([device.unit(unit_id)])
    used = await bus.start(host, port)
    sys.stdout.write("".join(f"{line}\n" for line in _said(device, host, used, unit_id)))
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await bus.stop()


def _said(device: SampleDevice, host: str, port: int, unit_id: int) -> Iterator[str]:
    profile = device.profile
    what = "values move slowly" if device.moves else "its sample; --ramp lets values move"
    yield f"{profile.name} answers as unit {unit_id} on {host}:{port} ({what}). Ctrl-C ends it."
    for name, value in profile.sample.values.items():
        point = profile.point(name)
        place = f"function {point.fc}, register {point.address:#06x}, {point.datatype}"
        yield f"  {name} = {value} {point.unit} ({place})"
    entry = f"slug: sample, profile: {profile.name}, host: {host}, port: {port}, unit: {unit_id}"
    yield f"Read it as a device of a configuration: - {{{entry}}}"
    if device.moves:
        yield f"or: kilowise-gateway probe --host {host} --port {port} --units {unit_id}"
