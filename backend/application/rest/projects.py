"""`/api/v1/logo`: the picture of a project, for its members; `/api/v1/exports/{export}`: an archive
of everything of it, for whoever may take it away.
"""

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from backend.application.graphql.context import asker_of, outside_uid
from backend.application.rest.doors import ProjectDoor, SignedIn
from backend.core.errors import NotFound
from backend.service.people.roles import Permission
from backend.service.projects import exports
from backend.service.projects.looks import read_logo

router = APIRouter(tags=["projects"])


@router.get("/logo", response_class=Response)
async def logo(request: Request, door: ProjectDoor) -> Response:
    """Answer the project's picture; 404 without one, 304 when the asker has it already."""
    async with door.read() as tx:
        found = await read_logo(tx, door.project.id)
    if found is None:
        raise NotFound(kind="logo")
    tag = f'"{found.sha256}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


@router.get("/exports/{export}", response_class=StreamingResponse)
async def export(door: ProjectDoor, caller: SignedIn, export: str) -> StreamingResponse:
    """Answer an archive (ZIP) that is done; it is written down who fetched it."""
    door.require(Permission.EXPORT)
    platform, project = door.process.platform, door.project
    async with door.read() as tx:
        row = await exports.find_export(tx, project.id, outside_uid("exp", export))
    if row.state != "done":
        raise NotFound(kind="export")
    async with door.write() as write:
        now = platform.clock.now()
        await exports.note(write, project.id, "project.fetch", row.uid, asker_of(caller), now)
    headers = {
        "Content-Length": str(row.bytes),
        "Content-Disposition": f'attachment; filename="{project.slug}-{row.created_at:%Y%m%d}.zip"',
        "Cache-Control": "no-store",
    }
    parts = exports.parts(platform.database, project.id, row.id)
    return StreamingResponse(parts, media_type="application/zip", headers=headers)
