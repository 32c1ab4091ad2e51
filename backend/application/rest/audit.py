"""`/api/v1/audit/months`: months of the audit that stand in files, for whoever may read it."""

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel

from backend.application.graphql.context import asker_of
from backend.application.rest.doors import ProjectDoor, SignedIn
from backend.application.rest.json_answers import NO_STORE
from backend.service.audit.months import fetched_month, kept_months
from backend.service.people.roles import Permission

router = APIRouter(tags=["projects"])


class AuditMonthAnswer(BaseModel):
    """A month (UTC) of the audit in a file: entries `first` to `last`."""

    month: str
    first: int
    last: int
    bytes: int
    sha256: str
    moved_at: datetime
    there: bool


@router.get("/audit/months")
async def months(door: ProjectDoor) -> list[AuditMonthAnswer]:
    """Answer which months stand in files, the newest first."""
    door.require(Permission.AUDIT)
    async with door.read() as tx:
        folder = door.process.platform.settings.audit_folder
        found = await kept_months(tx, door.project.id, folder)
    return [
        AuditMonthAnswer(
            month=one.moved.month,
            first=one.moved.first_number,
            last=one.moved.last_number,
            bytes=one.moved.bytes,
            sha256=one.moved.sha256,
            moved_at=one.moved.moved_at,
            there=one.there,
        )
        for one in found
    ]


@router.get("/audit/months/{month}", response_class=FileResponse)
async def month(door: ProjectDoor, caller: SignedIn, month: str) -> FileResponse:
    """Answer a month (NDJSON, packed with gzip); it is written down who fetched it."""
    door.require(Permission.AUDIT)
    platform, project = door.process.platform, door.project
    async with door.write() as tx:
        found = await fetched_month(
            tx,
            project.id,
            platform.settings.audit_folder,
            month,
            asker_of(caller),
            platform.clock.now(),
        )
    name = f"{project.slug}-audit-{found.moved.month}.ndjson.gz"
    return FileResponse(found.file, headers=NO_STORE, media_type="application/gzip", filename=name)
