"""Invitations of a project, and what the holder of a link is told."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Door, KwInfo
from backend.application.graphql.enums import Permission
from backend.application.graphql.expiring import Expiring
from backend.application.graphql.limited import Limited
from backend.application.graphql.naming import Name
from backend.application.graphql.persons import Person
from backend.core.ids import encode_id
from backend.service.people import invitations
from backend.service.people.invitations import InvitationRow


@strawberry.type
class Invitation(Limited, Expiring):
    """A one-time link into the project, without what makes it good."""

    row: strawberry.Private[InvitationRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("inv", self.row.uid))

    @strawberry.field
    def role(self) -> str:
        return self.row.role

    @strawberry.field
    def note(self) -> str:
        """For whom it is, as whoever invited wrote it."""
        return self.row.note

    @strawberry.field
    async def invited_by(self) -> Person | None:
        return await self.door.persons.load(self.row.invited_by)

    @strawberry.field
    def accepted_at(self) -> datetime | None:
        return self.row.accepted_at

    @strawberry.field
    async def accepted_by(self) -> Person | None:
        number = self.row.accepted_by
        return None if number is None else await self.door.persons.load(number)


@strawberry.type
class InvitationOffer:
    """What the holder of a link is told before they accept."""

    project: str
    project_name: Name
    role_name: Name
    expires_at: datetime


@strawberry.type
class InvitationQuery:
    """What a link offers."""

    @strawberry.field
    async def invitation(self, info: KwInfo, token: str) -> InvitationOffer:
        """For whoever holds the link; signed in or not."""
        process = info.context.process
        await process.sign_in.throttle.count_from(info.context.address)
        platform = process.platform
        found = await invitations.offer(platform.database, token, platform.clock.now())
        return InvitationOffer(
            project=found.project,
            project_name=Name.of(found.project_name, found.project),
            role_name=Name.of(found.role_name, found.role),
            expires_at=found.expires_at,
        )


async def read_invitations(door: Door) -> list[Invitation]:
    """Answer a project's invitations, the newest first; for who looks after people."""
    door.require(Permission.PEOPLE)
    async with door.read() as tx:
        found = await invitations.list_invitations(tx, door.project.id)
    return [Invitation(door=door, row=row) for row in found]
