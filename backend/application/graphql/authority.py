"""Who belongs to a project and what they may do: roles, members, and their limits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import strawberry

from backend.application.graphql.context import (
    Door,
    KwInfo,
    asker_of,
    enter_project,
    outside_uid,
)
from backend.application.graphql.enums import Module, Permission
from backend.application.graphql.limited import Limited, modules_of, part_of
from backend.application.graphql.naming import Name
from backend.application.graphql.persons import Person
from backend.application.graphql.plant import Node
from backend.service.people import authority
from backend.service.people.authority import Change, MemberRow, RoleRow
from backend.service.people.roles import known, within


@strawberry.type
class Role:
    """What its holders may do in the project."""

    slug: str
    name: Name
    permissions: list[Permission]
    ready_made: bool
    ended: bool
    second_factor: bool = strawberry.field(
        description="Whether it opens the project only to sessions that passed a second factor."
    )
    holders: int = strawberry.field(description="How many members have it.")

    @classmethod
    def of(cls, row: RoleRow) -> "Role":
        """Answer a stored role."""
        return cls(
            slug=row.slug,
            name=Name.of(row.name, row.slug),
            permissions=[one for one in Permission if one in row.permissions],
            ready_made=row.ready_made,
            ended=row.ended_at is not None,
            second_factor=row.second_factor,
            holders=row.holders,
        )


@strawberry.type
class Member(Limited):
    """Somebody of the project: their role, and what it is limited to."""

    row: strawberry.Private[MemberRow]

    @strawberry.field
    def person(self) -> Person:
        row = self.row
        return Person.of(row.uid, row.login, row.name, row.locale, row.role)

    @strawberry.field
    def role(self) -> str:
        return self.row.role

    @strawberry.field
    def until(self) -> datetime | None:
        """When the membership ends by itself; null for ever."""
        return self.row.ends_at

    @strawberry.field
    def permissions(self) -> list[Permission]:
        """What is left of the role's permissions within these limits."""
        limit = self.row.limit
        held = known(self.row.stored)
        left = within(held, part=limit.part, modules=limit.modules)
        return [one for one in Permission if one in left]


@strawberry.type
class ProjectPeople:
    """The part of a project that says who may do what in it."""

    door: strawberry.Private[Door]

    @strawberry.field
    def role(self) -> str:
        """The viewer's role in this project."""
        return self.door.project.role

    @strawberry.field
    def permissions(self) -> list[Permission]:
        """What the viewer may do in this project."""
        return [one for one in Permission if one in self.door.project.permissions]

    @strawberry.field
    def modules(self) -> list[Module]:
        """What of the plant is open to the viewer; the rest shows nothing."""
        return modules_of(self.door.project.limit)

    @strawberry.field
    async def part(self) -> Node | None:
        """The place that the viewer's membership is limited to; null for the whole plant."""
        return await part_of(self.door, self.door.project.limit)

    @strawberry.field
    async def roles(self) -> list[Role]:
        """Ready-made ones first; those that have ended last."""
        self.door.require(Permission.PEOPLE)
        async with self.door.read() as tx:
            found = await authority.list_roles(tx, self.door.project.id)
        return [Role.of(row) for row in found]

    @strawberry.field
    async def members(self) -> list[Member]:
        """Everybody who belongs to the project, by login."""
        self.door.require(Permission.PEOPLE)
        async with self.door.read() as tx:
            found = await authority.list_members(tx, self.door.project.id)
        return [Member(door=self.door, row=row) for row in found]


@strawberry.input
class RoleInput:
    """What a role is to be; READ belongs to every role."""

    project: strawberry.ID
    role: str | None = strawberry.field(default=None, description="Slug; null makes a new one.")
    name_en: str
    name_zh: str = ""
    permissions: list[Permission]


@strawberry.input
class MemberInput:
    """What a member is to be."""

    project: strawberry.ID
    person: strawberry.ID
    role: str
    part: strawberry.ID | None = strawberry.field(
        default=None, description="A place, with all below it; null for the whole plant."
    )
    modules: list[Module] | None = strawberry.field(default=None, description="Null for all.")
    until: datetime | None = strawberry.field(
        default=None, description="When the membership ends by itself; null for ever."
    )


@strawberry.type
class AuthorityMutation:
    """Changing roles and memberships; nobody gives more than they have."""

    @strawberry.mutation
    async def set_role(
        self,
        info: KwInfo,
        input: RoleInput,  # noqa: A002 - what the schema calls it
    ) -> Role:
        """Make a role, or change one; whoever holds it may do the new from then on."""
        door = await enter_project(info.context, input.project)
        name = {"en": input.name_en, "zh-CN": input.name_zh}
        permissions = frozenset(input.permissions)
        async with changing(info, door) as change:
            if input.role is None:
                return Role.of(await authority.make_role(change, name, permissions))
            return Role.of(await authority.change_role(change, input.role, name, permissions))

    @strawberry.mutation
    async def end_role(self, info: KwInfo, project: strawberry.ID, role: str) -> Role:
        """End a role that nobody holds; it is given to nobody from then on."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            return Role.of(await authority.end_role(change, role))

    @strawberry.mutation
    async def set_member(
        self,
        info: KwInfo,
        input: MemberInput,  # noqa: A002 - what the schema calls it
    ) -> Member:
        """Give a member another role or other limits, at once."""
        door = await enter_project(info.context, input.project)
        async with changing(info, door) as change:
            limit = await authority.limit_named(
                change.tx, door.project.id, place_of(input.part), input.modules
            )
            person = outside_uid("per", input.person)
            row = await authority.change_member(change, person, input.role, limit, input.until)
        return Member(door=door, row=row)

    @strawberry.mutation
    async def end_member(self, info: KwInfo, project: strawberry.ID, person: strawberry.ID) -> bool:
        """Have somebody belong to the project no more, at once."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            await authority.end_member(change, outside_uid("per", person))
        return True


@asynccontextmanager
async def changing(
    info: KwInfo, door: Door, needed: Permission = Permission.PEOPLE
) -> AsyncIterator[Change]:
    """Open a change of who may do what; NotAllowed without the permission it needs.

    Who stands in for somebody may use what is handed to them here, and gives no more than is their
    own: what they gave would not end with it.
    """
    door.require(needed)
    asker, holds = asker_of(info.context.signed_in()), door.project.own
    now = door.process.platform.clock.now()
    async with door.write() as tx:
        yield await authority.begin(tx, door.project.id, asker, holds, now)


def place_of(part: strawberry.ID | None) -> UUID | None:
    """Answer the place named; an identity that is none names a place that nobody has."""
    return None if part is None else (outside_uid("node", part) or UUID(int=0))
