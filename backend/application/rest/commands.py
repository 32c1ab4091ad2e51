"""`/api/v1/commands`: setting points of devices, and what became of it."""

from datetime import datetime
from uuid import uuid4

import strawberry
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from backend.application.graphql.commands import WritePointInput, give
from backend.application.graphql.context import Door, outside_uid
from backend.application.rest.doors import OwnPage, ProjectDoor, SignedIn
from backend.application.rest.once import RESPONSES, OnceDoor, OnceRoute
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.gateways import commands

router = APIRouter(tags=["commands"], route_class=OnceRoute)


class CommandOrder(BaseModel):
    """Set a point: `value` in its unit, refused when the point is not `expected_old` by then."""

    device: str = Field(min_length=1, max_length=100)
    point: str = Field(min_length=1, max_length=200)
    value: float = Field(allow_inf_nan=False)
    expected_old: float | None = Field(default=None, allow_inf_nan=False)
    not_after_seconds: int = Field(default=60, ge=1, le=86_400)
    key: str | None = Field(default=None, description="UUID: sent twice counts once.")


class CommandAnswer(BaseModel):
    """A command and how far it is; `finished_at` null = under way."""

    id: str
    device: str | None
    point: str | None
    unit: str | None
    value: float | None
    expected_old: float | None
    not_after: datetime
    state: str
    code: str | None
    old_value: float | None
    read_value: float | None
    created_at: datetime
    sent_at: datetime | None
    state_at: datetime | None
    finished_at: datetime | None


@router.post("/commands", status_code=202, dependencies=[OwnPage], responses=RESPONSES)
async def begin(
    response: Response, caller: SignedIn, door: OnceDoor, body: CommandOrder
) -> CommandAnswer:
    """Give a command; what became of it is at `Location`."""
    wanted = WritePointInput(
        project=strawberry.ID(door.project.slug),
        device=strawberry.ID(body.device),
        point=body.point,
        value=body.value,
        key=strawberry.ID(body.key or str(uuid4())),
        expected_old=body.expected_old,
        not_after_seconds=body.not_after_seconds,
    )
    answer = _answer(await give(door, caller, wanted))
    response.headers["Location"] = f"/api/v1/commands/{answer.id}?project={door.project.slug}"
    return answer


@router.get("/commands/{id}")
async def show(id: str, door: ProjectDoor) -> CommandAnswer:
    """Answer how far a command is."""
    return _answer(await _found(door, id))


async def _found(door: Door, id: str) -> commands.CommandRow:
    uid = outside_uid("cmd", id)
    if uid is not None:
        async with door.read() as tx:
            row = await commands.find_command(tx, door.project.id, uid)
        if row is not None:
            return row
    raise NotFound(kind="command")


def _answer(row: commands.CommandRow) -> CommandAnswer:
    return CommandAnswer(
        id=encode_id("cmd", row.uid),
        device=None if row.device_uid is None else encode_id("dev", row.device_uid),
        point=row.point,
        unit=row.unit,
        value=row.value,
        expected_old=row.expected,
        not_after=row.not_after,
        state=row.state,
        code=row.code,
        old_value=row.old_value,
        read_value=row.read_value,
        created_at=row.created_at,
        sent_at=row.sent_at,
        state_at=row.state_at,
        finished_at=row.finished_at,
    )
