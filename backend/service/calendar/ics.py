"""Calendar files (RFC 5545), the part of them that says on which days or at which times.

Events with DTSTART and DTEND as dates, as UTC or in a named zone; without a zone they are by the
plant's clock. An event that comes again every year is taken up to a horizon, any other recurrence
is refused. What is wrong is named by the line of the file and the property. Pure.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backend.core.errors import Param

DAY: Final = timedelta(days=1)
MAX_EVENTS: Final = 2000
_PROPERTY: Final = re.compile(r'^([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:]*))*):(.*)$')
_PARAMETER: Final = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^";:]*)')
_MOMENT: Final = re.compile(r"^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$")
_YEARLY: Final = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY"}


@dataclass(frozen=True, slots=True)
class Fault(Exception):
    """What is wrong with which line or row, and which field: a code of the catalogue."""

    row: int
    field: str
    code: str
    params: Mapping[str, Param] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An event: whole days (both in it) or instants, what it is called, and its line."""

    row: int
    summary: str
    first_day: date | None = None
    last_day: date | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A property of an event: where it stands, its parameters and its value."""

    row: int
    name: str
    parameters: Mapping[str, str]
    value: str


def is_calendar(text: str) -> bool:
    """Tell whether a text is such a file."""
    return text.lstrip("\ufeff \t\r\n")[:15].upper() == "BEGIN:VCALENDAR"


def read_events(text: str, zone: ZoneInfo, horizon: date) -> tuple[list[Event], list[Fault]]:
    """Answer the events of a file, those of every year up to `horizon`, and what is wrong."""
    events: list[Event] = []
    faults: list[Fault] = []
    for row, lines in _events(text, faults):
        try:
            events.extend(_occurrences(row, lines, zone, horizon))
        except Fault as fault:
            faults.append(fault)
        if len(events) > MAX_EVENTS:
            return events[:MAX_EVENTS], [*faults, Fault(row, "VEVENT", "ics_many", _most())]
    return events, faults


def _most() -> dict[str, Param]:
    return {"most": MAX_EVENTS}


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Answer logical lines with the number of their first physical one."""
    held: tuple[int, str] | None = None
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if line[:1] in {" ", "\t"} and held is not None:
            held = held[0], held[1] + line[1:]
            continue
        if held is not None:
            yield held
        held = number, line
    if held is not None:
        yield held


def _events(text: str, faults: list[Fault]) -> Iterator[tuple[int, list[Line]]]:
    """Answer the properties of each event; alarms and others inside it are passed over."""
    path: list[str] = []
    begun, lines = 0, list[Line]()
    for line in _lines(text, faults):
        if line.name == "BEGIN":
            path.append(line.value.upper())
            if path[-1] == "VEVENT":
                begun, lines = line.row, []
        elif line.name == "END":
            if path[-1:] == ["VEVENT"]:
                yield begun, lines
            path = path[:-1]
        elif path[-1:] == ["VEVENT"]:
            lines.append(line)
    if path:
        faults.append(Fault(begun or 1, "END", "ics_end", {"part": path[-1]}))


def _lines(text: str, faults: list[Fault]) -> Iterator[Line]:
    for row, written in _unfolded(text):
        found = _PROPERTY.match(written)
        if found is not None:
            parameters = {key.upper(): one.strip('"') for key, one in _PARAMETER.findall(found[2])}
            yield Line(row, found[1].upper(), parameters, found[3].strip())
        elif written.strip():
            faults.append(Fault(row, "", "ics_line"))


def _occurrences(row: int, lines: Sequence[Line], zone: ZoneInfo, horizon: date) -> Iterator[Event]:
    known = {line.name: line for line in lines}
    start = known.get("DTSTART")
    if start is None:
        raise Fault(row, "DTSTART", "ics_missing", {"property": "DTSTART"})
    for name in ("DURATION", "RDATE", "EXDATE"):
        if name in known:
            raise Fault(known[name].row, name, "ics_property", {"property": name})
    begin = _moment(start, zone)
    end = _end(begin, known.get("DTEND"), zone)
    summary = known.get("SUMMARY")
    told = "" if summary is None else re.sub(r"\\([,;\\nN])", r"\1", summary.value)
    for years in _years(begin, known.get("RRULE"), horizon):
        yield _event(row, told, _later(begin, years), _later(end, years))


def _event(row: int, summary: str, begin: date | datetime, end: date | datetime) -> Event:
    if isinstance(begin, datetime) and isinstance(end, datetime):
        return Event(row, summary, start=begin.astimezone(UTC), end=end.astimezone(UTC))
    return Event(row, summary, first_day=begin, last_day=end - DAY)


def _end(begin: date | datetime, line: Line | None, zone: ZoneInfo) -> date | datetime:
    """Answer when an event is over; a day without an end is that day."""
    if line is None:
        return begin + DAY if not isinstance(begin, datetime) else begin
    end = _moment(line, zone)
    if isinstance(begin, datetime) is not isinstance(end, datetime):
        raise Fault(line.row, "DTEND", "ics_mixed")
    if end <= begin:
        raise Fault(line.row, "DTEND", "ics_order")
    return end


def _moment(line: Line, zone: ZoneInfo) -> date | datetime:
    """Answer a date, or a time in its own zone. Raises Fault."""
    found = _MOMENT.match(line.value)
    if found is None:
        raise Fault(line.row, line.name, "ics_time", {"value": line.value[:40]})
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
        if found[4] is None:
            return day
        named = line.parameters.get("TZID")
        at = UTC if found[7] else zone if named is None else ZoneInfo(named)
        return datetime(
            day.year, day.month, day.day, int(found[4]), int(found[5]), int(found[6]), tzinfo=at
        )
    except (ZoneInfoNotFoundError, OSError) as error:
        told = {"zone": line.parameters["TZID"][:40]}
        raise Fault(line.row, line.name, "ics_zone", told) from error
    except ValueError as error:
        raise Fault(line.row, line.name, "ics_time", {"value": line.value[:40]}) from error


def _years(begin: date | datetime, rule: Line | None, horizon: date) -> list[int]:
    """Answer in which years after the first an event comes again."""
    if rule is None:
        return [0]
    parts = dict(
        part.upper().split("=", 1) for part in rule.value.split(";") if part.count("=") == 1
    )
    simple = parts.get("FREQ") == "YEARLY" and parts.get("INTERVAL", "1") == "1"
    if not simple or set(parts) - _YEARLY or not _same_day(begin, parts):
        raise Fault(rule.row, "RRULE", "ics_rule", {"rule": rule.value[:60]})
    last = horizon.year - begin.year
    if parts.get("COUNT", "").isdecimal():
        last = min(last, int(parts["COUNT"]) - 1)
    if parts.get("UNTIL", "")[:8].isdecimal():
        until = parts["UNTIL"][:8]
        last = min(last, int(until[:4]) - begin.year - (until[4:] < f"{begin:%m%d}"))
    return list(range(max(last, 0) + 1))


def _same_day(begin: date | datetime, parts: Mapping[str, str]) -> bool:
    """Whether BYMONTH and BYMONTHDAY say no more than the event's own beginning."""
    return parts.get("BYMONTH", str(begin.month)) == str(begin.month) and parts.get(
        "BYMONTHDAY", str(begin.day)
    ) == str(begin.day)


def _later(moment: date | datetime, years: int) -> date | datetime:
    """Answer the same date some years later; 28 February where there is no 29th."""
    leap = (moment.month, moment.day) == (2, 29)
    return moment.replace(year=moment.year + years, day=28 if leap and years else moment.day)
