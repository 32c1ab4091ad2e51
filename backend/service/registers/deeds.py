"""Recording and revoking events of a meter's register, audited.

What is closed is not changed here: an event that begins before the plant's running day is a
restatement's. A change that a device told of is answered at any time, because it only ends a doubt.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

from backend.aggregation.calendar import read_plant_time
from backend.aggregation.mapping import point_at
from backend.aggregation.register_events import (
    Kind,
    Recorded,
    RegisterEvent,
    read_events,
    record_event,
    revoke_event,
)
from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import encode_id
from backend.service.people.asker import Asker
from backend.service.people.roles import Permission

LONGEST_NOTE: Final = 200
NEEDED: Final = {
    Kind.EXCHANGE: Permission.RECORD,
    Kind.CHANGED: Permission.RECORD,
    Kind.RATIO: Permission.MODEL,
    Kind.EXCLUDE: Permission.MODEL,
}
"""What a person has to be permitted to record or revoke an event of each kind."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An event as a person tells it; `factor` is a number or a fraction such as 40/30."""

    kind: Kind
    start: datetime
    end: datetime | None
    final: Decimal | None
    initial: Decimal | None
    factor: str | None
    note: str | None
    answers: UUID | None


@dataclass(frozen=True, slots=True)
class MeterRegister:
    """A meter and the register it is read from, in its unit."""

    meter: int
    uid: UUID
    point: int
    unit: str


async def find(tx: ReadSession, project_id: int, meter: UUID | None, at: datetime) -> MeterRegister:
    """Answer the register that a meter was read from at an instant. Raises NotFound."""
    number = await tx.fetch_value(
        "SELECT id FROM meter WHERE project_id = %s AND uid = %s", (project_id, meter), into=int
    )
    if number is None or meter is None:
        raise NotFound(kind="mtr")
    point = await point_at(tx, project_id, number, at)
    unit = await tx.fetch_value(
        "SELECT unit FROM point WHERE project_id = %s AND id = %s", (project_id, point), into=str
    )
    if point is None or unit is None:
        raise InvalidInput("register_event_no_register")
    return MeterRegister(number, meter, point, unit)


async def record(
    tx: WriteSession,
    project_id: int,
    meter: UUID | None,
    wanted: Wanted,
    asker: Asker,
    now: datetime,
) -> tuple[Recorded, MeterRegister]:
    """Record an event of the register that a meter is read from when it begins.

    Raises InvalidInput, NotFound and Conflict.
    """
    found = await find(tx, project_id, meter, wanted.start)
    await _allow(tx, project_id, wanted.start, now)
    if wanted.note is not None and len(wanted.note) > LONGEST_NOTE:
        raise InvalidInput("register_event_note", most=LONGEST_NOTE)
    event = RegisterEvent(
        found.point,
        wanted.kind,
        wanted.start,
        wanted.end,
        None if wanted.final is None else float(wanted.final),
        None if wanted.initial is None else float(wanted.initial),
        note=wanted.note,
        answers=await _answered(tx, project_id, found.point, wanted.answers),
        factor=_factor(wanted.factor),
    )
    recorded = await record_event(tx, project_id, event, now, asker.person_id)
    await _audit(tx, project_id, "register.record", recorded, asker, now)
    return recorded, found


async def revoke(
    tx: WriteSession, project_id: int, event: UUID | None, asker: Asker, now: datetime
) -> tuple[Recorded, str]:
    """Make an event as if it had never been; answer it as it is then, and its register's unit.

    Raises InvalidInput, NotFound and Conflict.
    """
    if event is None:
        raise NotFound(kind="rev")
    revoked = await revoke_event(tx, project_id, event, now)
    if revoked.event.kind is not Kind.CHANGED:
        await _allow(tx, project_id, revoked.event.ts, now)
    unit = await tx.fetch_value(
        "SELECT unit FROM point WHERE project_id = %s AND id = %s",
        (project_id, revoked.event.point),
        into=str,
    )
    await _audit(tx, project_id, "register.revoke", revoked, asker, now)
    events = await read_events(tx, project_id, [revoked.event.point])
    return next(one for one in events if one.id == revoked.id), unit or ""


async def kind_of(tx: ReadSession, project_id: int, event: UUID | None) -> Kind:
    """Answer the kind of an event. Raises NotFound."""
    kind = await tx.fetch_value(
        "SELECT kind FROM register_event WHERE project_id = %s AND uid = %s",
        (project_id, event),
        into=str,
    )
    if kind is None:
        raise NotFound(kind="rev")
    return Kind(kind)


async def _allow(tx: ReadSession, project_id: int, start: datetime, now: datetime) -> None:
    plant = await read_plant_time(tx, project_id)
    since = plant.start_of(plant.day_of(now))
    if start < since:
        at, began = (f"{one.astimezone(plant.zone):%Y-%m-%d %H:%M}" for one in (start, since))
        raise InvalidInput("restatement_needed", at=at, since=began)


async def _answered(tx: ReadSession, project_id: int, point: int, uid: UUID | None) -> int | None:
    if uid is None:
        return None
    events = await read_events(tx, project_id, [point])
    found = next((one.id for one in events if one.uid == uid), None)
    if found is None:
        raise InvalidInput("register_event_answers")
    return found


def _factor(text: str | None) -> Fraction | None:
    """Answer an exact factor from `4/3`, `1.25` or `40 / 30`. Raises InvalidInput."""
    if text is None:
        return None
    above, _, below = text.partition("/")
    try:
        return Fraction(Decimal(above.strip())) / Fraction(Decimal(below.strip() or "1"))
    except (ArithmeticError, ValueError):
        raise InvalidInput("register_event_fraction", told=text[:40]) from None


async def _audit(
    tx: WriteSession, project_id: int, action: str, one: Recorded, asker: Asker, now: datetime
) -> None:
    event = one.event
    told: dict[str, object] = {
        "kind": event.kind.value,
        "start": event.ts.isoformat(),
        "end": None if event.until is None else event.until.isoformat(),
        "final": event.final,
        "initial": event.initial,
        "factor": None if event.factor is None else str(event.factor),
        "note": event.note,
    }
    new = {name: value for name, value in told.items() if value is not None}
    deed = audit.Deed(
        asker.actor, action, encode_id("rev", one.uid), "done", asker.person_id, None, new
    )
    await audit.record(tx, project_id, deed, now)
