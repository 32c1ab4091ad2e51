"""Deleting a project and restoring it, and what its members are told while it lets nobody in."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Context, KwInfo, asker_of, enter_to, outside_uid
from backend.application.graphql.enums import Permission
from backend.application.graphql.naming import Name
from backend.core.ids import encode_id
from backend.service.projects import closing
from backend.service.projects.closing import ClosedProject as ClosedRow


@strawberry.type
class ClosedProject:
    """A project of the viewer that lets nobody in now."""

    id: strawberry.ID
    name: Name
    suspended_at: datetime | None = strawberry.field(
        description="Since when the platform's operator lets nobody in."
    )
    delete_at: datetime | None = strawberry.field(
        description="When it ends for good; until then it can be restored."
    )
    may_restore: bool

    @classmethod
    def of(cls, row: ClosedRow) -> "ClosedProject":
        """Answer a stored project."""
        return cls(
            id=strawberry.ID(encode_id("prj", row.uid)),
            name=Name.of(row.name, row.slug),
            suspended_at=row.suspended_at,
            delete_at=row.delete_at,
            may_restore=row.looked_after and row.delete_at is not None,
        )


@strawberry.type
class ClosingMutation:
    """Deleting and restoring."""

    @strawberry.mutation
    async def delete_project(self, info: KwInfo, project: strawberry.ID, name: str) -> datetime:
        """Delete the project, by its name once more; answers when it ends for good."""
        door, asker = await enter_to(info.context, project, Permission.PROJECT)
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            end = await closing.delete(tx, door.project.id, name, asker, now)
        info.context.doors.clear()
        return end

    @strawberry.mutation
    async def restore_project(self, info: KwInfo, project: strawberry.ID) -> bool:
        """Take a deletion back."""
        context = info.context
        caller, platform = context.signed_in(), context.process.platform
        caller.in_person()
        uid, now = outside_uid("prj", project), platform.clock.now()
        await closing.restore(platform.database, uid, asker_of(caller), now)
        context.doors.clear()
        return True


async def read_closed(context: Context) -> list[ClosedProject]:
    """Answer the viewer's projects that let nobody in; none to a key."""
    caller = context.signed_in()
    if caller.scope is not None:
        return []
    async with context.process.platform.database.platform_read() as tx:
        found = await closing.closed_projects(tx, caller.person_id)
    return [ClosedProject.of(row) for row in found]
