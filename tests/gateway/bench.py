"""A device on a test bench that takes commands: its points in memory, its faults on request."""

import asyncio
from dataclasses import dataclass, field

from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.profile_file import parse_profile
from gateway.drivers.capabilities import DriverFault
from gateway.targets import Job

VALVE = """
maker: Test
type: valve
title: {en: Valve, zh-CN: 阀门}
protocol: modbus
values: primary
points:
  - {key: opening, address: 0, datatype: uint16, scale: 0.1, unit: "%",
     write: {min: 10, max: 90, step: 0.5}}
  - {key: t, address: 1, datatype: int16, scale: 0.1, unit: degC}
sample:
  blocks: [{fc: 3, start: 0, words: [400, 215]}]
  values: {opening: 40.0, t: 21.5}
verify: {point: opening, tolerance_percent: 1}
source: a test
verified: no
"""
PROFILE = parse_profile("test/valve", VALVE)


@dataclass
class BenchValve:
    """One device of the type above."""

    values: dict[str, float | None] = field(default_factory=lambda: {"opening": 40.0, "t": 21.5})
    written: list[tuple[str, float]] = field(default_factory=list)
    faults: list[DriverFault | None] = field(default_factory=list)
    """What happens at the next accesses, one each; None = nothing."""
    stuck: bool = False

    def read(self, point: Point) -> float | None:
        self._access()
        return self.values[point.name]

    def write(self, point: Point, value: float) -> None:
        self._access()
        self.written.append((point.name, value))
        if not self.stuck:
            self.values[point.name] = value

    def _access(self) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault


@dataclass
class BenchTarget:
    """The device on its line; a closed `gate` keeps urgent jobs waiting as a busy line does."""

    valve: BenchValve = field(default_factory=BenchValve)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    profile: Profile = PROFILE
    can_write: bool = True

    def __post_init__(self) -> None:
        self.gate.set()

    async def ratios(self) -> Ratios:
        return Ratios()

    async def value(self, point: Point) -> float | None:
        return self.valve.read(point)

    async def write(self, point: Point, value: float) -> None:
        self.valve.write(point, value)

    async def urgent(self, job: Job) -> None:
        await self.gate.wait()
        await job()


@dataclass
class BenchField:
    """The devices of a gateway: `v1`."""

    v1: BenchTarget = field(default_factory=BenchTarget)

    def target(self, slug: str) -> BenchTarget | None:
        return self.v1 if slug == "v1" else None
