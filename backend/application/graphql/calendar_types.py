"""What a plant's calendar looks like from outside: states, shifts, patterns, settings, spans."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum

import msgspec
import strawberry

from backend.aggregation import operating, shifts
from backend.aggregation.comparison import Spans
from backend.aggregation.statutory import Statutory
from backend.application.graphql.naming import Name
from backend.application.graphql.scalars import Json
from backend.core.ids import encode_id
from backend.service.calendar.patterns import PatternRow
from backend.service.calendar.settings import Settings
from backend.service.calendar.states import StateRow


@strawberry.enum
class State(Enum):
    """What a node does; MAKEUP is a day off that is worked instead of another (调休上班)."""

    WORK = "WORK"
    REST = "REST"
    MAKEUP = "MAKEUP"
    STOP = "STOP"
    RATIONED = "RATIONED"
    MAINTENANCE = "MAINTENANCE"

    @property
    def stored(self) -> operating.State:
        """As the database has it."""
        return operating.State[self.value]


@strawberry.enum
class StateOrigin(Enum):
    """Where a state comes from, the strongest first."""

    OWN = "OWN"
    ANCESTOR = "ANCESTOR"
    STATUTORY = "STATUTORY"
    WEEKDAY = "WEEKDAY"


@strawberry.enum
class Comparison(Enum):
    """What to compare with: before (环比), a year before (同比), days around Spring Festival."""

    MOM = "MOM"
    YOY = "YOY"
    SPRING_FESTIVAL = "SPRING_FESTIVAL"


@strawberry.enum
class Align(Enum):
    """How days are matched: by date, by weekday, or by being worked or not."""

    DATE = "DATE"
    WEEKDAY = "WEEKDAY"
    DAY_TYPE = "DAY_TYPE"


@strawberry.type
class OperatingState:
    """A state that somebody entered for a node; days are both in it, null where it is by hours."""

    id: strawberry.ID
    node_id: strawberry.ID
    state: State
    start: datetime
    end: datetime
    first_day: date | None
    last_day: date | None
    de_energised: bool = strawberry.field(
        description="No power flows on purpose: figures are 0 with this reason, not missing."
    )
    note: str
    source: str = strawberry.field(description="person, template, ics or sheet.")

    @classmethod
    def of(cls, row: StateRow, node: str) -> "OperatingState":
        """Answer a stored state of a node with this outside identity."""
        return cls(
            id=strawberry.ID(encode_id("opst", row.uid)),
            node_id=strawberry.ID(node),
            state=State[row.state.upper()],
            start=row.start_ts,
            end=row.end_ts,
            first_day=row.first_day,
            last_day=row.last_day,
            de_energised=row.de_energised,
            note=row.note,
            source=row.source,
        )


@strawberry.type
class StateStretch:
    """What a node does in [start, end), and why."""

    start: datetime
    end: datetime
    state: State
    origin: StateOrigin
    entry_id: strawberry.ID | None
    de_energised: bool
    note: str

    @classmethod
    def of(cls, one: operating.Stretch) -> "StateStretch":
        """Answer a resolved stretch."""
        entry = one.entry
        return cls(
            start=one.start,
            end=one.end,
            state=State[one.state.name],
            origin=StateOrigin[one.origin.name],
            entry_id=None if entry is None else strawberry.ID(encode_id("opst", entry.uid)),
            de_energised=one.de_energised,
            note="" if entry is None else entry.note,
        )


@strawberry.type
class CalendarDay:
    """A business day of a node: its bounds, what it does, and the name of a statutory holiday."""

    day: date
    start: datetime
    end: datetime
    stretches: list[StateStretch]
    holiday: Name | None
    spring_festival: bool


@strawberry.type
class ShiftSlot:
    """A shift of a day by the clock on the wall; one that ends before it begins ends next day."""

    name: str
    start: str
    end: str


@strawberry.type
class ShiftTurn:
    """Which team works a slot."""

    slot: str
    team: str


@strawberry.type
class ShiftRule:
    """Slots, and who works which of them on each day of the cycle, from the day `anchor` on."""

    slots: list[ShiftSlot]
    cycle: list[list[ShiftTurn]]
    anchor: date
    every_day: bool = strawberry.field(
        description="Worked at weekly and statutory rest too, only not when stopped by an entry."
    )

    @classmethod
    def of(cls, pattern: shifts.Pattern) -> "ShiftRule":
        """Answer a pattern."""
        return cls(
            slots=[ShiftSlot(name=s.name, start=s.start, end=s.end) for s in pattern.slots],
            cycle=[
                [ShiftTurn(slot=slot, team=team) for slot, team in day.items()]
                for day in pattern.cycle
            ],
            anchor=pattern.anchor,
            every_day=pattern.days == "all",
        )


@strawberry.type
class ShiftPattern:
    """A node's pattern on the business days from `valid_from` to before `valid_to`."""

    id: strawberry.ID
    node_id: strawberry.ID
    name: Name
    rule: ShiftRule
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, row: PatternRow, node: str) -> "ShiftPattern":
        """Answer a stored pattern of a node with this outside identity."""
        return cls(
            id=strawberry.ID(encode_id("shpt", row.uid)),
            node_id=strawberry.ID(node),
            name=Name.of(row.name),
            rule=ShiftRule.of(shifts.read_pattern(row.rule)),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )


@strawberry.type
class ReadyPattern:
    """A shift pattern that ships."""

    code: str
    name: Name
    rule: ShiftRule


@strawberry.type
class ShiftPeriod:
    """A shift of a team, both empty where nobody works, and the business day it counts to."""

    start: datetime
    end: datetime
    shift: str
    team: str
    day: date | None


@strawberry.type
class StatutoryYear:
    """What was announced for a year, by whom, and whether a person has confirmed the rows."""

    year: int
    source: Name
    confirmed: bool


@strawberry.type
class StatutoryCalendar:
    """A statutory calendar that a project may choose."""

    code: str
    name: Name
    years: list[StatutoryYear]

    @classmethod
    def of(cls, found: Statutory) -> "StatutoryCalendar":
        """Answer a calendar that ships."""
        return cls(
            code=found.code,
            name=Name.of(dict(found.name)),
            years=[
                StatutoryYear(year=number, source=Name.of(year.source), confirmed=year.confirmed)
                for number, year in sorted(found.years.items())
            ],
        )


@strawberry.type
class CalendarSettings:
    """Where days, weeks, months and years begin, and which days are at rest (1 = Monday)."""

    day_start_minute: int
    week_start: int
    month_start_day: int
    year_start_month: int
    calendar: str | None
    rest_weekdays: list[int]
    regrouping_s: float = strawberry.field(
        description="Seconds of the past whose longer periods are still summed anew."
    )

    @classmethod
    def of(cls, found: Settings, regrouping_s: float) -> "CalendarSettings":
        """Answer a project's calendar."""
        return cls(
            day_start_minute=found.day_start_minute,
            week_start=found.week_start,
            month_start_day=found.month_start_day,
            year_start_month=found.year_start_month,
            calendar=found.calendar,
            rest_weekdays=found.rest_weekdays,
            regrouping_s=regrouping_s,
        )


@strawberry.type
class ComparedSpans:
    """A period [start, end), and what it is compared with."""

    start: datetime
    end: datetime
    other_start: datetime
    other_end: datetime

    @classmethod
    def of(cls, spans: Spans) -> "ComparedSpans":
        """Answer two spans."""
        return cls(
            start=spans.start,
            end=spans.end,
            other_start=spans.other_start,
            other_end=spans.other_end,
        )


@strawberry.type
class ImportedState:
    """A state as a row of a file says it: by days (both in it) or by instants."""

    row: int
    node_id: strawberry.ID
    state: State
    first_day: date | None
    last_day: date | None
    start: datetime | None
    end: datetime | None
    de_energised: bool
    note: str


@strawberry.type
class StateFault:
    """What is wrong with which row (of a sheet) or line (of a calendar file) and which field.

    Texts are `errors.<code>` of the catalogue, filled with `params`.
    """

    row: int
    field: str
    code: str
    params: Json


@strawberry.type
class ImportedStates:
    """What a file says: states to enter or entered, how many were there already, faults."""

    kept: int
    known: int
    states: list[ImportedState]
    faults: list[StateFault]


@strawberry.input
class StateInput:
    """A state as it is to be: by days (both in it), or from an instant to before another."""

    state: State
    first_day: date | None = None
    last_day: date | None = None
    start: datetime | None = None
    end: datetime | None = None
    de_energised: bool = False
    note: str = ""


@strawberry.input
class ShiftSlotInput:
    """A shift of a day, at quarter hours by the clock on the wall, for instance 08:00 to 16:00."""

    name: str
    start: str
    end: str


@strawberry.input
class ShiftTurnInput:
    """Which team works a slot."""

    slot: str
    team: str


@strawberry.input
class ShiftRuleInput:
    """A shift pattern's rule."""

    slots: list[ShiftSlotInput]
    cycle: list[list[ShiftTurnInput]]
    anchor: date
    every_day: bool = False

    def document(self) -> Mapping[str, object]:
        """Answer the rule as it is stored."""
        return {
            "slots": [
                {"name": slot.name, "start": slot.start, "end": slot.end} for slot in self.slots
            ],
            "cycle": [{turn.slot: turn.team for turn in day} for day in self.cycle],
            "anchor": msgspec.to_builtins(self.anchor),
            "days": "all" if self.every_day else "calendar",
        }


@strawberry.input
class CalendarInput:
    """What is to change of a project's calendar; what is not named stays."""

    day_start_minute: int | None = None
    week_start: int | None = None
    month_start_day: int | None = None
    year_start_month: int | None = None
    calendar: str | None = strawberry.field(default=None, description='"" for none.')
    rest_weekdays: list[int] | None = None
