"""How the devices of a list are read: checked together, device by device. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backend.service.meter_list.columns import WIRING, Listed
from backend.service.meter_list.findings import Faults
from backend.service.meter_list.look import Document, Look
from gateway.contract.documents import DocumentFault
from gateway.contract.profile import REGISTER_PROTOCOL, Profile, RatioSource
from gateway.contract.profile_file import find_profile, parse_profile

MOST_UNIT: Final = 247
"""Modbus: 248 to 255 are reserved, 0 is everybody."""
DEFAULT_PORT: Final = 502


@dataclass(frozen=True, slots=True)
class WantedRow:
    """A row as it stands and as it is to be; `wired` when it says how its device is read."""

    number: int
    before: Listed | None
    after: Listed
    wired: bool

    @property
    def home(self) -> tuple[str, str]:
        """Its gateway and device."""
        return self.after.gateway or "", self.after.device or ""


class Profiles:
    """Device profiles by name: the document's, the project's own, those that ship."""

    def __init__(self, look: Look) -> None:
        """Read each once."""
        self._look = look
        self._known: dict[tuple[str, str], Profile | None] = {}

    def find(self, gateway: str, name: str) -> Profile | None:
        """Answer a profile as this gateway has it; None where nobody has it."""
        key = (gateway, name)
        if key not in self._known:
            self._known[key] = self._read(gateway, name)
        return self._known[key]

    def _read(self, gateway: str, name: str) -> Profile | None:
        known = self._look.gateways.get(gateway)
        brought = {} if known is None else known.document.data.get("profiles", {})
        text = brought.get(name) if isinstance(brought, dict) else None
        text = text or self._look.profiles.get(name)
        try:
            return find_profile(name) if text is None else parse_profile(name, str(text))
        except DocumentFault:
            return None


def check_devices(
    rows: Sequence[WantedRow], look: Look, profiles: Profiles, faults: Faults
) -> dict[tuple[str, str], WantedRow]:
    """Answer the row that says how each device is read, and note what is wrong with it."""
    first: dict[tuple[str, str], WantedRow] = {}
    for row in rows:
        if not row.wired or row.after.end:
            continue
        said = first.setdefault(row.home, row)
        _agree(said, row, faults)
    for row in first.values():
        _check(row, look, profiles, faults)
    _addresses(first, look, faults)
    return first


def _agree(said: WantedRow, row: WantedRow, faults: Faults) -> None:
    for name in WIRING:
        if row.after.told(name) != said.after.told(name):
            value = row.after.told(name)
            faults.add(row.number, name, value, "meter_list_differs", first=said.number)


def _check(row: WantedRow, look: Look, profiles: Profiles, faults: Faults) -> None:
    after, number = row.after, row.number
    gateway = look.gateways.get(after.gateway or "")
    document = Document() if gateway is None else gateway.document
    profile = profiles.find(after.gateway or "", after.profile) if after.profile else None
    if profile is None:
        faults.add(number, "profile", after.profile, "meter_list_profile")
        return
    if not after.host and not after.line:
        faults.add(number, "host", None, "meter_list_connection")
    if after.host and after.line:
        faults.add(number, "line", after.line, "meter_list_two_ways")
    elif after.line and after.line not in document.lines:
        known = ", ".join(sorted(document.lines)) or "–"
        faults.add(number, "line", after.line, "meter_list_line", known=known)
    if profile.protocol == REGISTER_PROTOCOL and not _is_unit(after.unit):
        faults.add(number, "unit", after.unit, "meter_list_unit", most=MOST_UNIT)
    if profile.ratio_source is RatioSource.CONFIGURATION and after.ct is None:
        faults.add(number, "ct", None, "meter_list_ct", profile=profile.name)


def _is_unit(unit: int | str | None) -> bool:
    return isinstance(unit, int) and 1 <= unit <= MOST_UNIT


def _addresses(first: Mapping[tuple[str, str], WantedRow], look: Look, faults: Faults) -> None:
    """Refuse two devices of a gateway at one address."""
    taken: dict[tuple[object, ...], str] = {}
    for gateway in look.gateways.values():
        for device, entry in gateway.document.devices.items():
            if (gateway.slug, device) not in first:
                where = (entry.get("host"), entry.get("port"), entry.get("line"), entry.get("unit"))
                taken[_address(gateway.slug, *where)] = device
    for (gateway_slug, device), row in first.items():
        after = row.after
        address = _address(gateway_slug, after.host, after.port, after.line, after.unit)
        other = taken.setdefault(address, device)
        if other != device:
            faults.add(row.number, "unit", after.unit, "meter_list_address", device=other)


def _address(
    gateway: str, host: object, port: object, line: object, unit: object
) -> tuple[object, ...]:
    return gateway, host, None if line else port or DEFAULT_PORT, line, unit
