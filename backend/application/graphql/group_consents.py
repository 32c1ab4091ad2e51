"""What a project lets groups see: giving, changing and ending it, and who looked at what."""

from collections.abc import Sequence
from datetime import date, datetime

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_to, outside_uid
from backend.application.graphql.enums import Module, Permission, Rollup
from backend.application.graphql.persons import Person
from backend.core.errors import NotAllowed
from backend.core.ids import encode_id
from backend.service.groups import consents
from backend.service.groups.consents import Consent, Looker
from backend.service.people.asker import Asker


@strawberry.type
class GroupLooker:
    """Somebody of a group that the project consented to."""

    person: Person
    owner: bool
    gone: bool = strawberry.field(description="Whether they are not in the group any more.")
    days: int = strawberry.field(description="On how many days they were told figures.")
    last: date | None = strawberry.field(description="The last of these, by UTC.")

    @classmethod
    def of(cls, row: Looker) -> "GroupLooker":
        """Answer a stored row; the language they read is not told."""
        return cls(
            person=Person.of(row.uid, row.login, row.name, ""),
            owner=bool(row.owner),
            gone=row.owner is None,
            days=row.days,
            last=row.last,
        )


@strawberry.type
class GroupConsent:
    """What the project lets a group see, or let it see until `endedAt`."""

    id: strawberry.ID
    group: str = strawberry.field(description="What the group is called.")
    rollups: list[Rollup]
    since: date = strawberry.field(description="Nothing before this day of the plant is told.")
    given_at: datetime
    ended_at: datetime | None
    people: list[GroupLooker] = strawberry.field(
        description="Who is in the group, and who was told figures of the project."
    )

    @classmethod
    def of(cls, row: Consent, lookers: Sequence[Looker]) -> "GroupConsent":
        """Answer a stored consent with the people of its group."""
        return cls(
            id=strawberry.ID(encode_id("cst", row.uid)),
            group=row.group_name,
            rollups=[one for one in Rollup if row.allows(one)],
            since=row.since,
            given_at=row.given_at,
            ended_at=row.ended_at,
            people=[GroupLooker.of(one) for one in lookers if one.group_id == row.group_id],
        )


@strawberry.type
class ProjectGroups:
    """The part of a project that says what groups see of it."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def group_consents(self) -> list[GroupConsent]:
        """What groups see of the project, those that go on first; for who looks after it."""
        self.door.require(Permission.PROJECT)
        async with self.door.read() as tx:
            found = await consents.list_consents(tx, self.door.project.id)
            groups = {row.group_id for row in found}
            people = await consents.lookers(tx, self.door.project.id, groups)
        return [GroupConsent.of(row, people) for row in found]


@strawberry.type
class ConsentMutation:
    """Letting groups see roll-ups of a project."""

    @strawberry.mutation
    async def give_group_consent(
        self,
        info: KwInfo,
        project: strawberry.ID,
        token: str,
        rollups: list[Rollup],
        since: date,
    ) -> GroupConsent:
        """Let the group that sent a link see these roll-ups from a day of the plant on."""
        door, asker = await _entered(info, project)
        await door.process.sign_in.throttle.count_from(info.context.address)
        number, now = door.project.id, door.process.platform.clock.now()
        async with door.write() as tx:
            given = await consents.give(tx, number, token, rollups, since, asker, now)
            people = await consents.lookers(tx, number, {given.group_id})
        return GroupConsent.of(given, people)

    @strawberry.mutation
    async def change_group_consent(
        self,
        info: KwInfo,
        project: strawberry.ID,
        id: strawberry.ID,
        rollups: list[Rollup],
        since: date,
    ) -> GroupConsent:
        """Let a group see other roll-ups, or from another day on."""
        door, asker = await _entered(info, project)
        uid, now = outside_uid("cst", id), door.process.platform.clock.now()
        number = door.project.id
        async with door.write() as tx:
            given = await consents.change(tx, number, uid, rollups, since, asker, now)
            people = await consents.lookers(tx, number, {given.group_id})
        return GroupConsent.of(given, people)

    @strawberry.mutation
    async def end_group_consent(
        self, info: KwInfo, project: strawberry.ID, id: strawberry.ID
    ) -> GroupConsent:
        """Let a group see nothing any more, at once."""
        door, asker = await _entered(info, project)
        uid, now = outside_uid("cst", id), door.process.platform.clock.now()
        number = door.project.id
        async with door.write() as tx:
            ended = await consents.end(tx, number, uid, asker, now)
            people = await consents.lookers(tx, number, {ended.group_id})
        return GroupConsent.of(ended, people)


async def _entered(info: KwInfo, project: str) -> tuple[Door, Asker]:
    """Open a project to whoever may let groups see its figures, who sees them all."""
    door, asker = await enter_to(info.context, project, Permission.PROJECT)
    info.context.signed_in().in_person()
    if Module.ENERGY not in door.project.limit.modules:
        raise NotAllowed("gives_more_places")
    return door, asker
