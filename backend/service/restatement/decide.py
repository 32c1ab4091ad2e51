"""Proposing a restatement and deciding on it; each step is audited and told.

What a change does is tried out by the role `worker` (trial.py) before anybody can approve it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotAllowed
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.service.people.asker import Asker
from backend.service.restatement.kinds.base import Change
from backend.service.restatement.kinds.registry import KINDS
from backend.service.restatement.rows import Row, State, find_restatement

CHANNEL: Final = "kw_restatement"
"""Whom the role `worker` listens to."""
LOCK: Final = 0x6B77_0016
"""Class of the advisory lock "which restatement of this project is next"."""
LONGEST_REASON: Final = 500
FURTHEST: Final = timedelta(days=3 * 366)
"""No change reaches further back: it would be an import, not a correction."""


def change_of(kind: str, given: Mapping[str, object]) -> Change:
    """Answer a checked change. Raises InvalidInput that names the kind or the field."""
    known = KINDS.get(kind)
    if known is None:
        raise InvalidInput("restatement_kind", kind=kind[:40], known=", ".join(KINDS))
    try:
        return known.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or kind
        raise InvalidInput("restatement_field", field=field, problem=first["msg"]) from error


def stored_change(row: Row) -> Change:
    """Answer the change of a restatement; what was valid when proposed may not be any more."""
    given = row.change["params"]
    return change_of(row.kind, given if isinstance(given, dict) else {})


async def propose(
    tx: WriteSession,
    project_id: int,
    kind: str,
    given: Mapping[str, object],
    reason: str,
    asker: Asker,
    now: datetime,
) -> Row:
    """Propose a change; its difference is known once it has been tried out.

    Raises InvalidInput and NotFound for what cannot be, naming the field.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InvalidInput("restatement_reason", most=LONGEST_REASON)
    change = change_of(kind, given)
    touched = await change.touched(tx, project_id, now)
    if touched.first < now - FURTHEST:
        raise InvalidInput("restatement_far", days=FURTHEST // timedelta(days=1))
    uid = new_uuid(now)
    stored = {"kind": kind, "params": change.model_dump(mode="json"), "refs": list(touched.refs)}
    await tx.execute(
        "INSERT INTO restatement (project_id, uid, state, change, reason, first_ts, last_ts,"
        " proposed_by, proposed_at) VALUES (%s, %s, 'proposed', %s, %s, %s, %s, %s, %s)",
        (
            project_id, uid, Jsonb(stored), reason, touched.first, touched.last,
            asker.person_id, now,
        ),
    )  # fmt: skip
    row = await find_restatement(tx, project_id, uid)
    await tell(tx, project_id, row, "restatement.propose", asker, now)
    return row


async def approve(
    tx: WriteSession, project_id: int, uid: UUID | None, asker: Asker, now: datetime
) -> Row:
    """Approve a change whose difference is known; it is applied as soon as a worker has it.

    Conflict while it is not known, when it is decided already, or while another one is under way;
    NotAllowed where a second person has to.
    """
    row = await find_restatement(tx, project_id, uid, lock=True)
    _still_open(row)
    if not row.measured:
        raise Conflict("restatement_not_measured")
    if asker.person_id == row.proposed_by and await second_person(tx, project_id):
        raise NotAllowed("restatement_second_person")
    # Of two who approve different ones, the second sees the first.
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, project_id))
    if await tx.fetch_tuples(
        "SELECT 1 FROM restatement WHERE project_id = %s AND state IN ('approved', 'applying')",
        (project_id,),
    ):
        raise Conflict("restatement_busy")
    return await _decide(tx, project_id, row, State.APPROVED, None, asker, now)


async def reject(
    tx: WriteSession, project_id: int, uid: UUID | None, answer: str, asker: Asker, now: datetime
) -> Row:
    """Reject a change, or take one's own back, with a reason. Conflict when it is decided."""
    answer = answer.strip()
    if not 1 <= len(answer) <= LONGEST_REASON:
        raise InvalidInput("restatement_reason", most=LONGEST_REASON)
    row = await find_restatement(tx, project_id, uid, lock=True)
    _still_open(row)
    return await _decide(tx, project_id, row, State.REJECTED, answer, asker, now)


def _still_open(row: Row) -> None:
    if row.state is not State.PROPOSED:
        raise Conflict("restatement_decided", state=row.state.value)


async def second_person(tx: ReadSession, project_id: int) -> bool:
    """Tell whether the project wants another person to approve than who proposed."""
    wanted = await tx.fetch_value(
        "SELECT second_person FROM project WHERE id = %s", (project_id,), into=bool
    )
    return wanted is True


async def _decide(
    tx: WriteSession,
    project_id: int,
    row: Row,
    state: State,
    answer: str | None,
    asker: Asker,
    now: datetime,
) -> Row:
    await tx.execute(
        "UPDATE restatement SET state = %s, answer = %s, decided_by = %s, decided_at = %s"
        " WHERE project_id = %s AND id = %s",
        (state.value, answer, asker.person_id, now, project_id, row.id),
    )
    decided = await find_restatement(tx, project_id, row.uid)
    verb = "approve" if state is State.APPROVED else "reject"
    await tell(tx, project_id, decided, f"restatement.{verb}", asker, now, old=row)
    return decided


async def tell(
    tx: WriteSession,
    project_id: int,
    row: Row,
    action: str,
    asker: Asker | None,
    now: datetime,
    old: Row | None = None,
) -> None:
    """Have workers and pages look, and write down who did it; None: the platform. Call it last."""
    await tx.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(project_id)))
    await publish(tx, project_id, "restatement", str(row.uid), now)
    deed = audit.Deed(
        "worker" if asker is None else encode_id("per", asker.uid),
        action,
        encode_id("rst", row.uid),
        row.state.value,
        None if asker is None else asker.person_id,
        None if old is None else {"state": old.state.value},
        {
            "state": row.state.value,
            "version": row.version,
            "change": row.change,
            "reason": row.answer or row.reason,
        },
    )
    await audit.record(tx, project_id, deed, now)
