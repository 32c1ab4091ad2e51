"""Who serves a line: a poller asks its devices, a listener is told by them.

A device that cannot be served is said and left out; the others of its line go on.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.config import DeviceConfig
from gateway.contract.clock import Clock
from gateway.drift import DRIFT, ClockWatch
from gateway.drivers.capabilities import (
    Address,
    DriverFault,
    KeepsTime,
    Line,
    Reads,
    ReportingLine,
)
from gateway.drivers.registry import find_driver
from gateway.listen import Heard, LineListener
from gateway.pipeline import Pipeline
from gateway.poll import LinePoller, Polled
from gateway.targets import HeardTarget, PolledTarget, Target

log = logging.getLogger(__name__)

Server = LinePoller | LineListener


@dataclass(frozen=True, slots=True)
class LinePlan:
    """What a configuration says of one line: two equal plans need no change."""

    address: Address
    timeout_s: float
    devices: tuple[DeviceConfig, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """A line that can run: who serves it, its devices, and what had to be left out."""

    server: Server
    targets: Mapping[str, Target]
    problems: Sequence[str]


async def serve(plan: LinePlan, pipeline: Pipeline, clock: Clock) -> Served:
    """Make a line ready, not yet connected; DriverFault when nobody can serve it."""
    line = find_driver(plan.address.protocol)(plan.address, plan.timeout_s)
    if isinstance(line, ReportingLine):
        return await _listened(line, plan, pipeline, clock)
    return await _polled(line, plan, pipeline, clock)


async def _polled(line: Line, plan: LinePlan, pipeline: Pipeline, clock: Clock) -> Served:
    polled: dict[str, Polled] = {}
    problems: list[str] = []
    for one in plan.devices:
        try:
            reads = line.device(one.profile, one.unit)
        except DriverFault as fault:
            problems.append(_left_out(one, fault))
            continue
        watch = _watch(one, reads)
        if watch is None and one.clock_offset is not None:
            problems.append(_no_clock(one))
        device = Polled(
            one.slug, one.profile, reads, one.period_ms, one.ratios, watch, serial=one.serial
        )
        await pipeline.add(device, one.reporting, () if watch is None else (DRIFT,))
        polled[one.slug] = device
    poller = LinePoller(line, list(polled.values()), clock, pipeline)
    targets = {slug: PolledTarget(poller, device) for slug, device in polled.items()}
    return Served(poller, targets, problems)


async def _listened(
    line: ReportingLine, plan: LinePlan, pipeline: Pipeline, clock: Clock
) -> Served:
    heard: dict[str, Heard] = {}
    problems: list[str] = []
    for one in plan.devices:
        try:
            reports = line.device(one.profile, one.unit)
        except DriverFault as fault:
            problems.append(_left_out(one, fault))
            continue
        if one.clock_offset is not None:
            problems.append(_no_clock(one))
        device = Heard(one.slug, one.profile, reports, one.period_ms, one.ratios, serial=one.serial)
        await pipeline.add(device, one.reporting)
        heard[one.slug] = device
    listener = LineListener(line, list(heard.values()), clock, pipeline)
    targets = {slug: HeardTarget(device) for slug, device in heard.items()}
    return Served(listener, targets, problems)


def _watch(device: DeviceConfig, reads: Reads) -> ClockWatch | None:
    if device.clock_offset is None or not isinstance(reads, KeepsTime):
        return None
    return ClockWatch(device.slug, reads, device.clock_offset)


def _no_clock(device: DeviceConfig) -> str:
    protocol = device.profile.protocol
    sentence = (
        f"{device.slug}: no clock can be read by {protocol}. "
        "It is read without; take clock_offset out."
    )
    log.error("%s", sentence)
    return sentence


def _left_out(device: DeviceConfig, fault: DriverFault) -> str:
    sentence = f"{device.slug}: {fault}. The device is left out; correct it."
    log.error("%s", sentence)
    return sentence
