"""`/api/v1/gateway-releases`: signed releases of the gateway's software, brought by people and
fetched by the gateways that were asked to try one.
"""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from backend.application.graphql.context import asker_of, outside_uid
from backend.application.rest.bodies import received
from backend.application.rest.doors import OwnPage, Process, SignedIn
from backend.application.rest.once import RESPONSES, OnceDoor, OnceRoute
from backend.core.errors import NotFound
from backend.service.gateways import releases
from backend.service.people.roles import Permission

router = APIRouter(tags=["gateways"], route_class=OnceRoute)


class ReleaseAnswer(BaseModel):
    """A release; `sha256` is of its file."""

    sha256: str
    version: str
    min_wire: str
    bytes: int
    uploaded_at: datetime


@router.post("/gateway-releases", status_code=201, dependencies=[OwnPage], responses=RESPONSES)
async def bring(request: Request, caller: SignedIn, door: OnceDoor) -> ReleaseAnswer:
    """Keep a release (the file of `kilowise-gateway release sign` as the body)."""
    door.require(Permission.UPDATE)
    content = await received(request, releases.MAX_BYTES, "release_too_large")
    now = door.process.platform.clock.now()
    async with door.write() as tx:
        row = await releases.bring(tx, door.project.id, content, asker_of(caller), now)
    return ReleaseAnswer.model_validate(row, from_attributes=True)


@router.get("/gateway-releases/{project}/{command}/{sha256}", response_class=Response)
async def fetch(process: Process, project: str, command: str, sha256: str) -> Response:
    """Answer the release of an update that is under way, to the gateway that was told its identity
    and hash over its own connection; 404 for everything else.
    """
    found, database = outside_uid("cmd", command), process.platform.database
    async with database.platform_read() as tx:
        project_id = await releases.project_of(tx, project)
    if found is None or project_id is None:
        raise NotFound(kind="release")
    async with database.read(project_id) as tx:
        now = process.platform.clock.now()
        content = await releases.fetched(tx, project_id, found, sha256, now)
    return Response(content, media_type="application/zip", headers={"Cache-Control": "no-store"})
