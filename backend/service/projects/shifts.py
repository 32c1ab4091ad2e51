"""Shifts of a plant by a rota rule, expanded to periods in UTC."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from backend.aggregation.calendar import PlantTime
from backend.service.projects.template import ShiftsPart, SlotChange

BACK = timedelta(days=40)
AHEAD = timedelta(days=60)
_EPOCH = date(1970, 1, 1)
_CYCLE_DAYS = 8
_DAY = timedelta(days=1)


class WorkedShift(NamedTuple):
    """One shift of one team at one node, and the business day that it belongs to.

    Shift and team are '' for time that nobody works.
    """

    node: str
    start: datetime
    end: datetime
    shift: str
    team: str
    day: date


def expand(
    shifts: ShiftsPart, holidays: frozenset[date], zone: ZoneInfo, first: date, last: date
) -> Iterator[WorkedShift]:
    """The shifts of the local days from `first` to `last`, both included."""
    day = first
    while day <= last:
        if day.isoweekday() in shifts.weekdays and day not in holidays:
            for node, slots in shifts.nodes.items():
                for name, change in slots.items():
                    yield _shift(shifts, zone, day, node, name, change)
        day += _DAY


def without_gaps(
    worked: Iterable[WorkedShift], plant: PlantTime, first: date, last: date
) -> Iterator[WorkedShift]:
    """Answer the shifts and, between them, what nobody works of the days from `first` to `last`.

    Time off is cut where a business day begins.
    """
    nodes: dict[str, list[WorkedShift]] = {}
    for shift in worked:
        nodes.setdefault(shift.node, []).append(shift)
    for node, shifts in nodes.items():
        at = plant.start_of(first)
        for shift in sorted(shifts, key=lambda one: one.start):
            yield from _off(node, plant, at, shift.start)
            yield shift
            at = max(at, shift.end)
        yield from _off(node, plant, at, plant.start_of(last + _DAY))


def _off(node: str, plant: PlantTime, start: datetime, end: datetime) -> Iterator[WorkedShift]:
    while start < end:
        day = plant.day_of(start)
        stop = min(end, plant.start_of(day + _DAY))
        yield WorkedShift(node, start, stop, "", "", day)
        start = stop


def team_of(shifts: ShiftsPart, day: date, phase: int) -> str:
    """The team on duty: team k works the phase ((day + 2k) mod 8) / 2 of the eight-day rota."""
    number = (day - _EPOCH).days
    return next(
        team
        for index, team in enumerate(shifts.teams)
        if (number + 2 * index) % _CYCLE_DAYS // 2 == phase
    )


def holiday_dates(spans: list[tuple[str, int]]) -> frozenset[date]:
    """Every date of spans of (first day, number of days)."""
    return frozenset(
        date.fromisoformat(first) + timedelta(days=offset)
        for first, count in spans
        for offset in range(count)
    )


def _shift(
    shifts: ShiftsPart, zone: ZoneInfo, day: date, node: str, name: str, change: SlotChange
) -> WorkedShift:
    slot = shifts.slots[name]
    return WorkedShift(
        node,
        _instant(day, change.start or slot.start, zone),
        _instant(day, change.end or slot.end, zone),
        name,
        team_of(shifts, day, slot.phase),
        day,
    )


def _instant(day: date, clock: str, zone: ZoneInfo) -> datetime:
    hours, minutes = (int(part) for part in clock.split(":"))
    local = datetime.combine(day + timedelta(days=hours // 24), time(hours % 24, minutes), zone)
    return local.astimezone(UTC)
