"""From information objects to readings: which point of which device an object is.

One station is one address space (common address, object address) with many meters behind it;
several devices may share it, and one object may be a point of several of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.quality import Quality
from gateway.contract.registers import Datatype
from gateway.drivers.capabilities import DriverFault, Reading, Report, Unit
from gateway.drivers.iec104.asdu import LAST_ADDRESS, Value
from gateway.drivers.iec104.elements import Raw

LAST_STATION = 65534
"""65535 speaks to all stations at once."""
NOT_AVAILABLE = "not available"


@dataclass(frozen=True, slots=True)
class Route:
    """One point of one device that wants an object's values."""

    index: int
    point: Point
    ratios: Ratios
    report: Report

    def reading(self, value: Value, at_ms: int, *, holds: bool) -> Reading:
        """What an object's value means for this point."""
        quality, reason = value.quality, value.reason
        if quality is Quality.MISSING:
            return Reading(self.index, at_ms, None, quality, reason, holds)
        raw = fitted(value.raw, self.point.datatype)
        if raw is None:
            what = f"{value.raw!r} is no {self.point.datatype} as the profile says"
            return Reading(self.index, at_ms, None, Quality.MISSING, what, holds)
        number = self.point.decode(raw, self.ratios)
        if number is None:
            return Reading(self.index, at_ms, None, Quality.MISSING, NOT_AVAILABLE, holds)
        return Reading(self.index, at_ms, number, quality, reason, holds)


def fitted(raw: Raw, datatype: Datatype) -> Raw | None:
    """A raw value as a datatype holds it; None when it cannot, for then the profile is wrong.

    Counters travel as 32 bits with a sign; uint32 says that the station counts without one.
    """
    if datatype.is_float:
        return raw
    if isinstance(raw, float):
        return None
    if datatype is Datatype.UINT32 and raw < 0:
        raw += datatype.states
    low = -datatype.states // 2 if datatype.is_signed else 0
    return raw if low <= raw < low + datatype.states else None


class Routes:
    """Who wants which object of which station."""

    def __init__(self) -> None:
        self._routes: dict[int, dict[int, list[Route]]] = {}

    def __contains__(self, station: int) -> bool:
        """Whether somebody wants something of a station."""
        return station in self._routes

    @property
    def stations(self) -> list[int]:
        """The common addresses that somebody wants something of, in their order."""
        return sorted(self._routes)

    def add(
        self,
        station: int,
        addresses: Sequence[int],
        points: Sequence[Point],
        ratios: Ratios,
        report: Report,
    ) -> None:
        """Deliver these objects of a station, one a point, to one device from now on."""
        objects = self._routes.setdefault(station, {})
        for index, (address, point) in enumerate(zip(addresses, points, strict=True)):
            objects.setdefault(address, []).append(Route(index, point, ratios, report))

    def remove(self, report: Report) -> None:
        """Deliver nothing more to a device."""
        for station, objects in list(self._routes.items()):
            kept = {
                address: rest
                for address, routes in objects.items()
                if (rest := [route for route in routes if route.report != report])
            }
            if kept:
                self._routes[station] = kept
            else:
                del self._routes[station]

    def deliver(
        self, station: int, values: Iterable[Value], received_ms: int, *, holds: bool
    ) -> None:
        """Report values to whoever wants them; one call a device.

        `received_ms` is the time of values without a time tag.
        """
        objects = self._routes.get(station, {})
        found: dict[Report, list[Reading]] = {}
        for value in values:
            at_ms = received_ms if value.at_ms is None else value.at_ms
            for route in objects.get(value.address, ()):
                reading = route.reading(value, at_ms, holds=holds)
                found.setdefault(route.report, []).append(reading)
        for report, readings in found.items():
            report(readings)

    def names(self, station: int) -> Mapping[int, str]:
        """The points of a station's objects, for people."""
        return {
            address: routes[0].point.name
            for address, routes in self._routes.get(station, {}).items()
        }


def station_of(unit: Unit) -> int:
    """The common address that a device's unit is; DriverFault when it is none."""
    text = str(unit)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LAST_STATION:
        raise DriverFault(
            f"{unit!r} is no common address of IEC 60870-5-104; write 1 to {LAST_STATION}"
        )
    return int(text)


def addresses_of(profile: Profile) -> dict[str, int]:
    """The object address of each item of a profile; DriverFault when an item is none."""
    found: dict[str, int] = {}
    for point in profile.points:
        text = point.item
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LAST_ADDRESS:
            raise DriverFault(
                f"{profile.name}: item {text!r} of {point.name} is no information object address; "
                f"write 1 to {LAST_ADDRESS}"
            )
        found[text] = int(text)
    return found
