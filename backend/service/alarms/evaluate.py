"""One evaluation of one definition: load its window, judge it, write what changed."""

import logging
from datetime import datetime

from pydantic import ValidationError

from backend.core.db import Database, WriteSession
from backend.service.alarms.kinds.base import Definition, Verdict
from backend.service.alarms.kinds.registry import KINDS
from backend.service.alarms.states import Cause
from backend.service.alarms.store import (
    Occurrence,
    add_step,
    newest_of,
    occurrence_by_uid,
    raise_occurrence,
)
from backend.service.notify.outbox import PUSH_PRIORITY, enqueue

log = logging.getLogger(__name__)


async def evaluate(
    database: Database, project_id: int, definition: Definition, mode: str, now: datetime
) -> bool:
    """Judge one definition now; whether something changed. Definitions in trial are not sent."""
    kind = KINDS.get(definition.kind)
    if kind is None:
        log.error("alarm definition %s has the unknown kind %r", definition.id, definition.kind)
        return False
    try:
        params = kind.params.model_validate(definition.params)
    except ValidationError as error:
        log.error("alarm definition %s has wrong parameters: %s", definition.id, error)  # noqa: TRY400
        return False
    async with database.read(project_id) as tx:
        newest = await newest_of(tx, project_id, definition.id)
        window = await kind.load(tx, project_id, definition, now)
    if window is None:
        return False
    was_active = newest is not None and newest.state.active
    verdict = kind.evaluate(params, window, definition.priority, was_active=was_active)
    if not _changes(newest, verdict):
        return False
    async with database.project(project_id) as tx:
        return await _write(tx, project_id, definition, verdict, now, send=mode == "live")


def _changes(newest: Occurrence | None, verdict: Verdict) -> bool:
    if verdict.active is None:
        return False
    if newest is None or not newest.state.active:
        return verdict.active
    return not verdict.active or verdict.priority < newest.priority


async def _write(
    tx: WriteSession,
    project_id: int,
    definition: Definition,
    verdict: Verdict,
    now: datetime,
    *,
    send: bool,
) -> bool:
    # One writer a definition: a second evaluator (a lease that slipped) sees what the first wrote.
    await tx.execute(
        "SELECT 1 FROM alarm_definition WHERE project_id = %s AND id = %s FOR UPDATE",
        (project_id, definition.id),
    )
    newest = await newest_of(tx, project_id, definition.id)
    if not _changes(newest, verdict):
        return False
    if newest is not None and newest.state.open:
        return await _step(tx, project_id, newest, verdict, now, send=send)
    at = min(verdict.at, now)
    uid = await raise_occurrence(
        tx, project_id, definition.id, at, verdict.params, verdict.priority, now
    )
    raised = None if uid is None else await occurrence_by_uid(tx, project_id, uid)
    if raised is None:
        return False
    if send and verdict.priority <= PUSH_PRIORITY:
        await enqueue(tx, project_id, raised.id, raised.step, verdict.priority, now)
    return True


async def _step(
    tx: WriteSession,
    project_id: int,
    newest: Occurrence,
    verdict: Verdict,
    now: datetime,
    *,
    send: bool,
) -> bool:
    cause = Cause.CLEAR
    if verdict.active:
        cause = Cause.SEVERITY if newest.state.active else Cause.RAISE
    params = {**verdict.params, "priority": verdict.priority} if verdict.active else None
    at = min(max(verdict.at, newest.state_at), now)
    state = await add_step(tx, project_id, newest, cause, at, now, params=params)
    if state is None:
        return False
    if send and verdict.active and state.wants_ack and verdict.priority <= PUSH_PRIORITY:
        await enqueue(tx, project_id, newest.id, newest.step + 1, verdict.priority, now)
    return True
