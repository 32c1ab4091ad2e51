"""Projects that rest or end: suspended by an operator, deleted by their administrator.

A suspended project lets nobody in until it is resumed; whether it takes readings meanwhile is said
with it. A deleted one takes nothing, can be restored for `GRACE`, and then ends for good: no row of
it is left in any table (backend/core/erase.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from backend.core import audit
from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from backend.core.events import publish
from backend.service.people.asker import Asker
from backend.service.people.roles import Permission

GRACE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ClosedProject:
    """A project that lets nobody in, as its members are told of it."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    suspended_at: datetime | None
    delete_at: datetime | None
    looked_after: bool
    """Whether the member may restore it."""


_CLOSED = (
    "SELECT p.id, p.uid, p.slug, p.name, p.suspended_at, p.delete_at,"
    " 'project' = ANY(r.permissions) AND m.node_id IS NULL AS looked_after"
    " FROM project p JOIN membership m ON m.project_id = p.id"
    " JOIN project_role r ON r.project_id = m.project_id AND r.slug = m.role"
    " WHERE m.person_id = %s AND 'read' = ANY(r.permissions)"
    " AND (p.suspended_at IS NOT NULL OR p.delete_at IS NOT NULL)"
)


async def closed_projects(tx: ReadSession, person_id: int) -> list[ClosedProject]:
    """Answer the projects of somebody that let nobody in now."""
    return await tx.fetch_all(_CLOSED + " ORDER BY p.slug", (person_id,), into=ClosedProject)


async def suspend(
    tx: WriteSession, project_id: int, asker: Asker, *, takes_data: bool, now: datetime
) -> None:
    """Let nobody in; readings are taken on or not. Again: only the readings change."""
    await tx.execute(
        "UPDATE project SET suspended_at = coalesce(suspended_at, %s), suspended_takes_data = %s"
        " WHERE id = %s",
        (now, takes_data, project_id),
    )
    about = {"takes_data": takes_data}
    await _note(tx, project_id, asker, "project.suspend", about, now)
    await tell_members(tx, project_id, now)


async def resume(tx: WriteSession, project_id: int, asker: Asker, now: datetime) -> None:
    """Let people in again."""
    await tx.execute(
        "UPDATE project SET suspended_at = NULL, suspended_takes_data = true WHERE id = %s",
        (project_id,),
    )
    await _note(tx, project_id, asker, "project.resume", None, now)


async def delete(
    tx: WriteSession, project_id: int, name: str, asker: Asker, now: datetime
) -> datetime:
    """Delete a project, by its name once more; answers when it ends for good.

    InvalidInput for another name, Conflict for a demonstration.
    """
    row = await tx.fetch_one("SELECT name, demo FROM project WHERE id = %s", (project_id,))
    if row is None:
        raise NotFound(kind="project")
    if row["demo"]:
        raise Conflict("project_demo")
    if name.strip() not in set(row["name"].values()):
        raise InvalidInput("project_name_again")
    end = now + GRACE
    await tx.execute("UPDATE project SET delete_at = %s WHERE id = %s", (end, project_id))
    about = {"delete_at": end.isoformat()}
    await _note(tx, project_id, asker, "project.delete", about, now)
    await tell_members(tx, project_id, now)
    return end


async def restore(
    database: Database, uid: UUID | None, asker: Asker, now: datetime
) -> ClosedProject:
    """Take a deletion back; NotFound for a project that is not deleted or not theirs.

    NotAllowed for a member who does not look after it.
    """
    async with database.platform_read() as tx:
        row = await tx.fetch_one(
            _CLOSED + " AND p.uid = %s AND p.delete_at > %s",
            (asker.person_id, uid, now),
            into=ClosedProject,
        )
    if row is None:
        raise NotFound(kind="project")
    if not row.looked_after:
        raise NotAllowed(permission=Permission.PROJECT.value)
    async with database.project(row.id) as tx:
        restored = await tx.execute(
            "UPDATE project SET delete_at = NULL WHERE id = %s AND delete_at > %s", (row.id, now)
        )
        if not restored:
            raise NotFound(kind="project")
        await _note(tx, row.id, asker, "project.restore", None, now)
    return row


async def tell_members(tx: WriteSession, project_id: int, now: datetime) -> None:
    """Have the web processes look anew whether the members' sockets may stay."""
    rows = await tx.fetch_tuples(
        "SELECT p.uid FROM membership m JOIN person p ON p.id = m.person_id"
        " WHERE m.project_id = %s ORDER BY p.id",
        (project_id,),
    )
    for (uid,) in rows:
        await publish(tx, project_id, "member", str(uid), now)


async def _note(
    tx: WriteSession,
    project_id: int,
    asker: Asker,
    action: str,
    about: Mapping[str, object] | None,
    now: datetime,
) -> None:
    deed = audit.Deed(asker.actor, action, "", "done", asker.person_id, None, about)
    await audit.record(tx, project_id, deed, now)
