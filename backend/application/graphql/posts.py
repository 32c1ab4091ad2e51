"""Shared devices as administrators see them, and the badges that people take them with."""

from datetime import datetime

import strawberry

from backend.application.graphql.authority import changing, place_of
from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.enums import Module, Permission
from backend.application.graphql.limited import place_at
from backend.application.graphql.persons import Person
from backend.application.graphql.plant import Node
from backend.application.graphql.qr import drawn
from backend.service.people import authority, badges, posts
from backend.service.people.badges import Means
from backend.service.people.posts import DeviceRow, HeldRow, Wanted


@strawberry.type
class SharedDevice:
    """A phone or tablet of a post."""

    door: strawberry.Private[Door]
    row: strawberry.Private[DeviceRow]
    held: strawberry.Private[HeldRow | None]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.row.ref)

    @strawberry.field
    def name(self) -> str:
        return self.row.name

    @strawberry.field
    def role(self) -> str:
        """What whoever holds it may do at most."""
        return self.row.role

    @strawberry.field
    async def part(self) -> Node | None:
        """The place of the post; null for the whole plant."""
        return await place_at(self.door, self.row.node_id)

    @strawberry.field
    def modules(self) -> list[Module]:
        return [one for one in Module if one in self.row.limit.modules]

    @strawberry.field
    def idle_s(self) -> int:
        """Seconds without a touch after which a session ends."""
        return self.row.idle_s

    @strawberry.field
    def code_expires_at(self) -> datetime:
        return self.row.code_expires_at

    @strawberry.field
    def enrolled_at(self) -> datetime | None:
        return self.row.enrolled_at

    @strawberry.field
    def revoked_at(self) -> datetime | None:
        return self.row.revoked_at

    @strawberry.field
    async def holder(self) -> Person | None:
        """Who holds it now."""
        return None if self.held is None else await self.door.persons.load(self.held.person_id)

    @strawberry.field
    def held_since(self) -> datetime | None:
        return None if self.held is None else self.held.created_at


@strawberry.type
class TakingMeans:
    """With what a member takes shared devices: since when they have a badge, and a PIN."""

    door: strawberry.Private[Door]
    person_id: strawberry.Private[int]
    badge_since: datetime | None
    pin_since: datetime | None

    @classmethod
    def of(cls, door: Door, person_id: int, means: Means) -> "TakingMeans":
        """Answer what is stored of a member."""
        return cls(
            door=door, person_id=person_id, badge_since=means.badge_at, pin_since=means.pin_at
        )

    @strawberry.field
    async def person(self) -> Person | None:
        return await self.door.persons.load(self.person_id)


@strawberry.type
class ProjectPosts:
    """The part of a project that tells of its shared devices."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def shared_devices(self) -> list[SharedDevice]:
        """Newest first, those taken back too."""
        self.door.require(Permission.PEOPLE)
        project, now = self.door.project.id, self.door.process.platform.clock.now()
        async with self.door.read() as tx:
            found = await posts.list_devices(tx, project)
        async with self.door.process.platform.database.platform_read() as tx:
            held = {one.device_uid: one for one in await posts.held_devices(tx, project, now)}
        return [SharedDevice(door=self.door, row=row, held=held.get(row.uid)) for row in found]

    @strawberry.field
    async def taking_means(self) -> list[TakingMeans]:
        """With what each member takes shared devices."""
        self.door.require(Permission.PEOPLE)
        async with self.door.process.platform.database.platform_read() as tx:
            found = await badges.means_of(tx, self.door.project.id)
        return [TakingMeans.of(self.door, *one) for one in sorted(found.items())]


@strawberry.type
class NewSharedDevice:
    """A post that was made; code, link and QR code are shown this once."""

    code: str
    link: str
    qr: str = strawberry.field(description="The link as an SVG path on a grid of `qrSize`.")
    qr_size: int
    device: SharedDevice


@strawberry.type
class NewBadge:
    """A badge to print; shown this once, and the one before is good no longer."""

    qr: str = strawberry.field(description="Its text as an SVG path on a grid of `qrSize`.")
    qr_size: int


@strawberry.input
class SharedDeviceInput:
    """What a post is to be."""

    project: strawberry.ID
    name: str
    role: str
    part: strawberry.ID | None = strawberry.field(
        default=None, description="A place, with all below it; null for the whole plant."
    )
    modules: list[Module] | None = strawberry.field(default=None, description="Null for all.")
    idle_s: int = strawberry.field(
        default=600, description="Seconds without a touch after which a session ends."
    )


@strawberry.type
class PostMutation:
    """Making and ending posts, and badges."""

    @strawberry.mutation
    async def make_shared_device(
        self,
        info: KwInfo,
        input: SharedDeviceInput,  # noqa: A002 - what the schema calls it
    ) -> NewSharedDevice:
        """Make a post: a one-time code for the device that is to serve it."""
        door = await enter_project(info.context, input.project)
        async with changing(info, door) as change:
            limit = await authority.limit_named(
                change.tx, door.project.id, place_of(input.part), input.modules
            )
            wanted = Wanted(input.name, input.role, limit, input.idle_s)
            code, row = await posts.make_device(change, door.project.slug, wanted)
        link = f"{door.process.platform.public_url.rstrip('/')}/post#{code}"
        path, size = drawn(link)
        device = SharedDevice(door=door, row=row, held=None)
        return NewSharedDevice(code=code, link=link, qr=path, qr_size=size, device=device)

    @strawberry.mutation
    async def end_shared_device(
        self,
        info: KwInfo,
        project: strawberry.ID,
        id: strawberry.ID,
    ) -> SharedDevice:
        """Take a device back at once: nobody can take it any more."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            row = await posts.end_device(change, outside_uid("shd", id))
        return SharedDevice(door=door, row=row, held=None)

    @strawberry.mutation
    async def free_shared_device(
        self,
        info: KwInfo,
        project: strawberry.ID,
        id: strawberry.ID,
    ) -> SharedDevice:
        """Sign out whoever holds a device, at once; their sockets close."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            row = await posts.free_device(change, outside_uid("shd", id))
        return SharedDevice(door=door, row=row, held=None)

    @strawberry.mutation
    async def make_badge(
        self, info: KwInfo, project: strawberry.ID, person: strawberry.ID
    ) -> NewBadge:
        """Make a member's badge; one they had is good no longer."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            uid = outside_uid("per", person)
            member = await authority.find_member(change.tx, door.project.id, uid)
            badge = await badges.make_badge(change, member)
        path, size = drawn(badge)
        return NewBadge(qr=path, qr_size=size)

    @strawberry.mutation
    async def end_badge(self, info: KwInfo, project: strawberry.ID, person: strawberry.ID) -> bool:
        """End a member's badge at once."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            uid = outside_uid("per", person)
            member = await authority.find_member(change.tx, door.project.id, uid)
            await badges.end_badge(change, member)
        return True
