"""`/api/v1/imports`: files of readings, interval values, production and stock papers; a dry run
first, then applied as a whole or as far as they are good.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from backend.application.graphql.context import asker_of, outside_uid
from backend.application.rest.bodies import received
from backend.application.rest.doors import OwnPage, ProjectDoor, SignedIn
from backend.application.rest.once import RESPONSES, OnceDoor, OnceRoute
from backend.core.ids import encode_id
from backend.service.imports import files
from backend.service.imports.files import Mode
from backend.service.imports.sheet import MAX_BYTES
from backend.service.people.roles import Permission

router = APIRouter(tags=["imports"], route_class=OnceRoute)


class FileKind(StrEnum):
    """What the rows of a file are."""

    READINGS = "readings"
    INTERVALS = "intervals"
    PRODUCTION = "production"
    HAND = "hand"
    STOCK = "stock"


class FaultAnswer(BaseModel):
    """What is wrong with one field of a row; texts under `errors.<code>`."""

    row: int
    field: str
    value: str | None
    code: str
    params: dict[str, str | int | float | bool | None]


class FileMeterAnswer(BaseModel):
    """What a file holds of one meter: `total` in `unit`, from `first` to `last`."""

    meter: str
    name: dict[str, str]
    unit: str
    rows: int
    total: str
    first: datetime | None
    last: datetime | None


class FileAnswer(BaseModel):
    """A file and what was found in it; `state` is `checked` until it is applied."""

    id: str
    kind: FileKind
    name: str
    state: str
    created_at: datetime
    applied_at: datetime | None
    rows: int
    good: int
    faulty: int
    rows_applied: int | None
    unknown: list[str]
    faults: list[FaultAnswer]
    meters: list[FileMeterAnswer]


@router.post("/imports", status_code=201, dependencies=[OwnPage], responses=RESPONSES)
async def check(
    request: Request,
    response: Response,
    caller: SignedIn,
    door: OnceDoor,
    kind: FileKind,
    name: Annotated[str, Query(min_length=1, max_length=200)] = "upload",
) -> FileAnswer:
    """Look at a file (CSV, XLSX or JSON as the body): nothing but the look is kept."""
    door.require(Permission.IMPORT)
    row = await files.check_file(
        door.opens,
        door.project.id,
        door.project.zone,
        (kind.value, name),
        await received(request, MAX_BYTES, "sheet_too_large"),
        asker_of(caller),
        door.process.platform.clock.now(),
    )
    answer = _answer(row)
    response.headers["Location"] = f"/api/v1/imports/{answer.id}?project={door.project.slug}"
    return answer


@router.get("/imports/{id}")
async def show(id: str, door: ProjectDoor) -> FileAnswer:
    """Answer a file."""
    async with door.read() as tx:
        return _answer(await files.find_file(tx, door.project.id, outside_uid("imp", id)))


@router.post("/imports/{id}/apply", dependencies=[OwnPage], responses=RESPONSES)
async def apply(id: str, caller: SignedIn, door: OnceDoor, mode: Mode = Mode.ALL) -> FileAnswer:
    """Apply a file that was looked at, in one transaction; twice counts once.

    `all`: refused while anything in it is faulty; `good`: what is good is kept.
    """
    door.require(Permission.IMPORT)
    row = await files.apply_file(
        door.opens,
        door.project.id,
        door.project.zone,
        outside_uid("imp", id),
        mode,
        asker_of(caller),
        door.process.platform.clock.now(),
    )
    return _answer(row)


def _answer(row: files.FileRow) -> FileAnswer:
    return FileAnswer.model_validate(
        {
            "id": encode_id("imp", row.uid),
            "kind": row.kind,
            "name": row.name,
            "state": row.state,
            "created_at": row.created_at,
            "applied_at": row.applied_at,
            "rows_applied": row.rows_applied,
            **row.findings,
        }
    )
