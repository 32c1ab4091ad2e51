"""What members hand to each other for a while."""

from datetime import datetime

import strawberry

from backend.application.graphql.authority import place_of
from backend.application.graphql.context import (
    Door,
    KwInfo,
    asker_of,
    enter_project,
    outside_uid,
)
from backend.application.graphql.enums import Module, Permission
from backend.application.graphql.limited import place_at
from backend.application.graphql.persons import Person
from backend.application.graphql.plant import Node
from backend.core.ids import encode_id
from backend.service.people import authority, delegations
from backend.service.people.authority import Grant
from backend.service.people.delegations import DelegationRow, Wanted


@strawberry.type
class Delegation:
    """Permissions of one member that another has too, from an instant to another."""

    door: strawberry.Private[Door]
    row: strawberry.Private[DelegationRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("dlg", self.row.uid))

    @strawberry.field
    async def giver(self) -> Person | None:
        return await self.door.persons.load(self.row.given_by)

    @strawberry.field
    async def taker(self) -> Person | None:
        return await self.door.persons.load(self.row.person_id)

    @strawberry.field
    def permissions(self) -> list[Permission]:
        """As far as the giver has them at that moment."""
        return [one for one in Permission if one in self.row.permissions]

    @strawberry.field
    async def part(self) -> Node | None:
        """The place it is for, with all below it; null for the whole plant."""
        return await place_at(self.door, self.row.node_id)

    @strawberry.field
    def modules(self) -> list[Module]:
        return [one for one in Module if one in self.row.limit.modules]

    @strawberry.field
    def start(self) -> datetime:
        return self.row.valid_from

    @strawberry.field
    def end(self) -> datetime:
        return self.row.valid_to

    @strawberry.field
    def note(self) -> str:
        return self.row.note

    @strawberry.field
    def ended(self) -> bool:
        """Whether it was ended before its time."""
        return self.row.revoked_at is not None


@strawberry.type
class ProjectDelegations:
    """The part of a project that tells what its members hand to each other."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def delegations(self, info: KwInfo) -> list[Delegation]:
        """Going and to come: one's own, given and taken; all for who looks after people.

        It is told to people alone: a key or a shared device hears of none.
        """
        caller, door = info.context.signed_in(), self.door
        if caller.scope is not None:
            return []
        async with door.process.platform.database.platform_read() as tx:
            found = await delegations.list_delegations(tx, door.project.id)
        everything = Permission.PEOPLE in door.project.permissions
        now = door.process.platform.clock.now()
        return [
            Delegation(door=door, row=row)
            for row in found
            if row.valid_to > now
            and (everything or caller.person_id in {row.given_by, row.person_id})
        ]


@strawberry.input
class DelegationInput:
    """What is handed over to whom."""

    project: strawberry.ID
    login: str = strawberry.field(description="Of the member who takes it.")
    permissions: list[Permission] | None = strawberry.field(
        default=None, description="Null for all that one's own membership gives."
    )
    part: strawberry.ID | None = strawberry.field(
        default=None, description="A place, with all below it; null for all of one's own part."
    )
    start: datetime
    end: datetime
    note: str = ""


@strawberry.type
class DelegationMutation:
    """Handing over, and ending that."""

    @strawberry.mutation
    async def hand_over(
        self,
        info: KwInfo,
        input: DelegationInput,  # noqa: A002 - what the schema calls it
    ) -> Delegation:
        """Hand one's role, or a part of it, to another member for a while."""
        caller = info.context.signed_in()
        caller.in_person()
        door = await enter_project(info.context, input.project)
        platform, project = door.process.platform, door.project
        async with platform.database.project(project.id) as tx:
            now, holds = platform.clock.now(), Grant(project.permissions, project.limit)
            change = await authority.begin(tx, project.id, asker_of(caller), holds, now)
            own = await authority.limit_named(tx, project.id, place_of(input.part), None)
            wanted = Wanted(
                input.login.strip().casefold(),
                None if input.permissions is None else frozenset(input.permissions),
                own.node_id,
                input.start,
                input.end,
                input.note,
            )
            row = await delegations.hand_over(change, wanted)
        return Delegation(door=door, row=row)

    @strawberry.mutation
    async def end_delegation(
        self,
        info: KwInfo,
        project: strawberry.ID,
        id: strawberry.ID,
    ) -> Delegation:
        """End something handed over, at once: by who gave or has it, or who looks after people."""
        caller = info.context.signed_in()
        caller.in_person()
        door = await enter_project(info.context, project)
        platform, number = door.process.platform, door.project.id
        async with platform.database.project(number) as tx:
            holds = Grant(door.project.permissions, door.project.limit)
            now = platform.clock.now()
            change = await authority.begin(tx, number, asker_of(caller), holds, now)
            row = await delegations.end_delegation(change, outside_uid("dlg", id))
        return Delegation(door=door, row=row)
