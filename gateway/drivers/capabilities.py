"""What a driver can do, as small protocols, and how it says that something did not work.

DriverFault
|-- LinkDown       the connection or bus as a whole is gone; reopen it later
|-- DeviceSilent   no answer from one device within the time-out
`-- Refused        the device answered that it will not; `code` is the protocol's own
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.contract.profile import Point, Profile, Ratios

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
class Address:
    """Where a line is: the driver's protocol, a host and a port. Devices of one line share it."""

    protocol: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.protocol}://{self.host}:{self.port}"


class Reads(Protocol):
    """A device whose points can be read."""

    def reader(self, points: Sequence[Point], ratios: Ratios) -> Reader:
        """A function that reads these points, planned once; its faults are DriverFaults."""
        ...

    async def ratios(self) -> Ratios:
        """The transformer ratios the device itself is set to; 1 where it keeps none."""
        ...


class Writes(Protocol):
    """A device that takes set-points."""

    async def write(self, point: Point, value: float, ratios: Ratios) -> None:
        """Write a value in the point's unit; Refused when the device will not."""
        ...


class Discovers(Protocol):
    """A line that can look for devices."""

    async def discover(self) -> list[int]:
        """The unit addresses that answer."""
        ...


class Line(Protocol):
    """One connection or bus, one request in flight, shared by its devices."""

    async def open(self) -> None:
        """Connect; LinkDown when that does not work."""
        ...

    def close(self) -> None:
        """Let go of the connection; `open` may follow."""
        ...

    def device(self, profile: Profile, unit: int) -> Reads:
        """One device on this line."""
        ...


class Driver(Protocol):
    """What a driver module offers: lines."""

    def open_line(self, address: Address, timeout_s: float) -> Line:
        """A line at an address, not yet connected."""
        ...
