"""Second factors as a project sees them: roles that ask for one, and resetting a lost one."""

from uuid import UUID

from backend.core.errors import Conflict, NotAllowed
from backend.service.identity.second_factor import take_away
from backend.service.people.authority import (
    Change,
    MemberRow,
    RoleRow,
    find_member,
    find_role,
    list_members,
    tell,
)
from backend.service.people.roles import Permission
from backend.service.people.sessions import Caller

_ELSEWHERE = (
    "SELECT 1 FROM membership m"
    " WHERE m.person_id = %(person)s AND NOT EXISTS (SELECT 1 FROM membership mine"
    " JOIN project_role r ON r.project_id = mine.project_id AND r.slug = mine.role"
    " WHERE mine.project_id = m.project_id AND mine.person_id = %(asker)s"
    " AND (mine.ends_at IS NULL OR mine.ends_at > %(now)s) AND %(people)s = ANY(r.permissions))"
    " UNION ALL SELECT 1 FROM platform_operator o WHERE o.person_id = %(person)s"
    " AND NOT EXISTS (SELECT 1 FROM platform_operator mine WHERE mine.person_id = %(asker)s)"
    " UNION ALL SELECT 1 FROM group_person g JOIN project_group going"
    " ON going.id = g.group_id AND going.ended_at IS NULL"
    " WHERE g.person_id = %(person)s AND NOT EXISTS (SELECT 1 FROM group_person mine"
    " WHERE mine.group_id = g.group_id AND mine.person_id = %(asker)s AND mine.owner)"
    " LIMIT 1"
)
"""What somebody's second factor guards and somebody else has no say over: other projects, groups,
and the platform itself, whose operators look after it.
"""


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
    members = await list_members(change.tx, change.project_id)
    await tell(change, [member.uid for member in members if member.role == slug])
    await change.note("role.second_factor", slug, None, {"asked": asked})
    return await find_role(change.tx, change.project_id, slug)


async def reset(change: Change, person: UUID | None) -> MemberRow:
    """Take a member's second factor away, because it was lost; their password stays asked for.

    Who also belongs to a project or group over whose people the asker has no say, or is an operator
    where the asker is none, is Conflict: one project must not weaken another's door.
    """
    member = await find_member(change.tx, change.project_id, person)
    if await _elsewhere(change, member.person_id):
        raise Conflict("second_factor_elsewhere")
    had = await take_away(change.tx, member.person_id)
    await change.note("member.second_factor_reset", member.ref, {"had": bool(had)}, None)
    return member


async def _elsewhere(change: Change, person: int) -> bool:
    asked = {
        "person": person,
        "asker": change.asker.person_id,
        "people": Permission.PEOPLE.value,
        "now": change.now,
    }
    return bool(await change.tx.fetch_tuples(_ELSEWHERE, asked))
