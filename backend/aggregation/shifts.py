"""Shifts of a node by a rule, cut into rows that cover time without gaps. Pure.

A pattern says which slots a day has (wall times, over midnight too) and which team works which slot
on which day of the rota. Its rows are the worked shifts and, between them, rows without shift and
team ("off"), cut where the plant's days begin; so the shifts of a day add up to the day wherever
days begin at a shift's border. A row belongs to the business day that its first instant is in:
where days begin at 08:00, the slot from 00:00 to 08:00 is the last of its day.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
import yaml

from backend.aggregation.calendar import DAY, PlantTime, wall_instant

DAY_MINUTES: Final = 24 * 60
READY_MADE: Final = Path(__file__).parent / "calendars" / "patterns.yaml"

Clock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):(00|15|30|45)$|^24:00$")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class PatternError(ValueError):
    """A pattern that cannot be; the text says what is wrong with which part of it."""


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One shift of a day by the clock on the wall, at quarter hours."""

    name: Label
    start: Clock
    end: Clock

    def minutes(self) -> tuple[int, int]:
        """Answer its bounds in minutes after the day's midnight; the end is after the start."""
        start, end = _minutes(self.start), _minutes(self.end)
        return start, end if end > start else end + DAY_MINUTES


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shift pattern: slots of a day, and the team of each slot on each day of the cycle.

    `days`: "calendar" works on working days only, "all" on every day that no entry stops.
    """

    slots: Annotated[list[Slot], msgspec.Meta(min_length=1, max_length=12)]
    cycle: Annotated[list[dict[str, Label]], msgspec.Meta(min_length=1, max_length=400)]
    anchor: date
    days: Annotated[str, msgspec.Meta(pattern="^(calendar|all)$")] = "calendar"

    def teams_on(self, day: date) -> Mapping[str, str]:
        """Answer the team of each slot that is worked on a day."""
        return self.cycle[(day - self.anchor).days % len(self.cycle)]


class ShiftRow(NamedTuple):
    """A row in UTC: shift and team ('' where nobody works), the business day it counts to."""

    start: datetime
    end: datetime
    shift: str
    team: str
    day: date


@dataclass(frozen=True, slots=True)
class DatedPattern:
    """A pattern in force on the days from `first` to before `last` (None: without end)."""

    pattern: Pattern
    first: date
    last: date | None = None

    def holds(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.first <= day and (self.last is None or day < self.last)


def read_pattern(document: object) -> Pattern:
    """Answer the pattern of a stored or sent document. Raises PatternError."""
    try:
        pattern = msgspec.convert(document, Pattern)
    except msgspec.ValidationError as error:
        raise PatternError(str(error)) from error
    names = [slot.name for slot in pattern.slots]
    if len(set(names)) < len(names):
        raise PatternError("two slots have the same name - `$.slots`")
    bounds = sorted(slot.minutes() for slot in pattern.slots)
    following = [*bounds[1:], (bounds[0][0] + DAY_MINUTES, 0)]
    if any(one[1] > other[0] for one, other in zip(bounds, following, strict=True)):
        raise PatternError("slots overlap - `$.slots`")
    for place, worked in enumerate(pattern.cycle):
        unknown = sorted(set(worked) - set(names))
        if unknown:
            raise PatternError(f"{unknown[0]!r} is no slot - `$.cycle[{place}]`")
    return pattern


@cache
def ready_made() -> Mapping[str, tuple[Mapping[str, str], Pattern]]:
    """Answer the patterns that ship, each with its name in both languages."""
    documents = yaml.safe_load(READY_MADE.read_text("utf-8"))
    return {code: (one.pop("name"), read_pattern(one)) for code, one in documents.items()}


def expand(
    plant: PlantTime,
    patterns: Sequence[DatedPattern],
    works: Callable[[Pattern, date], bool],
    first: date,
    last: date,
) -> Iterator[ShiftRow]:
    """Answer rows that cover the business days from `first` to before `last`, in order.

    `works` says whether a pattern is worked on a business day. A shift that a later one overtakes
    (another pattern came into force) ends where that begins; what lies over the two ends is cut.
    """
    cursor, bound = plant.start_of(first), plant.start_of(last)
    worked = list(_worked(plant, patterns, works, first - 2 * DAY, last + DAY))
    for place, shift in enumerate(worked):
        following = worked[place + 1].start if place + 1 < len(worked) else bound
        start = max(shift.start, cursor)
        end = min(shift.end, following, bound)
        if end <= start:
            continue
        yield from _off(plant, cursor, start)
        yield ShiftRow(start, end, shift.shift, shift.team, plant.day_of(start))
        cursor = end
    yield from _off(plant, cursor, bound)


def _worked(
    plant: PlantTime,
    patterns: Sequence[DatedPattern],
    works: Callable[[Pattern, date], bool],
    first: date,
    last: date,
) -> Iterator[ShiftRow]:
    """Answer the worked shifts of some days by their beginnings."""
    day = first
    while day < last:
        pattern = next((one.pattern for one in patterns if one.holds(day)), None)
        if pattern is not None and works(pattern, day):
            teams = pattern.teams_on(day)
            for (begin, end), name in _in_order(pattern, plant.day_start_minute):
                if name in teams:
                    start = wall_instant(plant.zone, day, begin)
                    stop = wall_instant(plant.zone, day, end)
                    yield ShiftRow(start, stop, name, teams[name], day)
        day += DAY


def _in_order(pattern: Pattern, day_start: int) -> list[tuple[tuple[int, int], str]]:
    """Answer the slots of a business day as they follow each other, in minutes after midnight."""
    found = []
    for slot in pattern.slots:
        start, end = slot.minutes()
        later = DAY_MINUTES if start < day_start else 0
        found.append(((start + later, end + later), slot.name))
    return sorted(found)


def _off(plant: PlantTime, start: datetime, end: datetime) -> Iterator[ShiftRow]:
    while start < end:
        day = plant.day_of(start)
        stop = min(plant.start_of(day + DAY), end)
        yield ShiftRow(start, stop, "", "", day)
        start = stop


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
