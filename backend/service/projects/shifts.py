"""Shifts of a plant by a rota rule, expanded to periods in UTC."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from backend.service.projects.template import ShiftsPart, SlotChange

BACK = timedelta(days=40)
AHEAD = timedelta(days=60)
_EPOCH = date(1970, 1, 1)
_CYCLE_DAYS = 8
_DAY = timedelta(days=1)


class WorkedShift(NamedTuple):
    """One shift of one team at one node."""

    node: str
    start: datetime
    end: datetime
    shift: str
    team: str


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
    )


def _instant(day: date, clock: str, zone: ZoneInfo) -> datetime:
    hours, minutes = (int(part) for part in clock.split(":"))
    local = datetime.combine(day + timedelta(days=hours // 24), time(hours % 24, minutes), zone)
    return local.astimezone(UTC)
