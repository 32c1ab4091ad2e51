"""`/api/v1/restatements`: what was changed with effect in the past, and what it changed."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from backend.application.graphql.context import Door
from backend.application.graphql.persons import persons_by_id
from backend.application.rest.doors import ProjectDoor
from backend.application.rest.json_answers import json_answer
from backend.application.restatements import (
    MOST,
    MovedMonth,
    Side,
    find_row,
    list_rows,
    moved_months,
    progress,
)
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.restatement.rows import Row
from gateway.contract.energy import EnergyType

router = APIRouter(tags=["restatements"])


@router.get("/restatements", response_class=Response)
async def restatements(
    door: ProjectDoor,
    first: Annotated[int, Query(ge=1, le=MOST)] = 20,
    before: str | None = None,
) -> Response:
    """Answer restatements, newest first; older ones after the one `before`."""
    rows = await list_rows(door, first, before)
    logins = await _logins(door, rows)
    return json_answer({"restatements": [await _told(door, row, logins) for row in rows]})


@router.get("/restatements/{restatement}", response_class=Response)
async def restatement(door: ProjectDoor, restatement: str) -> Response:
    """Answer one with its difference by month, node or meter, and energy; null until it is known.

    Its version minus one is the `asOf` that reads what was before.
    """
    row = await find_row(door, restatement)
    if row is None:
        raise NotFound(kind="restatement")
    moved = None if row.difference is None else await moved_months(door, row.difference)
    difference = None if moved is None else [_moved(one) for one in moved]
    told = await _told(door, row, await _logins(door, [row]))
    return json_answer(told | {"difference": difference})


async def _logins(door: Door, rows: Sequence[Row]) -> dict[int, str]:
    """Answer who proposed and decided, by number."""
    ids = sorted({one for row in rows for one in (row.proposed_by, row.decided_by) if one})
    persons = await persons_by_id(door.process.platform.database, door.project.id, ids)
    pairs = zip(ids, persons, strict=True)
    return {number: person.login for number, person in pairs if person is not None}


async def _told(door: Door, row: Row, logins: Mapping[int, str]) -> dict[str, object]:
    return {
        "id": encode_id("rst", row.uid),
        "version": row.version,
        "state": row.state.value,
        "kind": row.kind,
        "params": row.change["params"],
        "reason": row.reason,
        "start": row.first_ts,
        "end": row.last_ts,
        "proposedBy": logins.get(row.proposed_by),
        "proposedAt": row.proposed_at,
        "decidedBy": logins.get(row.decided_by or 0),
        "decidedAt": row.decided_at,
        "answer": row.answer,
        "startedAt": row.started_at,
        "appliedAt": row.applied_at,
        "progress": await progress(door, row),
        "fault": row.fault,
    }


def _moved(one: MovedMonth) -> dict[str, object]:
    return {
        "scope": one.scope,
        "name": one.name,
        "energy": one.energy.code,
        "unit": one.energy.unit.code,
        "month": one.month,
        "start": one.start,
        "end": one.end,
        "old": _side(one.energy, one.old),
        "new": _side(one.energy, one.new),
    }


def _side(energy: EnergyType, side: Side | None) -> dict[str, object] | None:
    if side is None:
        return None
    return {
        "quantity": side.qty,
        "value": energy.display(side.qty),
        "kgce": side.kgce,
        "kgco2": side.kgco2,
        "cost": side.cost,
    }
