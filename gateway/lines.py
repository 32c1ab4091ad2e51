"""The lines of a configuration: how its devices are reached (a host, a serial bus, a port on which
a box calls in, a URL), and which line a device is on.
"""

from collections.abc import Mapping

import msgspec

from gateway.contract.profile import REGISTER_PROTOCOL
from gateway.drivers.capabilities import Address, Link, Listen, Serial, Tcp, Unit, Url

DEFAULT_PORTS = {"modbus": 502, "iec104": 2404, "dlt645": 4001}
"""TCP ports where nobody says; a protocol that is not here needs one."""
FRAMING = "framing"
LAST_UNIT = 255
Options = dict[str, str | int | float | bool]


class LineEntry(msgspec.Struct):
    """One entry of `lines`; the schema sees to it that it names exactly one kind of link."""

    host: str | None = None
    port: int | None = None
    serial: str | None = None
    baud: int = 9600
    bits: int = 8
    parity: str = "none"
    stop_bits: int = 1
    listen: int | None = None
    bind: str = "127.0.0.1"
    sources: list[str] = []
    url: str | None = None
    framing: str | None = None
    options: Options = {}


class NoAddress(Exception):
    """A device's line cannot be found; the text says why, `todo` what to do."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.todo = todo


def line_address(protocol: str, entry: LineEntry) -> Address:
    """Where a line is for devices of a protocol; NoAddress when a port is missing."""
    options = dict(entry.options)
    if entry.framing is not None:
        options[FRAMING] = entry.framing
    texts = tuple(sorted((key, _text(value)) for key, value in options.items()))
    return Address(protocol, _link(protocol, entry), texts)


def check_unit(protocol: str, unit: Unit) -> None:
    """NoAddress for a Modbus unit that cannot be; other protocols check their own."""
    if protocol != REGISTER_PROTOCOL:
        return
    if unit == "":
        raise NoAddress("'unit' is missing.", "Add it.")
    if not isinstance(unit, int) or not 0 <= unit <= LAST_UNIT:
        raise NoAddress(f"{unit!r} is no Modbus unit.", f"Write a number from 1 to {LAST_UNIT}.")


def device_address(
    protocol: str, line: str | None, own: LineEntry, lines: Mapping[str, LineEntry]
) -> Address:
    """The address of a device that names a line, or has a host of its own."""
    if line is None:
        return line_address(protocol, own)
    if line not in lines:
        known = ", ".join(lines) or "none"
        raise NoAddress(f"there is no line {line!r}.", f"Known: {known}. Add it to lines.")
    return line_address(protocol, lines[line])


def _link(protocol: str, entry: LineEntry) -> Link:
    if entry.serial is not None:
        return Serial(entry.serial, entry.baud, entry.bits, entry.parity, entry.stop_bits)
    if entry.listen is not None:
        return Listen(entry.bind, entry.listen, tuple(entry.sources))
    if entry.url is not None:
        return Url(entry.url)
    port = entry.port or DEFAULT_PORTS.get(protocol)
    if entry.host is None or port is None:
        raise NoAddress(
            f"a device of {protocol} needs a line or a host and a port.", "Add line, or host."
        )
    return Tcp(entry.host, port)


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
