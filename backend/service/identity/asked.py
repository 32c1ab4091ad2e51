"""Second factors as a project sees them: roles that ask for one, and resetting a lost one."""

from uuid import UUID

from backend.core.db import ReadSession
from backend.core.errors import Conflict, NotAllowed
from backend.core.events import publish
from backend.service.identity.second_factor import take_away
from backend.service.people.authority import (
    Change,
    MemberRow,
    RoleRow,
    find_member,
    find_role,
    list_members,
)
from backend.service.people.roles import Permission
from backend.service.people.sessions import Caller

_ELSEWHERE = (
    "SELECT p.slug FROM membership m JOIN project p ON p.id = m.project_id"
    " WHERE m.person_id = %s AND NOT EXISTS (SELECT 1 FROM membership mine"
    " JOIN project_role r ON r.project_id = mine.project_id AND r.slug = mine.role"
    " WHERE mine.project_id = m.project_id AND mine.person_id = %s AND %s = ANY(r.permissions))"
    " LIMIT 1"
)
"""Projects of somebody in which somebody else has no say over people."""


async def ask(change: Change, caller: Caller, slug: str, *, asked: bool) -> RoleRow:
    """Have a role ask for a second factor, or not any more; its sockets are opened anew.

    NotAllowed for who asks of others what they have not passed themselves: they would lock
    themselves out.
    """
    await find_role(change.tx, change.project_id, slug)
    if asked and not caller.strong:
        raise NotAllowed("second_factor_first")
    await change.tx.execute(
        "UPDATE project_role SET second_factor_since = %s WHERE project_id = %s AND slug = %s",
        (change.now if asked else None, change.project_id, slug),
    )
    for member in await list_members(change.tx, change.project_id):
        if member.role == slug:
            uid = str(member.uid)
            await publish(change.tx, change.project_id, "member", uid, change.now)
    await change.note("role.second_factor", slug, None, {"asked": asked})
    return await find_role(change.tx, change.project_id, slug)


async def reset(change: Change, person: UUID | None) -> MemberRow:
    """Take a member's second factor away, because it was lost; their password stays asked for.

    Who also belongs to a project over whose people the asker has no say is Conflict: one project
    must not weaken the door of another.
    """
    member = await find_member(change.tx, change.project_id, person)
    if await _elsewhere(change.tx, member.person_id, change.asker.person_id):
        raise Conflict("second_factor_elsewhere")
    had = await take_away(change.tx, member.person_id)
    await change.note("member.second_factor_reset", member.ref, {"had": bool(had)}, None)
    return member


async def _elsewhere(tx: ReadSession, person: int, asker: int) -> bool:
    return bool(await tx.fetch_tuples(_ELSEWHERE, (person, asker, Permission.PEOPLE.value)))
