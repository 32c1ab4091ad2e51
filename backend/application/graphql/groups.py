"""Groups of projects: who is in one, and what it is told of the projects that consent."""

from datetime import date, datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import KwInfo, asker_of
from backend.application.graphql.enums import GroupLink, Period, Rollup
from backend.application.graphql.group_curves import GroupLine
from backend.application.graphql.naming import Name
from backend.application.graphql.persons import Person
from backend.application.graphql.plant import QUALITIES, Quality
from backend.application.groups import find_mine, list_mine
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.groups import curve, groups, invitations, reading
from backend.service.groups import figures as put_together
from backend.service.groups.figures import Amount, EnergyAmount, Member, Total
from backend.service.groups.groups import GroupPersonRow, GroupRow
from backend.service.groups.invitations import GroupInvitationRow
from backend.service.people.asker import Asker
from gateway.contract.energy import energy_type
from gateway.contract.quality import Quality as Stored


@strawberry.type
class Group:
    """Several projects that somebody looks at together, as far as each consents."""

    id: strawberry.ID
    name: str
    owner: bool = strawberry.field(description="Whether the viewer says who is in it.")
    people_count: int
    project_count: int = strawberry.field(description="How many projects consent.")

    @classmethod
    def of(cls, row: GroupRow) -> "Group":
        """Answer a stored group."""
        return cls(
            id=strawberry.ID(row.ref),
            name=row.name,
            owner=row.owner,
            people_count=row.people,
            project_count=row.projects,
        )


@strawberry.type
class GroupPerson:
    """Somebody of a group."""

    person: Person
    owner: bool
    since: datetime

    @classmethod
    def of(cls, row: GroupPersonRow) -> "GroupPerson":
        """Answer somebody of a group; the language they read is not told."""
        person = Person.of(row.uid, row.login, row.name, "")
        return cls(person=person, owner=row.owner, since=row.since)


@strawberry.type
class GroupInvitation:
    """A one-time link of a group, without what makes it good."""

    id: strawberry.ID
    kind: GroupLink
    note: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: GroupInvitationRow) -> "GroupInvitation":
        """Answer a stored link."""
        return cls(
            id=strawberry.ID(encode_id("inv", row.uid)),
            kind=GroupLink(row.kind),
            note=row.note,
            created_at=row.created_at,
            expires_at=row.expires_at,
            used_at=row.used_at,
            revoked_at=row.revoked_at,
        )


@strawberry.type
class GroupAmount:
    """An exact number, and what it was on the same dates a year before."""

    now: Decimal | None = strawberry.field(description="Null where it is not known or not told.")
    before: Decimal | None = strawberry.field(
        description="A year before; null where any part of that is not known or not told."
    )

    @classmethod
    def of(cls, found: Amount) -> "GroupAmount":
        """Answer an amount."""
        return cls(now=found.now, before=found.before)


@strawberry.type
class GroupEnergy:
    """A quantity of an energy, or coal equivalent per unit of a product."""

    energy: str
    unit: str = strawberry.field(description="The energy's display unit; kgce/unit of a product.")
    amount: GroupAmount

    @classmethod
    def of(cls, row: EnergyAmount, *, per: bool = False) -> "GroupEnergy":
        """Answer a row of figures."""
        unit = energy_type(row.energy).unit.code
        shown = f"kgce/{unit}" if per else unit
        return cls(energy=row.energy, unit=shown, amount=GroupAmount.of(row.amount))


@strawberry.type
class GroupProjectFigures:
    """What one project tells of a period; what it did not consent to is empty."""

    start: datetime = strawberry.field(description="From when on it is told.")
    end: datetime
    energies: list[GroupEnergy]
    kgce: GroupAmount
    kgco2: GroupAmount
    cost: GroupAmount = strawberry.field(description="In the project's currency.")
    intensity: list[GroupEnergy] = strawberry.field(
        description="Coal equivalent per unit of each product."
    )
    quality: Quality = strawberry.field(description="The worst of the span.")
    complete: bool = strawberry.field(
        description="False where an energy that is no medium has no factor or price."
    )


@strawberry.type
class GroupMember:
    """A project that consents, and what it tells of a period."""

    id: strawberry.ID
    name: Name
    currency: str
    rollups: list[Rollup] = strawberry.field(description="What it consented to.")
    since: date = strawberry.field(description="From which of its days on.")
    figures: GroupProjectFigures | None = strawberry.field(
        description="Null where it tells nothing of the period."
    )

    @classmethod
    def of(cls, row: Member) -> "GroupMember":
        """Answer a project as it told of itself."""
        return cls(
            id=strawberry.ID(encode_id("prj", row.uid)),
            name=Name.of(row.name, row.slug),
            currency=row.currency,
            rollups=[one for one in Rollup if one in row.rollups],
            since=row.since,
            figures=None if row.figures is None else _figures(row.figures),
        )


@strawberry.type
class GroupTotal:
    """What the projects that tell it come to together."""

    of: str = strawberry.field(description="An energy, a currency, or empty.")
    unit: str
    projects: int = strawberry.field(description="How many tell it.")
    amount: GroupAmount

    @classmethod
    def of_total(cls, row: Total, unit: str) -> "GroupTotal":
        """Answer a total."""
        amount = GroupAmount.of(row.amount)
        return cls(of=row.of, unit=unit, projects=row.projects, amount=amount)


@strawberry.type
class GroupFigures:
    """A day, month or year of a group: its projects ranked, and what they come to together."""

    members: list[GroupMember] = strawberry.field(
        description="By the amount asked for, the greatest first, those without it last; costs of"
        " one currency stand together."
    )
    energies: list[GroupTotal]
    kgce: GroupTotal
    kgco2: GroupTotal
    costs: list[GroupTotal] = strawberry.field(description="By currency.")


@strawberry.type
class OpenGroup:
    """A group, opened by somebody of it."""

    row: strawberry.Private[GroupRow]
    asker: strawberry.Private[Asker]

    @strawberry.field
    def group(self) -> Group:
        """What it is called, and how many are in it."""
        return Group.of(self.row)

    @strawberry.field
    async def people(self, info: KwInfo) -> list[GroupPerson]:
        """Who is in it, owners first."""
        async with info.context.process.platform.database.platform_read() as tx:
            found = await groups.list_people(tx, self.row.id)
        return [GroupPerson.of(row) for row in found]

    @strawberry.field
    async def invitations(self, info: KwInfo) -> list[GroupInvitation]:
        """Its links, the newest first; none to who does not own it."""
        if not self.row.owner:
            return []
        async with info.context.process.platform.database.platform_read() as tx:
            found = await invitations.list_group_invitations(tx, self.row.id)
        return [GroupInvitation.of(row) for row in found]

    @strawberry.field
    async def figures(
        self,
        info: KwInfo,
        period: Period,
        day: date,
        by: Rollup = Rollup.KGCE,
        energy: str | None = None,
    ) -> GroupFigures:
        """The day, month or year of each plant that holds `day`, beside the year before.

        Ranked by an amount; quantities and intensities need to know of which `energy`. Every
        project keeps who was told figures of it on which day.
        """
        platform = info.context.process.platform
        question = reading.question_of(period.stored, day, platform.clock.now())
        found = await reading.read_members(platform.database, self.row, self.asker, question)
        whole = put_together.totals(found)
        return GroupFigures(
            members=[GroupMember.of(row) for row in put_together.ranked(found, by, energy)],
            energies=[
                GroupTotal.of_total(row, energy_type(row.of).unit.code) for row in whole.energies
            ],
            kgce=GroupTotal.of_total(whole.kgce, "kgce"),
            kgco2=GroupTotal.of_total(whole.kgco2, "kgCO2"),
            costs=[GroupTotal.of_total(row, row.of) for row in whole.costs],
        )

    @strawberry.field
    async def curve(
        self,
        info: KwInfo,
        period: Period,
        last: date,
        count: int,
        by: Rollup = Rollup.KGCE,
        energy: str | None = None,
    ) -> list[GroupLine]:
        """One amount of each project over `count` months (36 at most) or days (62).

        The last is that of each plant which holds `last`. Quantities and intensities need to know
        of which `energy`. Every project keeps who was told figures of it on which day.
        """
        platform = info.context.process.platform
        asked = curve.wanted(period.stored, last, count, by, energy, platform.clock.now())
        found = await curve.read_curve(platform.database, self.row, self.asker, asked)
        return [GroupLine.of(row) for row in found]


@strawberry.type
class GroupOffer:
    """What the holder of a group's link is told before they use it."""

    name: str
    kind: GroupLink
    expires_at: datetime


@strawberry.type
class GroupQuery:
    """Groups of the viewer."""

    @strawberry.field
    async def groups(self, info: KwInfo) -> list[Group] | None:
        """The groups that the viewer is in; null to nobody, none to a key or a shared device."""
        caller = info.context.caller
        if caller is None:
            return None
        return [Group.of(row) for row in await list_mine(info.context.process, caller)]

    @strawberry.field
    async def group(self, info: KwInfo, id: strawberry.ID) -> OpenGroup | None:
        """A group that the viewer is in; null for everybody else, as for one that is not."""
        caller = info.context.caller
        if caller is None:
            return None
        try:
            row = await find_mine(info.context.process, caller, id)
        except NotFound:
            return None
        return OpenGroup(row=row, asker=asker_of(caller))

    @strawberry.field
    async def group_offer(self, info: KwInfo, token: str) -> GroupOffer:
        """What a link of a group offers; for whoever holds it, signed in or not."""
        process = info.context.process
        await process.sign_in.throttle.count_from(info.context.address)
        platform = process.platform
        found = await invitations.offer(platform.database, token, platform.clock.now())
        return GroupOffer(
            name=found.group_name, kind=GroupLink(found.kind), expires_at=found.expires_at
        )


def _figures(found: put_together.Figures) -> GroupProjectFigures:
    return GroupProjectFigures(
        start=found.start,
        end=found.end,
        energies=[GroupEnergy.of(row) for row in found.energies],
        kgce=GroupAmount.of(found.kgce),
        kgco2=GroupAmount.of(found.kgco2),
        cost=GroupAmount.of(found.cost),
        intensity=[GroupEnergy.of(row, per=True) for row in found.intensity],
        quality=QUALITIES[Stored(found.quality)],
        complete=found.complete,
    )
