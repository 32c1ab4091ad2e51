"""`/api/v1/logo`: the picture of a project, for its members."""

from fastapi import APIRouter, Request, Response

from backend.application.rest.doors import ProjectDoor
from backend.core.errors import NotFound
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
