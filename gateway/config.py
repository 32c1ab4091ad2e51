"""The gateway's configuration: one YAML file, checked; what is wrong with one device stops only it.

Every fault is a sentence with file, line, place and remedy. Secrets may come from the environment
(`KILOWISE_MQTT_URL`, `KILOWISE_MQTT_SECRET`) instead of the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from gateway.broker import Broker
from gateway.contract.config_parts import config_schema
from gateway.contract.configuration import ConfigDocument
from gateway.contract.documents import (
    Document,
    DocumentFault,
    Problem,
    check_document,
    read_document,
)
from gateway.contract.profile import Profile, Ratios, RatioSource
from gateway.contract.profile_file import exact
from gateway.drivers.capabilities import Address, Unit
from gateway.drivers.registry import is_known
from gateway.enrolment.section import (
    Enrolment,
    EnrolmentEntry,
    TlsEntry,
    read_enrolment,
    read_tls,
)
from gateway.enrolment.tls import TlsClient
from gateway.lines import LineEntry, NoAddress, check_unit, device_address
from gateway.output_section import read_outputs
from gateway.outputs import Output, PlatformLost
from gateway.pushed import Shelf, lay_over
from gateway.reporting import (
    ReportingDefaults,
    ReportingEntry,
    read_clock_offset,
    read_reporting,
    set_deadbands,
)
from gateway.session import Reporting

MQTT_PORT = 1883
MQTTS_PORT = 8883


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One device to read."""

    slug: str
    profile: Profile
    address: Address
    unit: Unit
    ratios: Ratios
    period_ms: int
    reporting: Reporting
    clock_offset: timedelta | None = None
    """How far the zone of its own clock is ahead of UTC; None = its clock is not read."""
    serial: str = ""
    """The meter's number: told, or the twelve digits it is asked by; empty if unknown."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything a gateway needs to know; `problems` are faults of devices that were left out."""

    project: str
    node: str
    broker: Broker
    journal: Path
    journal_bytes: int
    durable: bool
    timeout_s: float
    devices: tuple[DeviceConfig, ...]
    problems: tuple[Problem, ...] = field(default=())
    enrolment: Enrolment | None = None
    contact_s: float = 600.0
    """A pushed configuration under which the platform is away for so long is rolled back."""
    data_limit: int = 0
    """Bytes a month on the link to the platform; 0 = no limit."""
    data_start_day: int = 1
    status_port: int | None = None
    """Where the local status page listens on 127.0.0.1; None = nowhere."""
    update_keys: tuple[str, ...] = ()
    """Public keys (Ed25519, base64) that releases may be signed with."""
    update_healthy_s: float = 1200.0
    """How long a new version may take to prove itself; a quarter hour where little is reported."""
    outputs: tuple[Output, ...] = ()
    platform_lost: PlatformLost | None = None


class _Mqtt(TlsEntry):
    url: str | None = None
    credential: str | None = None
    secret: str | None = None
    datatypes: bool = False
    primary_host: str | None = None


class _Journal(msgspec.Struct):
    path: str | None = None
    max_mb: float = 512
    durable: bool = False


class _DataBudget(msgspec.Struct):
    mb_per_month: float = 0
    start_day: int = 1


class _Update(msgspec.Struct):
    keys: list[str] = []
    healthy_within_s: float = 1200.0


class _Device(msgspec.Struct):
    slug: str
    profile: str
    unit: Unit = ""
    line: str | None = None
    host: str | None = None
    port: int | None = None
    ct: float | None = None
    pt: float | None = None
    poll_s: float = 1.0
    deadbands: dict[str, float | str] = {}
    clock_offset: str | None = None
    serial: str = ""


class _File(msgspec.Struct):
    project: str
    node: str
    mqtt: _Mqtt = msgspec.field(default_factory=_Mqtt)
    enrolment: EnrolmentEntry | None = None
    journal: _Journal = msgspec.field(default_factory=_Journal)
    timeout_s: float = 0.5
    profile_dirs: list[str] = []
    lines: dict[str, LineEntry] = {}
    contact_min: float = 10.0
    status_port: int | None = None
    update: _Update = msgspec.field(default_factory=_Update)
    data_budget: _DataBudget = msgspec.field(default_factory=_DataBudget)


def load_config(
    file: Path, environment: Mapping[str, str], pushed: ConfigDocument | None = None
) -> GatewayConfig:
    """Read and check a configuration; DocumentFault when the gateway as a whole cannot run.

    `pushed` is what the platform says instead of the file about lines and devices.
    """
    document = read_document(file)
    given: Mapping[str, str] = {}
    if pushed is not None:
        document, given = lay_over(document, pushed)
    problems = check_document(document, config_schema())
    general = [problem for problem in problems if not problem.path.startswith("devices[")]
    if general:
        raise DocumentFault(problems)
    data = document.data
    if not isinstance(data, dict):
        raise DocumentFault([document.problem((), "this is not a configuration.", "See --help.")])
    shape = msgspec.convert({key: data[key] for key in data if key != "devices"}, _File)
    shelf = Shelf([file.parent / folder for folder in shape.profile_dirs], given)
    devices = _devices(document, data["devices"], shape, shelf, problems)
    section = read_outputs(document, data, devices)
    problems += section.problems
    journal = shape.journal.path or f"{shape.node}.journal"
    tls = read_tls(shape.mqtt, file.parent, shape.node, environment)
    return GatewayConfig(
        shape.project,
        shape.node,
        _broker(document, shape, tls, environment),
        file.parent / journal,
        round(shape.journal.max_mb * 1024 * 1024),
        shape.journal.durable,
        shape.timeout_s,
        tuple(devices),
        tuple(problems),
        read_enrolment(shape.enrolment, tls, file),
        contact_s=shape.contact_min * 60,
        data_limit=round(shape.data_budget.mb_per_month * 1_000_000),
        data_start_day=shape.data_budget.start_day,
        status_port=shape.status_port,
        update_keys=tuple(shape.update.keys),
        update_healthy_s=shape.update.healthy_within_s,
        outputs=section.outputs,
        platform_lost=section.platform_lost,
    )


def _devices(
    document: Document,
    entries: Sequence[object],
    shape: _File,
    shelf: Shelf,
    problems: list[Problem],
) -> list[DeviceConfig]:
    """The devices without a fault; what is wrong with the others joins `problems`."""
    devices: list[DeviceConfig] = []
    for index, entry in enumerate(entries):
        place = f"devices[{index}]"
        if any(problem.path.startswith((f"{place}.", f"{place}[")) for problem in problems):
            continue
        if any(problem.path == place for problem in problems):
            continue
        try:
            device = _device(document, index, msgspec.convert(entry, _Device), shape, shelf)
            _check_unique(document, index, device, devices)
        except DocumentFault as fault:
            problems.extend(fault.problems)
        else:
            devices.append(device)
    return devices


def _device(
    document: Document, index: int, entry: _Device, shape: _File, shelf: Shelf
) -> DeviceConfig:
    profile = _profile(document, index, entry.profile, shelf)
    profile = set_deadbands(document, index, profile, entry.deadbands)
    one = Fraction(1)
    ratios = Ratios(
        one if entry.pt is None else exact(entry.pt), one if entry.ct is None else exact(entry.ct)
    )
    if profile.ratio_source is RatioSource.CONFIGURATION and entry.ct is None:
        what = f"{profile.name} needs the current transformer's ratio."
        todo = "Add ct (400/5 = 80), and pt when voltages are transformed too."
        raise DocumentFault([document.problem(("devices", index), what, todo)])
    entries = document.data["devices"] if isinstance(document.data, dict) else []
    said = msgspec.convert(entries[index], ReportingEntry)
    defaults = msgspec.convert(document.data, ReportingDefaults)
    reporting = read_reporting(document, index, profile, said, defaults)
    return DeviceConfig(
        entry.slug,
        profile,
        _address(document, index, profile, entry, shape),
        entry.unit,
        ratios,
        round(entry.poll_s * 1000),
        reporting,
        read_clock_offset(document, index, profile, reporting, entry.clock_offset),
        entry.serial or _number(entry.unit),
    )


def _number(unit: Unit) -> str:
    """Answer the number that stands on a meter's face where it is asked by it."""
    digits = str(unit)
    return digits if isinstance(unit, str) and len(digits) == 12 and digits.isdecimal() else ""


def _address(
    document: Document, index: int, profile: Profile, entry: _Device, shape: _File
) -> Address:
    own = LineEntry(host=entry.host, port=entry.port)
    try:
        check_unit(profile.protocol, entry.unit)
        return device_address(profile.protocol, entry.line, own, shape.lines)
    except NoAddress as missing:
        fault = document.problem(("devices", index), str(missing), missing.todo)
        raise DocumentFault([fault]) from missing


def _profile(document: Document, index: int, name: str, shelf: Shelf) -> Profile:
    try:
        profile = shelf.find(name)
    except DocumentFault as fault:
        here = document.problem(
            ("devices", index, "profile"),
            f"the profile {name!r} cannot be used.",
            "The device is left out; see the next lines.",
        )
        raise DocumentFault([here, *fault.problems]) from fault
    if not is_known(profile.protocol):
        what = f"no driver speaks {profile.protocol!r}."
        raise DocumentFault([document.problem(("devices", index, "profile"), what, "Install it.")])
    return profile


def _check_unique(
    document: Document, index: int, device: DeviceConfig, others: list[DeviceConfig]
) -> None:
    for other in others:
        if other.slug == device.slug:
            what = f"the slug {device.slug!r} is there twice; the second device is left out."
            todo = "Give each device a slug of its own."
            raise DocumentFault([document.problem(("devices", index, "slug"), what, todo)])


def _broker(
    document: Document, shape: _File, client: TlsClient, environment: Mapping[str, str]
) -> Broker:
    url = shape.mqtt.url or environment.get("KILOWISE_MQTT_URL") or f"mqtt://127.0.0.1:{MQTT_PORT}"
    fault = document.problem(
        ("mqtt", "url"),
        "the broker's URL cannot be read.",
        "Write mqtt://host:1883 or mqtts://host:8883 (or set KILOWISE_MQTT_URL).",
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DocumentFault([fault]) from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise DocumentFault([fault])
    tls = parts.scheme == "mqtts"
    # A URL from the environment may carry somebody else's user: only a URL of our own file counts.
    user = unquote(parts.username) if parts.username and shape.mqtt.url else None
    password = unquote(parts.password) if parts.password and shape.mqtt.url else None
    secret = shape.mqtt.secret or environment.get("KILOWISE_MQTT_SECRET") or password
    return Broker(
        parts.hostname,
        port or (MQTTS_PORT if tls else MQTT_PORT),
        tls,
        shape.mqtt.credential or user or f"{shape.project}.{shape.node}",
        secret,
        shape.mqtt.datatypes,
        client if tls else None,
        primary_host=shape.mqtt.primary_host,
    )
