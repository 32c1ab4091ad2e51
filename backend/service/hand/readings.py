"""Readings that people enter: asked about, kept as ordinary readings, corrected, audited."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from backend.acquisition.window import milliseconds, read_window
from backend.aggregation.dirty import mark_points
from backend.aggregation.register_events import Kind, RegisterEvent, record_event
from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.service.hand.questions import (
    MOST,
    Answer,
    Question,
    Seen,
    questions,
    refuse_reading,
)
from backend.service.hand.registers import (
    HandRegister,
    decimal_of,
    hand_register,
    read_around,
)
from backend.service.people.asker import Asker
from gateway.contract.quality import Quality

TICK: Final = timedelta(milliseconds=1)
"""A corrected reading is kept so much after the wrong one, which stays where it is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A reading as a person enters it, in the register's unit.

    `final` and `initial` belong to the answer `exchanged`: the old meter's last reading (that of
    the last entry where it is None) and the new one's first (0).
    """

    at: datetime
    value: Decimal
    note: str | None = None
    answer: Answer | None = None
    final: Decimal | None = None
    initial: Decimal | None = None


@dataclass(frozen=True, slots=True)
class HandRow:
    """A reading as it was entered, and whether it was withdrawn."""

    id: int
    uid: UUID
    meter_id: int
    ts: datetime
    value: Decimal
    note: str | None
    entered_by: int | None
    entered_at: datetime
    withdrawn_by: int | None
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A reading that is kept, or what is asked before it is."""

    kept: UUID | None
    asked: tuple[Question, ...] = ()


_SELECT: Final = """
SELECT id, uid, meter_id, ts, value, note, entered_by, entered_at, withdrawn_by, withdrawn_at
FROM hand_reading WHERE project_id = %(project)s
  AND (%(uid)s::uuid IS NULL OR uid = %(uid)s)
  AND (%(meter)s::bigint IS NULL OR meter_id = %(meter)s) ORDER BY ts DESC LIMIT %(first)s
"""
_STORE: Final = """
INSERT INTO reading (project_id, point_id, ts, value, quality) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_LAST: Final = """
INSERT INTO last_value (project_id, point_id, ts, value, quality) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (project_id, point_id) DO UPDATE
SET ts = excluded.ts, value = excluded.value, quality = excluded.quality
WHERE last_value.ts < excluded.ts
"""
_KEEP: Final = """
INSERT INTO hand_reading (project_id, uid, meter_id, point_id, ts, value, note, import_id,
    entered_by, entered_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


async def enter(
    tx: WriteSession,
    project_id: int,
    register: HandRegister,
    entry: Entry,
    by: Asker,
    now: datetime,
) -> Outcome:
    """Keep a reading, or answer what must be answered first; then nothing is changed.

    Raises InvalidInput for what can be no reading and Conflict for a second one of the instant.
    """
    refuse_reading(entry.at, entry.value, now)
    around = await read_around(tx, project_id, register, entry.at)
    open_ = questions(around, entry.at, entry.value, entry.answer)
    if open_:
        return Outcome(None, tuple(open_))
    await _record_jump(tx, project_id, register, entry, around.before, by, now)
    uid = await keep(tx, project_id, register, entry, by.person_id, now)
    await _note(tx, project_id, by, "hand.enter", uid, None, _said(register, entry), now)
    return Outcome(uid)


async def withdraw(
    tx: WriteSession,
    project_id: int,
    uid: UUID | None,
    by: Asker,
    now: datetime,
    instead: Entry | None = None,
) -> Outcome:
    """Exclude a wrong reading from the account, and keep another of that time in its place.

    Raises NotFound, Conflict when it was withdrawn before, and what `enter` raises.
    """
    row = await find_reading(tx, project_id, uid)
    if row.withdrawn_at is not None:
        raise Conflict("hand_withdrawn")
    register = await hand_register(tx, project_id, meter_id=row.meter_id)
    if instead is not None:
        refuse_reading(row.ts, instead.value, now)
        around = await read_around(tx, project_id, register, row.ts, but=row.id)
        open_ = questions(around, row.ts, instead.value, instead.answer)
        if open_:
            return Outcome(None, tuple(open_))
    event = RegisterEvent(register.point_id, Kind.EXCLUDE, row.ts, row.ts + TICK)
    recorded = await record_event(tx, project_id, event, now, by.person_id)
    await tx.execute(
        "UPDATE hand_reading SET withdrawn_by = %s, withdrawn_at = %s, event_id = %s"
        " WHERE project_id = %s AND id = %s",
        (by.person_id, now, recorded.id, project_id, row.id),
    )
    old: dict[str, object] = {"at": row.ts.isoformat(), "value": str(row.value)}
    if instead is None:
        await _note(tx, project_id, by, "hand.withdraw", row.uid, old, None, now)
        return Outcome(row.uid)
    entry = Entry(row.ts + TICK, instead.value, instead.note)
    kept = await keep(tx, project_id, register, entry, by.person_id, now)
    new = _said(register, entry)
    await _note(tx, project_id, by, "hand.correct", kept, old, new, now)
    return Outcome(kept)


async def keep(
    tx: WriteSession,
    project_id: int,
    register: HandRegister,
    entry: Entry,
    person_id: int | None,
    now: datetime,
    import_id: int | None = None,
) -> UUID:
    """Store a reading that nothing is asked about (any more) and have its account recomputed.

    Raises InvalidInput where the time is older than what is stored, Conflict for a second one.
    """
    window = await read_window(tx, now)
    if window.refusal(milliseconds(entry.at)) is not None:
        raise InvalidInput("entry_too_old", field="time")
    value = float(entry.value)
    sample = (project_id, register.point_id, entry.at, value, int(Quality.MANUAL))
    if not await tx.execute(_STORE, sample):
        raise Conflict("hand_twice", field="time")
    await tx.execute(_LAST, sample)
    uid = new_uuid(now)
    await tx.execute(
        _KEEP,
        (
            project_id, uid, register.meter_id, register.point_id, entry.at, entry.value,
            entry.note, import_id, person_id, now,
        ),
    )  # fmt: skip
    await mark_points(tx, project_id, [register.point_id], entry.at, entry.at)
    return uid


async def find_reading(tx: ReadSession, project_id: int, uid: UUID | None) -> HandRow:
    """Answer a reading. Raises NotFound."""
    about = {"project": project_id, "uid": uid, "meter": None, "first": 1}
    found = None if uid is None else await tx.fetch_one(_SELECT, about, into=HandRow)
    if found is None:
        raise NotFound(kind="reading")
    return found


async def list_readings(
    tx: ReadSession, project_id: int, meter_id: int, first: int
) -> list[HandRow]:
    """Answer the readings of a meter, newest first."""
    about = {"project": project_id, "uid": None, "meter": meter_id, "first": first}
    return await tx.fetch_all(_SELECT, about, into=HandRow)


async def _record_jump(
    tx: WriteSession,
    project_id: int,
    register: HandRegister,
    entry: Entry,
    before: Seen | None,
    by: Asker,
    now: datetime,
) -> None:
    """Record that the register wrapped or the meter was exchanged, as the person says."""
    if before is None or entry.answer not in {Answer.WRAPPED, Answer.EXCHANGED}:
        return
    final, initial = _jump(register, entry, before)
    event = RegisterEvent(
        register.point_id,
        Kind.EXCHANGE,
        _jumped_at(before, final - before.value, entry, entry.value - initial),
        final=float(final),
        initial=float(initial),
        note=entry.answer.value,
    )
    await record_event(tx, project_id, event, now, by.person_id)


def _jump(register: HandRegister, entry: Entry, before: Seen) -> tuple[Decimal, Decimal]:
    """Answer the old register's last reading and the new one's first. Raises InvalidInput."""
    if entry.answer is Answer.WRAPPED:
        if register.modulus is None:
            raise InvalidInput("hand_no_modulus", field="value")
        return decimal_of(register.modulus), Decimal(0)
    final = before.value if entry.final is None else entry.final
    initial = entry.initial or Decimal(0)
    if not before.value <= final < MOST:
        raise InvalidInput("hand_final", field="finalValue", last=f"{before.value:f}")
    if not 0 <= initial <= entry.value:
        raise InvalidInput("hand_initial", field="initialValue")
    return final, initial


def _jumped_at(before: Seen, old: Decimal, entry: Entry, new: Decimal) -> datetime:
    """Answer when it happened if use was even: so much of the time went by on the old register."""
    elapsed = (entry.at - before.at) // TICK
    share = old / (old + new) if old + new else Decimal(0)
    return before.at + max(1, min(int(elapsed * share), elapsed - 1)) * TICK


def _said(register: HandRegister, entry: Entry) -> dict[str, object]:
    said = {
        "meter": register.slug,
        "at": entry.at.isoformat(),
        "value": str(entry.value),
        "answer": entry.answer.value if entry.answer else None,
    }
    return {name: value for name, value in said.items() if value is not None}


async def _note(
    tx: WriteSession,
    project_id: int,
    by: Asker,
    action: str,
    uid: UUID,
    old: dict[str, object] | None,
    new: dict[str, object] | None,
    now: datetime,
) -> None:
    await publish(tx, project_id, "account", "", now)
    ref = encode_id("hrd", uid)
    deed = audit.Deed(by.actor, action, ref, "done", by.person_id, old, new)
    await audit.record(tx, project_id, deed, now)
