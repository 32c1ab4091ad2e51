"""`/api/v1/meter-list`: all meters as a workbook; `/api/v1/meter-lists`: such workbooks edited,
looked at, applied as a whole and rolled back.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from backend.application.graphql.context import Door, asker_of, outside_uid
from backend.application.rest.bodies import received
from backend.application.rest.doors import OwnPage, ProjectDoor, SignedIn
from backend.application.rest.json_answers import NO_STORE
from backend.application.rest.once import RESPONSES, OnceDoor, OnceRoute
from backend.core.ids import encode_id
from backend.service.imports.sheet import MAX_BYTES
from backend.service.meter_list import lists
from backend.service.people.roles import Permission

router = APIRouter(tags=["meter lists"], route_class=OnceRoute)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class CellFault(BaseModel):
    """What is wrong with a cell (`C7`), and in which column; texts under `errors.<code>`."""

    cell: str
    column: str
    value: str | None
    code: str
    params: dict[str, str | int | float | bool | None]


class MeterDifference(BaseModel):
    """A meter that is added, changed or ended; `fields`: before and after of each column."""

    change: Literal["added", "changed", "ended"]
    row: int
    meter: str | None
    name: str
    fields: dict[str, list[str | None]]


class GatewayDifference(BaseModel):
    """A gateway whose configuration document changes; `version` is the one before."""

    gateway: str
    made: bool
    version: int
    added: list[str]
    changed: list[str]
    removed: list[str]


class MeterListAnswer(BaseModel):
    """A list and what was found in it. `absent`: meters it does not name; they stay."""

    id: str
    name: str
    state: Literal["checked", "applied", "rolled_back"]
    created_at: datetime
    applied_at: datetime | None
    rolled_back_at: datetime | None
    rows: int
    unchanged: int
    absent: int
    faulty: int
    unknown: list[str]
    faults: list[CellFault]
    meters: list[MeterDifference]
    gateways: list[GatewayDifference]


@router.get("/meter-list", response_class=Response)
async def export(
    caller: SignedIn, door: ProjectDoor, locale: Literal["en", "zh-CN"] | None = None
) -> Response:
    """Answer all meters that devices are read for as XLSX, one row a circuit."""
    _require(door)
    async with door.write() as tx:
        content = await lists.export_list(
            tx, door.project.id, locale or caller.locale, asker_of(caller), _now(door)
        )
    name = f'attachment; filename="{door.project.slug}-meters.xlsx"'
    headers = {**NO_STORE, "Content-Disposition": name}
    return Response(content, media_type=XLSX, headers=headers)


@router.get("/meter-lists")
async def list_all(
    door: ProjectDoor, first: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[MeterListAnswer]:
    """Answer the lists that people brought, newest first."""
    _require(door)
    async with door.read() as tx:
        found = await lists.list_lists(tx, door.project.id, first)
    return [_answer(row) for row in found]


@router.post("/meter-lists", status_code=201, dependencies=[OwnPage], responses=RESPONSES)
async def check(
    request: Request,
    response: Response,
    caller: SignedIn,
    door: OnceDoor,
    name: Annotated[str, Query(min_length=1, max_length=200)] = "upload",
) -> MeterListAnswer:
    """Look at a list (XLSX or CSV as the body): nothing but the look is kept."""
    _require(door)
    content = await received(request, MAX_BYTES, "sheet_too_large")
    async with door.write() as tx:
        row = await lists.check_list(
            tx, door.project.id, name, content, asker_of(caller), _now(door)
        )
    answer = _answer(row)
    response.headers["Location"] = f"/api/v1/meter-lists/{answer.id}?project={door.project.slug}"
    return answer


@router.get("/meter-lists/{id}")
async def show(id: str, door: ProjectDoor) -> MeterListAnswer:
    """Answer a list."""
    _require(door)
    async with door.read() as tx:
        return _answer(await lists.find_list(tx, door.project.id, outside_uid("mls", id)))


@router.post("/meter-lists/{id}/apply", dependencies=[OwnPage], responses=RESPONSES)
async def apply(id: str, caller: SignedIn, door: OnceDoor) -> MeterListAnswer:
    """Apply a list as a whole, meters and configuration documents; twice counts once."""
    _require(door)
    async with door.write() as tx:
        uid, asker = outside_uid("mls", id), asker_of(caller)
        return _answer(await lists.apply_list(tx, door.project.id, uid, asker, _now(door)))


@router.post("/meter-lists/{id}/roll-back", dependencies=[OwnPage], responses=RESPONSES)
async def roll_back(id: str, caller: SignedIn, door: OnceDoor) -> MeterListAnswer:
    """Have everything be as it was before the list, from now on; twice counts once."""
    _require(door)
    async with door.write() as tx:
        uid, asker = outside_uid("mls", id), asker_of(caller)
        return _answer(await lists.roll_back_list(tx, door.project.id, uid, asker, _now(door)))


def _require(door: Door) -> None:
    """A list speaks of the model and of what gateways read: both permissions are needed."""
    door.require(Permission.MODEL)
    door.require(Permission.CONFIGURE)


def _now(door: Door) -> datetime:
    return door.process.platform.clock.now()


def _answer(row: lists.ListRow) -> MeterListAnswer:
    return MeterListAnswer.model_validate(
        {
            "id": encode_id("mls", row.uid),
            "name": row.name,
            "state": row.state,
            "created_at": row.created_at,
            "applied_at": row.applied_at,
            "rolled_back_at": row.rolled_back_at,
            **row.findings,
        }
    )
