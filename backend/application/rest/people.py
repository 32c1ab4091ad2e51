"""`/api/v1/people`: who belongs to a project, as what, and limited to what."""

from fastapi import APIRouter
from pydantic import BaseModel

from backend.application.rest.doors import ProjectDoor
from backend.application.rest.paging import After, First, Page, page_of
from backend.core.ids import encode_id
from backend.service.people import authority
from backend.service.people.authority import MemberRow
from backend.service.people.roles import Permission

router = APIRouter(tags=["people"])


class MemberAnswer(BaseModel):
    """Somebody of the project; `part` is the node they are limited to, `modules` null = all."""

    person: str
    login: str
    name: dict[str, str]
    role: str
    part: str | None
    modules: list[str] | None


@router.get("/people")
async def list_people(
    door: ProjectDoor, first: First = 100, after: After = None
) -> Page[MemberAnswer]:
    """Answer everybody who belongs to the project, by login."""
    door.require(Permission.PEOPLE)
    async with door.read() as tx:
        found = await authority.list_members(tx, door.project.id)
    nodes = (await door.directory()).nodes

    def shown(row: MemberRow) -> MemberAnswer:
        node = nodes.get(row.node_id or 0)
        return MemberAnswer(
            person=row.ref,
            login=row.login,
            name=row.name,
            role=row.role,
            part=None if node is None else encode_id("node", node.uid),
            modules=row.modules,
        )

    return page_of(found, lambda row: row.ref, shown, first, after)
