"""Stretches of a meter's account that do not simply stand on readings, and why: pure.

A quarter hour of a meter is plain, or one kind of gap; neighbours of one kind and cause are one
stretch. A cause is what the platform recorded of that time, the nearest first: people's exclusions,
a register that is held or judged, a device that said it is another, a clock that was wrong; else
who else was silent: all meters of the gateway (offline or its link cut), all of the device, or only
this one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.contract.quality import Quality


class Gap(StrEnum):
    """What a quarter hour is instead of plain; texts under `quality.gap.<value>`."""

    MISSING = "missing"
    ESTIMATED = "estimated"
    SUSPECT = "suspect"
    MANUAL = "manual"
    SUBSTITUTED = "substituted"
    PLANNED = "planned"


class Cause(StrEnum):
    """Why, where it is known; texts under `quality.cause.<value>`."""

    EXCLUDED = "excluded"
    HELD = "held"
    JUDGED = "judged"
    CHANGED = "changed"
    CLOCK = "clock"
    GATEWAY = "gateway"
    DEVICE = "device"
    REGISTER = "register"


GAPS: Final[Mapping[Quality, Gap]] = {
    Quality.ESTIMATED: Gap.ESTIMATED,
    Quality.SUBSTITUTED: Gap.SUBSTITUTED,
    Quality.MANUAL: Gap.MANUAL,
    Quality.SUSPECT: Gap.SUSPECT,
    Quality.MISSING: Gap.MISSING,
}
SILENT: Final = (Gap.MISSING, Gap.ESTIMATED)
"""Kinds that come from readings that are not there."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Quarter hours [first, last) of a meter, counted from the span's beginning."""

    meter_id: int
    gap: Gap
    cause: Cause | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is recorded of a register: a cause for quarter hours [first, last)."""

    meter_id: int
    cause: Cause
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a meter hangs; None for one that no gateway reads."""

    device_id: int | None
    gateway_id: int | None


Row = Sequence[Gap | None]
"""A meter's quarter hours: None = plain or not expected."""


def stretches(
    rows: Mapping[int, Row],
    places: Mapping[int, Place],
    recorded: Iterable[Recorded],
    wanted: Iterable[int],
) -> list[Stretch]:
    """Answer the stretches of the wanted meters in time's order.

    `rows` and `places` are those of all meters of the same gateways: who else was silent tells.
    """
    told = _recorded(recorded)
    silent = _Silence(rows, places)
    found: list[Stretch] = []
    for meter in wanted:
        known = told.get(meter, {})
        run: Stretch | None = None
        for number, gap in enumerate(rows.get(meter, ())):
            cause = None if gap is None else known.get(number) or silent.cause(meter, number, gap)
            if run and gap == run.gap and cause == run.cause and run.last == number:
                run = Stretch(meter, run.gap, run.cause, run.first, number + 1)
                found[-1] = run
            elif gap is not None:
                run = Stretch(meter, gap, cause, number, number + 1)
                found.append(run)
            else:
                run = None
    return sorted(found, key=lambda one: (one.first, one.meter_id))


def _recorded(recorded: Iterable[Recorded]) -> dict[int, dict[int, Cause]]:
    """Causes by meter and quarter hour; of several the one that Cause names first."""
    order = list(Cause)
    found: dict[int, dict[int, Cause]] = {}
    for one in recorded:
        known = found.setdefault(one.meter_id, {})
        for number in range(one.first, one.last):
            other = known.get(number)
            if other is None or order.index(one.cause) < order.index(other):
                known[number] = one.cause
    return found


class _Silence:
    """Who is silent in a quarter hour, among meters of one device and of one gateway."""

    def __init__(self, rows: Mapping[int, Row], places: Mapping[int, Place]) -> None:
        self._rows = rows
        self._places = places
        self._of_device: dict[int, list[int]] = {}
        self._of_gateway: dict[int, list[int]] = {}
        for meter, place in places.items():
            if place.device_id is not None and meter in rows:
                self._of_device.setdefault(place.device_id, []).append(meter)
            if place.gateway_id is not None and meter in rows:
                self._of_gateway.setdefault(place.gateway_id, []).append(meter)
        self._known: dict[tuple[int, int], bool] = {}

    def cause(self, meter: int, number: int, gap: Gap) -> Cause | None:
        """Answer who was silent with it; None for what is no silence."""
        place = self._places.get(meter)
        if gap not in SILENT or place is None or place.gateway_id is None:
            return None
        if self._all_silent(place.gateway_id, number):
            return Cause.GATEWAY
        if place.device_id is not None:
            mates = self._of_device.get(place.device_id, [])
            if len(mates) == 1 or all(self._is_silent(one, number) for one in mates):
                return Cause.DEVICE
        return Cause.REGISTER

    def _all_silent(self, gateway: int, number: int) -> bool:
        known = self._known.get((gateway, number))
        if known is None:
            mates = self._of_gateway[gateway]
            devices = {self._places[one].device_id for one in mates}
            known = len(devices) > 1 and all(self._is_silent(one, number) for one in mates)
            self._known[gateway, number] = known
        return known

    def _is_silent(self, meter: int, number: int) -> bool:
        return self._rows[meter][number] in SILENT
