"""`kilowise-gateway doctor`: what of a configuration works, and what to do about the rest."""

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from gateway.config import DeviceConfig, GatewayConfig, load_config
from gateway.contract.clock import Clock
from gateway.contract.documents import DocumentFault
from gateway.drivers.capabilities import Address, DriverFault, Line, ReportingLine, Serial
from gateway.drivers.registry import find_driver
from gateway.enrolment.identity import read_identity
from gateway.installed import software_version
from gateway.run import FIRST_PLAUSIBLE_YEAR
from gateway.traffic import MB
from gateway.update.command import software_of
from gateway.update.software import Software

CERTIFICATE_SOON_DAYS = 7
IDLE_MB = 45
"""What a link with TLS carries in a month when nothing is reported: a keep-alive every 15 s."""


class Findings:
    """Lines for people, and whether all is well."""

    def __init__(self) -> None:
        self.faults = 0

    def good(self, text: str) -> None:
        """Something works."""
        print(f"ok    {text}")  # noqa: T201 - a command

    def bad(self, text: str) -> None:
        """Something does not."""
        self.faults += 1
        print(f"WRONG {text}")  # noqa: T201 - a command


async def examine(file: Path, clock: Clock, environment: Mapping[str, str]) -> int:
    """Look at everything once; answers 1 when something is wrong."""
    findings = Findings()
    try:
        config = load_config(file, environment)
    except DocumentFault as fault:
        findings.bad(str(fault))
        return 1
    for problem in config.problems:
        findings.bad(str(problem))
    findings.good(f"{file}: {len(config.devices)} devices can be read")
    _clock(findings, clock)
    _journal(findings, config)
    _certificate(findings, config)
    _budget(findings, config)
    _software(findings, software_of(file))
    _serial(findings, config)
    await _broker(findings, config)
    await _devices(findings, config)
    return 1 if findings.faults else 0


def _clock(findings: Findings, clock: Clock) -> None:
    now = clock.now()
    if now.year < FIRST_PLAUSIBLE_YEAR:
        findings.bad(f"the clock says {now:%Y-%m-%d %H:%M} UTC. Set it or start NTP.")
    else:
        findings.good(f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC")


def _journal(findings: Findings, config: GatewayConfig) -> None:
    folder = config.journal.parent
    try:
        probe = folder / f".{config.journal.name}.probe"
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        findings.bad(f"the journal's folder cannot be written: {error}. Set journal.path.")
    else:
        findings.good(f"the journal's folder {folder} can be written")


def _certificate(findings: Findings, config: GatewayConfig) -> None:
    client = config.broker.client
    if client is None or client.certificate is None:
        return
    identity = read_identity(client.certificate)
    if identity is None:
        findings.good(f"the certificate {client.certificate} is not ours to renew: watch its end")
        return
    left = (identity.valid_until - client.known.now()) // timedelta(days=1)
    end = f"the certificate of {identity.credential} is valid until {identity.valid_until:%Y-%m-%d}"
    if left < 0:
        findings.bad(f"{end}: it has ended. Enrol again with a new code: kilowise-gateway enrol.")
    elif config.enrolment is None:
        findings.bad(f"{end} and nothing renews it. Add enrolment.platform, or enrol again.")
    elif left < CERTIFICATE_SOON_DAYS:
        findings.bad(f"{end} ({left} days). Renew it now: kilowise-gateway renew.")
    else:
        findings.good(f"{end} ({left} days), to be renewed from {identity.renew_from:%Y-%m-%d} on")


def _budget(findings: Findings, config: GatewayConfig) -> None:
    if not config.data_limit:
        return
    mb = config.data_limit / MB
    if mb < IDLE_MB:
        findings.bad(
            f"the data budget of {mb:g} MB a month is less than keep-alives alone cost (about "
            f"{IDLE_MB} MB). Raise data_budget.mb_per_month."
        )
    else:
        findings.good(f"the data budget is {mb:g} MB a month from day {config.data_start_day}")


def _software(findings: Findings, software: Software) -> None:
    outcome = software.outcome()
    if outcome is not None and not outcome.kept:
        findings.bad(f"the update to {outcome.version} was rolled back: {outcome.reason}.")
    state = "on trial" if software.on_trial else "in use"
    findings.good(f"version {software.current or software_version()} is {state}")


def _serial(findings: Findings, config: GatewayConfig) -> None:
    links = {device.address.link for device in config.devices}
    for path in sorted(link.path for link in links if isinstance(link, Serial)):
        if not Path(path).is_char_device():
            findings.bad(f"there is no serial port {path}. Check the name: ls /dev/tty*.")
        elif not os.access(path, os.R_OK | os.W_OK):
            findings.bad(
                f"this account may not use {path}. Add it to the group dialout (or start anew)."
            )
        else:
            findings.good(f"the serial port {path} can be used")


async def _broker(findings: Findings, config: GatewayConfig) -> None:
    place = f"{config.broker.host}:{config.broker.port}"
    try:
        tls = config.broker.context() or None
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(
                config.broker.host, config.broker.port, ssl=tls
            )
    except (OSError, TimeoutError) as error:
        findings.bad(f"the broker {place} does not answer ({error}). Check mqtt.url and firewall.")
    else:
        writer.close()
        findings.good(f"the broker {place} accepts connections")


async def _devices(findings: Findings, config: GatewayConfig) -> None:
    lines: dict[Address, list[DeviceConfig]] = {}
    for device in config.devices:
        lines.setdefault(device.address, []).append(device)
    for address, devices in lines.items():
        try:
            line = find_driver(address.protocol)(address, config.timeout_s)
            await line.open()
        except DriverFault as fault:
            findings.bad(f"{fault}. Check address, port and cable.")
            continue
        if isinstance(line, ReportingLine):
            findings.good(f"{address} accepts connections; its {len(devices)} devices report")
        else:
            for device in devices:
                await _device(findings, line, device)
        line.close()


async def _device(findings: Findings, line: Line, device: DeviceConfig) -> None:
    try:
        reads = line.device(device.profile, device.unit)
        values = await reads.reader(device.profile.points, device.ratios)()
    except DriverFault as fault:
        findings.bad(f"{device.slug}: {fault}. Check unit address and profile.")
        return
    index = [point.name for point in device.profile.points].index(device.profile.verify.point)
    point = device.profile.points[index]
    findings.good(
        f"{device.slug}: {sum(value is not None for value in values)} of {len(values)} points have "
        f"values; compare {point.name} = {values[index]} {point.unit} with the display"
    )
