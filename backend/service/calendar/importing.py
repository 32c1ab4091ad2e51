"""States from files: calendar files (ICS) and sheets (XLSX, CSV, JSON), looked at before they are
kept.

A dry run is the same reading without keeping. Every fault names the row of the sheet (or the line
of the calendar file) and the field; a file with faults is refused whole unless the caller wants the
rest kept. What is there already is not entered again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from backend.aggregation.operating import State
from backend.core import audit
from backend.core.errors import InvalidInput
from backend.core.ids import encode_id
from backend.service.calendar import states
from backend.service.calendar.effects import Change
from backend.service.calendar.ics import Event, Fault, is_calendar, read_events
from backend.service.calendar.states import Span, StateRow, Wanted
from backend.service.imports import cells
from backend.service.imports.sheet import Cell, Sheet, read_sheet
from backend.service.people.asker import Asker

MAX_BYTES: Final = 70_000
"""In base64 it still is one GraphQL request."""
MAX_ROWS: Final = 2000
YEARS_AHEAD: Final = 3
"""How far events that come every year are taken."""
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "node": ("node", "place", "节点", "车间", "部门"),
    "state": ("state", "status", "状态", "类型"),
    "firstDay": ("first day", "first", "from", "start date", "开始日期", "开始", "起始日期"),
    "lastDay": ("last day", "last", "to", "end date", "结束日期", "结束", "截止日期"),
    "start": ("start", "start time", "开始时间", "起始时间"),
    "end": ("end", "end time", "结束时间", "终止时间"),
    "deEnergised": ("de-energised", "de-energized", "power off", "断电", "停电"),
    "note": ("note", "remark", "备注", "说明"),
}
WORDS: Final[Mapping[State, tuple[str, ...]]] = {
    State.MAKEUP: ("makeup", "make-up workday", "make-up", "调休上班", "补班", "班"),
    State.RATIONED: ("rationed", "rationing", "限电", "有序用电", "错峰"),
    State.MAINTENANCE: ("maintenance", "overhaul", "检修", "维修"),
    State.STOP: ("stop", "shutdown", "停产", "停机", "停工"),
    State.REST: ("rest", "holiday", "休息", "放假", "休", "假"),
    State.WORK: ("work", "workday", "working day", "上班", "工作", "生产"),
}
"""What people call the states, the first that is found in a title counts."""
YES: Final = frozenset({"yes", "y", "true", "1", "x", "是", "断电"})
NO: Final = frozenset({"", "no", "n", "false", "0", "否"})


@dataclass(frozen=True, slots=True)
class Places:
    """The nodes of a project by what people write (slug or a name, in small letters)."""

    by_name: Mapping[str, int]
    default: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A state as a row of the file says it."""

    row: int
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file says: states to enter, those there already, and what is wrong."""

    planned: list[Planned]
    known: int
    faults: list[Fault]


async def look(change: Change, content: bytes, places: Places, default: State | None) -> Plan:
    """Read a file; InvalidInput when it cannot be read at all.

    `default` is the state of what names none.
    """
    if len(content) > MAX_BYTES:
        raise InvalidInput("import_file_large", most=MAX_BYTES // 1000)
    zone = change.plant.zone
    if is_calendar(content[:200].decode("utf-8", "replace")):
        horizon = date(change.now.year + YEARS_AHEAD, 12, 31)
        events, faults = read_events(content.decode("utf-8", "replace"), zone, horizon)
        planned = _from_events(events, places, default, faults)
    else:
        planned, faults = from_sheet(read_sheet(content), zone, places, default)
    if len(planned) > MAX_ROWS:
        raise InvalidInput("sheet_rows", most=MAX_ROWS)
    kept = [one for one in planned if _holds(change, one, faults)]
    fresh = await _fresh(change, kept)
    return Plan(fresh, len(kept) - len(fresh), sorted(faults, key=lambda fault: fault.row))


async def keep(change: Change, plan: Plan, asker: Asker, *, rest: bool) -> list[StateRow]:
    """Enter what a file says, all of it or, with `rest`, what is right; InvalidInput otherwise."""
    if plan.faults and not rest:
        first = plan.faults[0]
        raise InvalidInput(
            "import_faults", count=len(plan.faults), row=first.row, field=first.field
        )
    rows = [await states.insert(change, one.wanted) for one in plan.planned]
    await states.follow(change, rows)
    deed = audit.Deed(
        encode_id("per", asker.uid),
        "state.import",
        "",
        "done",
        asker.person_id,
        None,
        {"entered": len(rows), "known": plan.known, "refused": len(plan.faults)},
    )
    await audit.record(change.tx, change.project_id, deed, change.now)
    return rows


def state_of(written: str) -> State | None:
    """Answer the state that a word or a title names; None for none."""
    text = written.strip().lower()
    exact = next((state for state, words in WORDS.items() if text in words), None)
    if exact is not None:
        return exact
    return next(
        (state for state, words in WORDS.items() if any(_has(text, word) for word in words)), None
    )


def _has(text: str, word: str) -> bool:
    if word.isascii():
        return re.search(rf"\b{re.escape(word)}\b", text) is not None
    return word in text


def _from_events(
    events: Sequence[Event], places: Places, default: State | None, faults: list[Fault]
) -> list[Planned]:
    planned = []
    for event in events:
        state = state_of(event.summary) or default
        if state is None:
            faults.append(Fault(event.row, "SUMMARY", "row_state", {"value": event.summary[:40]}))
            continue
        span = Span(event.first_day, event.last_day, event.start, event.end)
        note = event.summary[: states.MAX_NOTE]
        planned.append(
            Planned(event.row, Wanted(places.default, state, span, note=note, source="ics"))
        )
    return planned


def from_sheet(
    sheet: Sheet, zone: ZoneInfo, places: Places, default: State | None
) -> tuple[list[Planned], list[Fault]]:
    """Answer the states of a sheet's rows, and what is wrong with which row and field."""
    columns, faults = _columns(sheet.headers)
    planned: list[Planned] = []
    if faults:
        return planned, faults
    for row, written in sheet.rows:
        fields = {
            name: written[place] if place < len(written) else None
            for name, place in columns.items()
        }
        try:
            planned.append(Planned(row, _wanted(row, fields, zone, places, default)))
        except Fault as fault:
            faults.append(fault)
    return planned, faults


def _columns(headers: Sequence[str]) -> tuple[dict[str, int], list[Fault]]:
    known = {name: field for field, names in COLUMNS.items() for name in names}
    found: dict[str, int] = {}
    faults: list[Fault] = []
    for place, header in enumerate(headers):
        field = known.get(" ".join(header.lower().replace("_", " ").split()))
        if header and field is None:
            faults.append(Fault(1, header, "column_unknown", {"column": header}))
        elif field is not None and field in found:
            faults.append(Fault(1, header, "column_twice", {"column": header}))
        elif field is not None:
            found[field] = place
    if not faults and "firstDay" not in found and "start" not in found:
        faults.append(Fault(1, "firstDay", "column_missing", {"column": "first day"}))
    return found, faults


def _wanted(
    row: int,
    fields: Mapping[str, Cell],
    zone: ZoneInfo,
    places: Places,
    default: State | None,
) -> Wanted:
    texts = {name: _read(row, name, fields) for name in ("node", "state", "deEnergised", "note")}
    node = places.default
    if texts["node"]:
        named = places.by_name.get(texts["node"].lower())
        if named is None:
            raise Fault(row, "node", "row_node", {"value": texts["node"][:40]})
        node = named
    state = state_of(texts["state"]) if texts["state"] else default
    if state is None:
        raise Fault(row, "state", "row_state", {"value": texts["state"][:40]})
    off = texts["deEnergised"].lower()
    if off not in YES | NO:
        raise Fault(row, "deEnergised", "row_yes_no", {"value": off[:40]})
    span = _span(row, fields, zone)
    return Wanted(node, state, span, off in YES, texts["note"][: states.MAX_NOTE], "sheet")


def _span(row: int, fields: Mapping[str, Cell], zone: ZoneInfo) -> Span:
    moments = {
        name: _at(row, name, fields, zone) for name in ("firstDay", "lastDay", "start", "end")
    }
    first, start = moments["firstDay"], moments["start"]
    if first is not None and start is None:
        last = moments["lastDay"] or first
        return Span(first.astimezone(zone).date(), last.astimezone(zone).date())
    if start is None or moments["end"] is None:
        raise Fault(row, "start" if start is None else "end", "row_missing")
    return Span(start=start, end=moments["end"])


def _read(row: int, name: str, fields: Mapping[str, Cell]) -> str:
    try:
        return cells.text(fields.get(name)) or ""
    except cells.BadCell as bad:
        raise Fault(row, name, bad.code, bad.params) from bad


def _at(row: int, name: str, fields: Mapping[str, Cell], zone: ZoneInfo) -> datetime | None:
    try:
        return cells.instant(fields.get(name), zone)
    except cells.BadCell as bad:
        raise Fault(row, name, bad.code, bad.params) from bad


def _holds(change: Change, one: Planned, faults: list[Fault]) -> bool:
    """Whether a row is a state that can be; else its fault is noted."""
    try:
        states.check(one.wanted)
        states.bounds(change.plant, one.wanted.span)
    except InvalidInput as error:
        named = "firstDay" if one.wanted.span.first_day else "start"
        faults.append(Fault(one.row, named, error.error_code, dict(error.params)))
        return False
    return True


async def _fresh(change: Change, planned: Sequence[Planned]) -> list[Planned]:
    """Answer what is not there already, and once only."""
    if not planned:
        return []
    bounds = [states.bounds(change.plant, one.wanted.span) for one in planned]
    there = await states.overlapping(
        change.tx,
        change.project_id,
        sorted({one.wanted.node_id for one in planned}),
        min(start for start, _ in bounds),
        max(end for _, end in bounds),
    )
    seen = {(row.node_id, row.state, row.start_ts, row.end_ts) for row in there}
    fresh = []
    for one, (start, end) in zip(planned, bounds, strict=True):
        key = one.wanted.node_id, one.wanted.state.value, start.astimezone(UTC), end.astimezone(UTC)
        if key not in seen:
            seen.add(key)
            fresh.append(one)
    return fresh
