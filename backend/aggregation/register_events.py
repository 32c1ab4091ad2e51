"""Recording, revoking and listing what people know of a register that its readings do not say.

Each writes the dirty range of its effect in the same transaction, so accounts follow whatever is
recorded, however far in the past. A revoked event is as if it had never been; nothing is deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final
from uuid import UUID

from backend.aggregation.dirty import mark_points
from backend.aggregation.known import OPEN
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import new_uuid

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No event is older: such an instant comes from a clock that was never set."""
AHEAD: Final = timedelta(minutes=5)
"""How far the clock of whoever records may be ahead."""
HIGHEST: Final = 1e15
"""No register shows as much: above it a double loses whole units."""
LARGEST: Final = 10**6
"""A ratio is put right by this factor at most, and by its inverse at least."""


class Kind(StrEnum):
    """What an event says; the texts are stored."""

    EXCHANGE = "exchange"
    RATIO = "ratio"
    EXCLUDE = "exclude"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class RegisterEvent:
    """What is known of a register point from `ts` on.

    exchange: readings from `ts` on are the new meter's, which began at `initial` when the old one
    stood at `final` (the point's unit). ratio: what the register counts in [ts, until) is `factor`
    times as much; `until` None: for good. exclude: readings in [ts, until) are no readings.
    changed: suspect from `ts` on, until an exchange or ratio `answers` it (its row's id).
    """

    point: int
    kind: Kind
    ts: datetime
    until: datetime | None = None
    final: float | None = None
    initial: float | None = None
    note: str | None = None
    answers: int | None = None
    restatement: int | None = None
    factor: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it is stored. `open`: a change that nobody has answered or revoked."""

    id: int
    uid: UUID
    event: RegisterEvent
    at: datetime
    by: int | None
    revoked_at: datetime | None
    open: bool


_LIST: Final = f"""
SELECT e.id, e.uid, e.recorded_at, e.recorded_by, e.revoked_at, {OPEN},
       e.point_id, e.kind, e.ts, e.until_ts, e.final_value, e.initial_value, e.note, e.answers,
       e.restatement_id, e.factor
FROM register_event e
WHERE e.project_id = %(project)s AND e.point_id = ANY(%(points)s) ORDER BY e.ts, e.id
"""
_INSERT: Final = """
INSERT INTO register_event (project_id, uid, recorded_at, recorded_by, point_id, kind, ts, until_ts,
    final_value, initial_value, factor, note, answers, restatement_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""


async def record_event(
    tx: WriteSession, project_id: int, event: RegisterEvent, now: datetime, by: int | None = None
) -> Recorded:
    """Store an event and have its accounts recomputed.

    `by` is the person, None the platform itself. Raises InvalidInput, NotFound, Conflict.
    """
    _check(event, now)
    await _lock(tx, project_id, event.point)
    others = await read_events(tx, project_id, [event.point])
    _fit(event, [one for one in others if one.revoked_at is None])
    uid = new_uuid(now)
    factor = None if event.factor is None else str(event.factor)
    number = await tx.fetch_value(
        _INSERT,
        (
            project_id, uid, now, by, event.point, event.kind.value, event.ts, event.until,
            event.final, event.initial, factor, event.note, event.answers, event.restatement,
        ),
        into=int,
    )  # fmt: skip
    assert number is not None  # noqa: S101 - RETURNING of an insert always answers
    await _mark(tx, project_id, event, others, now)
    return Recorded(number, uid, event, now, by, None, event.kind is Kind.CHANGED)


async def revoke_event(tx: WriteSession, project_id: int, uid: UUID, now: datetime) -> Recorded:
    """Make an event as if it had never been, have its accounts recomputed, answer what it was.

    Raises NotFound, and Conflict if it is revoked already.
    """
    point = await tx.fetch_value(
        "SELECT point_id FROM register_event WHERE project_id = %s AND uid = %s",
        (project_id, uid),
        into=int,
    )
    if point is None:
        raise NotFound(kind="rev")
    await _lock(tx, project_id, point)
    events = await read_events(tx, project_id, [point])
    found = next(one for one in events if one.uid == uid)
    if found.revoked_at is not None:
        raise Conflict("register_event_revoked")
    await tx.execute(
        "UPDATE register_event SET revoked_at = %s WHERE project_id = %s AND id = %s",
        (now, project_id, found.id),
    )
    await _mark(tx, project_id, found.event, events, now)
    return found


async def read_events(tx: ReadSession, project_id: int, points: Sequence[int]) -> list[Recorded]:
    """Answer the events of register points in time's order, revoked ones too."""
    found: list[Recorded] = []
    for row in await tx.fetch_tuples(_LIST, {"project": project_id, "points": list(points)}):
        number, uid, at, by, revoked_at, is_open, point, kind, *words, factor = row
        event = RegisterEvent(point, Kind(kind), *words)
        if factor is not None:
            event = replace(event, factor=Fraction(factor))
        found.append(Recorded(number, uid, event, at, by, revoked_at, is_open))
    return found


_NEEDED: Final = {
    Kind.EXCHANGE: ("final", "initial"),
    Kind.RATIO: ("factor",),
    Kind.EXCLUDE: ("until",),
}


def _check(event: RegisterEvent, now: datetime) -> None:
    """Refuse what an event of its kind cannot be. Raises InvalidInput that names the field."""
    needed = _NEEDED.get(event.kind, ())
    allowed = {*needed, *(["until"] if event.kind is Kind.RATIO else [])}
    given: dict[str, object] = {
        "final": event.final,
        "initial": event.initial,
        "factor": event.factor,
        "until": event.until,
    }
    for field, value in given.items():
        if value is None and field in needed:
            raise InvalidInput("register_event_needs", kind=event.kind.value, field=field)
        if value is not None and field not in allowed:
            raise InvalidInput("register_event_no_field", kind=event.kind.value, field=field)
    _check_times(event, now)
    for field, value in (("final", event.final), ("initial", event.initial)):
        if value is not None and not 0 <= value < HIGHEST:
            raise InvalidInput("register_event_reading", field=field)
    if event.factor is not None and not Fraction(1, LARGEST) <= event.factor <= LARGEST:
        raise InvalidInput("register_event_factor", largest=LARGEST)


def _check_times(event: RegisterEvent, now: datetime) -> None:
    for field, moment in (("ts", event.ts), ("until", event.until)):
        if moment is not None and not EARLIEST <= moment <= now + AHEAD:
            raise InvalidInput("register_event_time", field=field, earliest=EARLIEST.year)
    if event.until is not None and event.until <= event.ts:
        raise InvalidInput("register_event_span")


def _fit(event: RegisterEvent, others: Sequence[Recorded]) -> None:
    """Refuse what contradicts the register's other events. Raises Conflict or InvalidInput."""
    for other in (one.event for one in others if one.event.kind is event.kind):
        if event.kind is Kind.EXCHANGE and other.ts == event.ts:
            raise Conflict("register_event_twice")
        if event.kind is Kind.RATIO and _overlap(event, other):
            raise Conflict("register_event_overlap", since=other.ts.isoformat())
    if event.answers is not None and not (
        event.kind in (Kind.EXCHANGE, Kind.RATIO)
        and any(one.id == event.answers and one.open for one in others)
    ):
        raise InvalidInput("register_event_answers")


def _overlap(one: RegisterEvent, other: RegisterEvent) -> bool:
    return (other.until is None or one.ts < other.until) and (
        one.until is None or other.ts < one.until
    )


async def _lock(tx: WriteSession, project_id: int, point: int) -> None:
    """Let nobody else record an event of this register until the commit. Raises NotFound."""
    if not await tx.fetch_tuples(
        "SELECT 1 FROM point WHERE project_id = %s AND id = %s FOR UPDATE", (project_id, point)
    ):
        raise NotFound(kind="point")


async def _mark(
    tx: WriteSession,
    project_id: int,
    event: RegisterEvent,
    others: Sequence[Recorded],
    now: datetime,
) -> None:
    """Have the accounts recomputed that an event, or its revocation, has an effect on."""
    first = last = event.ts
    if event.kind is not Kind.EXCHANGE or event.answers is not None:
        last = await _newest(tx, project_id, event.point) or now
        if event.until is not None and event.answers is None:
            last = min(last, event.until)
    if event.answers is not None:
        first = min([first, *(one.event.ts for one in others if one.id == event.answers)])
    await mark_points(tx, project_id, [event.point], first, last)


async def _newest(tx: ReadSession, project_id: int, point: int) -> datetime | None:
    """Answer the instant of a point's newest reading that is hot."""
    return await tx.fetch_value(
        "SELECT max(ts) FROM reading WHERE project_id = %s AND point_id = %s",
        (project_id, point),
        into=datetime,
    )
