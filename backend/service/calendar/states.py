"""Operating states as people enter, change and remove them, each with its audit entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from backend.aggregation.calendar import DAY, QUARTER, PlantTime
from backend.aggregation.operating import State
from backend.core import audit
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.calendar import effects
from backend.service.calendar.effects import Change
from backend.service.people.asker import Asker

MOST_DAYS: Final = 400
MAX_NOTE: Final = 200
RUNNING: Final = frozenset({State.WORK, State.MAKEUP})
"""States that cannot be without power."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a state holds: by plant days (both in it), or from an instant to before another."""

    first_day: date | None = None
    last_day: date | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A state as somebody wants it for a node."""

    node_id: int
    state: State
    span: Span
    de_energised: bool = False
    note: str = ""
    source: str = "person"


@dataclass(frozen=True, slots=True)
class StateRow:
    """A stored state; `first_day` and `last_day` (both in it) where it was entered by days."""

    id: int
    uid: UUID
    node_id: int
    state: str
    start_ts: datetime
    end_ts: datetime
    first_day: date | None
    last_day: date | None
    de_energised: bool
    note: str
    source: str
    created_at: datetime


_COLUMNS: Final = (
    "id, uid, node_id, state, start_ts, end_ts, first_day, last_day, de_energised, note, source,"
    " created_at"
)


def bounds(plant: PlantTime, span: Span) -> tuple[datetime, datetime]:
    """Answer the instants of a span. InvalidInput when it is none."""
    if span.first_day is not None and span.last_day is not None and span.start is span.end is None:
        first = effects.known_day(span.first_day, "firstDay")
        last = effects.known_day(span.last_day, "lastDay")
        if not first <= last < first + MOST_DAYS * DAY:
            raise InvalidInput("state_days", first=str(first), last=str(last), most=MOST_DAYS)
        return plant.start_of(first), plant.start_of(last + DAY)
    if span.start is None or span.end is None or span.first_day or span.last_day:
        raise InvalidInput("state_span")
    for name, moment in (("start", span.start), ("end", span.end)):
        effects.known_day(moment.date(), name)
        if moment.timestamp() % QUARTER.total_seconds():
            raise InvalidInput("state_quarter", field=name, at=moment.isoformat())
    if not span.start < span.end <= span.start + MOST_DAYS * DAY:
        raise InvalidInput("state_days", first=str(span.start), last=str(span.end), most=MOST_DAYS)
    return span.start, span.end


def check(wanted: Wanted) -> None:
    """Raise InvalidInput for a state that cannot be."""
    if wanted.de_energised and wanted.state in RUNNING:
        raise InvalidInput("state_energised", state=wanted.state.value)
    if len(wanted.note) > MAX_NOTE:
        raise InvalidInput("state_note", most=MAX_NOTE)


async def enter(change: Change, wanted: Wanted, asker: Asker) -> StateRow:
    """Enter a state and answer it."""
    row = await insert(change, wanted)
    await follow(change, [row])
    await record(change, asker, "state.enter", row.uid, None, row)
    return row


async def insert(change: Change, wanted: Wanted) -> StateRow:
    """Store a state without what follows from it: imports enter many at once."""
    check(wanted)
    start, end = bounds(change.plant, wanted.span)
    row = await change.tx.fetch_one(
        "INSERT INTO operating_state (project_id, uid, node_id, state, start_ts, end_ts, first_day,"
        " last_day, de_energised, note, source, created_at)"
        f" VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        (
            change.project_id,
            new_uuid(change.now),
            wanted.node_id,
            wanted.state.value,
            start,
            end,
            wanted.span.first_day,
            wanted.span.last_day,
            wanted.de_energised,
            wanted.note,
            wanted.source,
            change.now,
        ),
        into=StateRow,
    )
    if row is None:
        raise LookupError("no state from INSERT")
    return row


async def alter(change: Change, uid: UUID | None, wanted: Wanted, asker: Asker) -> StateRow:
    """Make a state another one, of the same node; NotFound when there is none."""
    check(wanted)
    before = await find(change.tx, change.project_id, uid)
    start, end = bounds(change.plant, wanted.span)
    row = await change.tx.fetch_one(
        "UPDATE operating_state SET state = %s, start_ts = %s, end_ts = %s, first_day = %s,"
        " last_day = %s, de_energised = %s, note = %s"
        f" WHERE project_id = %s AND id = %s RETURNING {_COLUMNS}",
        (
            wanted.state.value,
            start,
            end,
            wanted.span.first_day,
            wanted.span.last_day,
            wanted.de_energised,
            wanted.note,
            change.project_id,
            before.id,
        ),
        into=StateRow,
    )
    if row is None:
        raise NotFound(kind="state")
    await follow(change, [before, row])
    await record(change, asker, "state.change", row.uid, before, row)
    return row


async def remove(change: Change, uid: UUID | None, asker: Asker) -> None:
    """Remove a state; NotFound when there is none."""
    before = await find(change.tx, change.project_id, uid)
    await change.tx.execute(
        "DELETE FROM operating_state WHERE project_id = %s AND id = %s",
        (change.project_id, before.id),
    )
    await follow(change, [before])
    await record(change, asker, "state.remove", before.uid, before, None)


async def follow(change: Change, rows: Sequence[StateRow]) -> None:
    """Do what follows from states that came or went."""
    for node in sorted({row.node_id for row in rows}):
        of_node = [row for row in rows if row.node_id == node]
        days = [row for row in of_node if row.first_day is not None and row.last_day is not None]
        if days:
            first = min(row.first_day for row in days if row.first_day is not None)
            last = max(row.last_day for row in days if row.last_day is not None)
            await effects.days_changed(change, node, first, last + DAY)
        for row in of_node:
            if row.de_energised:
                await effects.power_changed(change, node, row.start_ts, row.end_ts)
    await effects.tell(change)


async def find(tx: ReadSession, project_id: int, uid: UUID | None) -> StateRow:
    """Answer a state by its identity; NotFound when there is none."""
    row = await tx.fetch_one(
        f"SELECT {_COLUMNS} FROM operating_state WHERE project_id = %s AND uid = %s",
        (project_id, uid),
        into=StateRow,
    )
    if row is None:
        raise NotFound(kind="state")
    return row


async def overlapping(
    tx: ReadSession, project_id: int, nodes: Sequence[int], start: datetime, end: datetime
) -> list[StateRow]:
    """Answer the states entered for some nodes that overlap [start, end), the newest last."""
    return await tx.fetch_all(
        f"SELECT {_COLUMNS} FROM operating_state WHERE project_id = %s AND node_id = ANY(%s)"
        " AND start_ts < %s AND end_ts > %s ORDER BY id",
        (project_id, list(nodes), end, start),
        into=StateRow,
    )


async def record(
    change: Change,
    asker: Asker,
    action: str,
    uid: UUID,
    old: StateRow | None,
    new: StateRow | None,
) -> None:
    """Write down who did what to a state."""
    deed = audit.Deed(
        encode_id("per", asker.uid),
        action,
        encode_id("opst", uid),
        "done",
        asker.person_id,
        None if old is None else _told(old),
        None if new is None else _told(new),
    )
    await audit.record(change.tx, change.project_id, deed, change.now)


def _told(row: StateRow) -> dict[str, object]:
    return {
        "node": row.node_id,
        "state": row.state,
        "start": row.start_ts.isoformat(),
        "end": row.end_ts.isoformat(),
        "deEnergised": row.de_energised,
        "note": row.note,
    }
