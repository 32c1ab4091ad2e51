"""What a driver can do, as small protocols, and how it says that something did not work.

DriverFault
|-- LinkDown       the connection or bus as a whole is gone; reopen it later
|-- DeviceSilent   no answer from one device within the time-out
`-- Refused        the device answered that it will not; `code` is the protocol's own
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.quality import Quality

Reader = Callable[[], Awaitable[list[float | None]]]
"""Reads a fixed set of points; one value a point in its unit, None = the device has no value."""


class DriverFault(Exception):
    """Something in the field did not work; expected, never a bug."""


class LinkDown(DriverFault):
    """The connection or bus is gone for all of its devices."""


class DeviceSilent(DriverFault):
    """One device did not answer in time."""


class Refused(DriverFault):
    """The device answered that it will not do this."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(what)
        self.code = code


@dataclass(frozen=True, slots=True)
class Tcp:
    """A device, converter or station that is called over TCP."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Serial:
    """A serial bus at this machine; bits a second, and how a character is framed."""

    path: str
    baud: int = 9600
    bits: int = 8
    parity: str = "none"
    """none, even or odd."""
    stop_bits: int = 1

    @property
    def character_bits(self) -> int:
        """Bits on the line for one byte, start bit included."""
        return 1 + self.bits + (self.parity != "none") + self.stop_bits

    def __str__(self) -> str:
        return f"{self.path}@{self.baud}/{self.bits}{self.parity[0].upper()}{self.stop_bits}"


@dataclass(frozen=True, slots=True)
class Listen:
    """A port on which a box behind a mobile link calls in; `sources` are networks it may have."""

    bind: str
    port: int
    sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"listening on {self.bind}:{self.port}"


@dataclass(frozen=True, slots=True)
class Url:
    """A server that is named by a URL."""

    url: str

    def __str__(self) -> str:
        return self.url


Link = Tcp | Serial | Listen | Url
Unit = int | str
"""Which device of a line: Modbus 1..247, a DL/T 645 address, an IEC 104 common address, a topic."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a line is: the driver's protocol and its link. Devices of one line share it."""

    protocol: str
    link: Link
    options: tuple[tuple[str, str], ...] = ()
    """The driver's own settings, sorted by name: framing, security policy, user, ..."""

    def option(self, name: str, default: str = "") -> str:
        """One of the driver's own settings."""
        return next((value for key, value in self.options if key == name), default)

    def __str__(self) -> str:
        # Options may hold passwords, so they are never shown.
        text = str(self.link)
        return text if "://" in text else f"{self.protocol}://{text}"


class Reads(Protocol):
    """A device whose points can be read."""

    def reader(self, points: Sequence[Point], ratios: Ratios) -> Reader:
        """A function that reads these points, planned once; its faults are DriverFaults."""
        ...

    async def ratios(self) -> Ratios:
        """The transformer ratios the device itself is set to; 1 where it keeps none."""
        ...


@runtime_checkable
class Writes(Protocol):
    """A device that takes set-points."""

    async def write(self, point: Point, value: float, ratios: Ratios) -> None:
        """Write a value in the point's unit; Refused when the device will not."""
        ...


@runtime_checkable
class KeepsTime(Protocol):
    """A device with a clock of its own that can be read."""

    async def clock(self) -> datetime:
        """Its wall time, to the second and without zone; Refused where it tells none."""
        ...


Progress = Callable[[int, int, Sequence[Unit]], None]
"""Hears of a search: units asked so far, units in all, units found."""


@runtime_checkable
class Discovers(Protocol):
    """A line that can look for devices."""

    async def discover(self, progress: Progress, limit_s: float) -> list[Unit]:
        """The unit addresses that answered within `limit_s` seconds; the line is open."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a device said by itself of one of its points: `value` in the point's unit, None = it
    has none; `at_ms` is the source's own time (UTC).
    """

    index: int
    at_ms: int
    value: float | None
    quality: Quality = Quality.GOOD
    reason: str = ""
    holds: bool = True
    """Whether it stands until the next reading; False = true for its own moment only."""


Report = Callable[[Sequence[Reading]], None]
"""Takes readings of one device; `index` counts the points that were subscribed."""


class Reports(Protocol):
    """A device that speaks by itself."""

    def subscribe(self, points: Sequence[Point], ratios: Ratios, report: Report) -> None:
        """Have these points reported from the line's next `open` on, over all reconnections."""
        ...


class Line(Protocol):
    """One connection or bus, one request in flight, shared by its devices."""

    async def open(self) -> None:
        """Connect anew, dropping what was connected; LinkDown when that does not work."""
        ...

    def close(self) -> None:
        """Let go of the connection; `open` may follow."""
        ...

    def device(self, profile: Profile, unit: Unit) -> Reads:
        """One device on this line."""
        ...


@runtime_checkable
class ReportingLine(Protocol):
    """One connection to a source whose devices speak by themselves."""

    async def open(self) -> None:
        """Connect and ask for everything that was subscribed; LinkDown when that does not work."""
        ...

    async def serve(self) -> None:
        """Deliver reports until cancelled; LinkDown once the connection is no longer good."""
        ...

    def close(self) -> None:
        """Let go of the connection; `open` may follow."""
        ...

    def device(self, profile: Profile, unit: Unit) -> Reports:
        """One device behind this connection."""
        ...
