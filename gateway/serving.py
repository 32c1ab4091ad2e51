"""Which devices are on which line, and who serves each line: a poller asks, a listener is told.

A device or line that cannot be served is said and left out; the others go on.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from gateway.config import DeviceConfig, GatewayConfig
from gateway.contract.clock import Clock
from gateway.drivers.capabilities import Address, DriverFault, Line, ReportingLine
from gateway.drivers.registry import find_driver
from gateway.listen import Heard, LineListener
from gateway.pipeline import Pipeline
from gateway.poll import LinePoller, Polled

log = logging.getLogger(__name__)

Served = LinePoller | LineListener
One = TypeVar("One", Polled, Heard)


async def open_lines(config: GatewayConfig, pipeline: Pipeline, clock: Clock) -> dict[str, Served]:
    """Who serves each line of a configuration, by the line's name; nothing is connected yet."""
    lines: dict[Address, list[DeviceConfig]] = {}
    for device in config.devices:
        lines.setdefault(device.address, []).append(device)
    served: dict[str, Served] = {}
    for address, devices in lines.items():
        try:
            line = find_driver(address.protocol)(address, config.timeout_s)
        except DriverFault as fault:
            log.error("%s: %s. Its devices are left out.", address, fault)  # noqa: TRY400
            continue
        served[str(address)] = await _serve(line, devices, config, pipeline, clock)
    return served


async def _serve(
    line: Line | ReportingLine,
    devices: Sequence[DeviceConfig],
    config: GatewayConfig,
    pipeline: Pipeline,
    clock: Clock,
) -> Served:
    async def admitted(make: Callable[[DeviceConfig], One]) -> list[One]:
        found = []
        for device in devices:
            try:
                one = make(device)
            except DriverFault as fault:
                log.error("%s: %s. The device is left out; correct it.", device.slug, fault)  # noqa: TRY400
                continue
            await pipeline.add(one, device.reporting)
            found.append(one)
        return found

    if isinstance(line, ReportingLine):
        return LineListener(line, await admitted(partial(_heard, line)), clock, pipeline)
    return LinePoller(line, await admitted(partial(_polled, line)), clock, pipeline)


def _polled(line: Line, device: DeviceConfig) -> Polled:
    reads = line.device(device.profile, device.unit)
    return Polled(device.slug, device.profile, reads, device.period_ms, configured=device.ratios)


def _heard(line: ReportingLine, device: DeviceConfig) -> Heard:
    reports = line.device(device.profile, device.unit)
    return Heard(device.slug, device.profile, reports, device.period_ms, device.ratios)
