"""What a node does when: work, rest, a make-up workday, a stop, rationed power, maintenance. Pure.

People enter states for a node and a span; a node without an entry has its ancestors', a day without
any has the statutory calendar's, else the weekday rule's. `resolve` is the one place that decides.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final
from uuid import UUID

from backend.aggregation.calendar import DAY, PlantTime
from backend.aggregation.shifts import Pattern
from backend.aggregation.statutory import Statutory


class State(StrEnum):
    """What a node does; the values are stored."""

    WORK = "work"
    REST = "rest"
    MAKEUP = "makeup"
    """A day off in the week's order that is worked instead of another one (调休上班)."""
    STOP = "stop"
    RATIONED = "rationed"
    """Less power than wanted by order of the grid or the authorities (有序用电)."""
    MAINTENANCE = "maintenance"


IDLE: Final = frozenset({State.REST, State.STOP})
"""States in which nobody works: their days have no shifts. Under rationing and maintenance people
are there.
"""


class Origin(StrEnum):
    """Where a state comes from, the strongest first."""

    OWN = "own"
    ANCESTOR = "ancestor"
    STATUTORY = "statutory"
    WEEKDAY = "weekday"


@dataclass(frozen=True, slots=True)
class Entry:
    """A state that somebody entered for a node over [start, end); a later `id` was entered later.

    `whole_days`: it was entered by plant days. `de_energised`: no power flows on purpose.
    """

    id: int
    uid: UUID
    node_id: int
    state: State
    start: datetime
    end: datetime
    whole_days: bool
    de_energised: bool
    note: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds where nobody entered anything: weekdays at rest (1 = Monday), the calendar."""

    rest_weekdays: frozenset[int]
    statutory: Statutory | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a node does in [start, end), and why; `entry` is what somebody entered."""

    start: datetime
    end: datetime
    state: State
    origin: Origin
    entry: Entry | None = None

    @property
    def de_energised(self) -> bool:
        """Whether no power flows on purpose."""
        return self.entry is not None and self.entry.de_energised


def day_state(rules: Rules, day: date) -> tuple[State, Origin]:
    """Answer what a day is where nobody entered anything."""
    if rules.statutory is not None:
        if day in rules.statutory.makeup:
            return State.MAKEUP, Origin.STATUTORY
        if day in rules.statutory.rest:
            return State.REST, Origin.STATUTORY
    at_rest = day.isoweekday() in rules.rest_weekdays
    return (State.REST if at_rest else State.WORK), Origin.WEEKDAY


def resolve(
    plant: PlantTime,
    chain: Sequence[int],
    entries: Iterable[Entry],
    rules: Rules,
    first: date,
    last: date,
) -> list[Stretch]:
    """Answer what a node does on the business days from `first` to before `last`, without gaps.

    `chain` is the node and its ancestors, nearest first. The node's own entry goes before an
    ancestor's, a nearer ancestor's before a farther one's, any entry before the statutory calendar,
    that before the weekday rule; of entries of one node the one entered last counts.
    """
    rank = {node: place for place, node in enumerate(chain)}
    strongest = sorted(
        (one for one in entries if one.node_id in rank), key=lambda e: (rank[e.node_id], -e.id)
    )
    found: list[Stretch] = []
    day = first
    while day < last:
        start, end = plant.start_of(day), plant.start_of(day + DAY)
        inside = [one for one in strongest if one.start < end and one.end > start]
        cuts = {max(start, min(end, cut)) for one in inside for cut in (one.start, one.end)}
        for left, right in pairwise(sorted(cuts | {start, end})):
            entry = next((one for one in inside if one.start <= left and right <= one.end), None)
            if entry is None:
                state, origin = day_state(rules, day)
            else:
                own = entry.node_id == chain[0]
                state, origin = entry.state, Origin.OWN if own else Origin.ANCESTOR
            found.append(Stretch(left, right, state, origin, entry))
        day += DAY
    return found


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Join neighbours that say the same for the same reason."""
    found: list[Stretch] = []
    for one in stretches:
        before = found[-1] if found else None
        if (
            before is not None
            and before.end == one.start
            and replace(before, start=one.start, end=one.end) == one
        ):
            found[-1] = replace(before, end=one.end)
        else:
            found.append(one)
    return found


def worked_days(
    plant: PlantTime,
    chain: Sequence[int],
    entries: Sequence[Entry],
    rules: Rules,
) -> Callable[[Pattern, date], bool]:
    """Answer whether a node's pattern is worked on a day: what `shifts.expand` asks.

    Only entries by whole days count: a stop of some hours leaves the shift on duty. A pattern of
    "all" days is worked at statutory and weekly rest too.
    """
    whole = [one for one in entries if one.whole_days]
    by_day: dict[date, bool | None] = {}

    def works(pattern: Pattern, day: date) -> bool:
        if day not in by_day:
            stretch = resolve(plant, chain, whole, rules, day, day + DAY)[0]
            by_day[day] = None if stretch.entry is None else stretch.state not in IDLE
        entered = by_day[day]
        if entered is not None:
            return entered
        return pattern.days == "all" or day_state(rules, day)[0] not in IDLE

    return works
