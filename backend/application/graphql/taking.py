"""A shared device as it is held: enrolling it, who may take it, taking it, and proving taps."""

from dataclasses import replace
from datetime import datetime

import strawberry

from backend.application.graphql.context import Context, KwInfo, outside_uid
from backend.application.graphql.naming import Name
from backend.core.errors import InvalidInput, NotAllowed, NotFound
from backend.core.ids import encode_id
from backend.service.people import badges, posts, taking
from backend.service.people.posts import DeviceRow
from backend.service.people.taking import Candidate
from backend.service.people.throttle import forget_failures, note_failure, wait_out


@strawberry.type
class PostPerson:
    """Somebody who may take the device with their PIN."""

    id: strawberry.ID
    name: Name

    @classmethod
    def of(cls, row: Candidate) -> "PostPerson":
        """Answer a member with a PIN."""
        uid = strawberry.ID(encode_id("per", row.uid))
        return cls(id=uid, name=Name.of(row.name, row.login))


@strawberry.type
class Post:
    """The post that the asking device is enrolled to."""

    row: strawberry.Private[DeviceRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.row.ref)

    @strawberry.field
    def name(self) -> str:
        return self.row.name

    @strawberry.field
    def idle_s(self) -> int:
        """Seconds without a touch after which a session ends."""
        return self.row.idle_s

    @strawberry.field
    async def people(self, info: KwInfo) -> list[PostPerson]:
        """Who may take it with a PIN."""
        platform = info.context.process.platform
        async with platform.database.platform_read() as tx:
            found = await taking.candidates(tx, self.row.project_id, platform.clock.now())
        return [PostPerson.of(row) for row in found]


@strawberry.type
class TakenPost:
    """A session on the shared device that began."""

    person: strawberry.ID
    tap: str = strawberry.field(
        description="The device keeps it with what is tapped without a network, see `acknowledge`."
    )


@strawberry.input
class TakeInput:
    """Who takes the device: a badge's text, or a person and their PIN."""

    badge: str | None = None
    person: strawberry.ID | None = None
    pin: str | None = None


@strawberry.type
class TakingQuery:
    """What a shared device may ask without anybody signed in."""

    @strawberry.field
    async def post(self, info: KwInfo) -> Post | None:
        """Null for a device that is not enrolled."""
        row = await _device(info.context)
        return None if row is None else Post(row=row)


@strawberry.type
class TakingMutation:
    """Enrolling and taking a shared device; setting one's PIN."""

    @strawberry.mutation
    async def enrol_device(self, info: KwInfo, code: str) -> Post:
        """Make the asking device one of a post; the answer carries its cookie."""
        context = info.context
        _by_http(context)
        await context.process.sign_in.throttle.count_from(context.address)
        platform = context.process.platform
        credential, row = await posts.enrol(platform.database, code, platform.clock.now())
        context.new_device = context.device = credential
        return Post(row=row)

    @strawberry.mutation
    async def take_post(
        self,
        info: KwInfo,
        input: TakeInput,  # noqa: A002 - what the schema calls it
    ) -> TakenPost:
        """Take the shared device; whoever held it is signed out of it."""
        context = info.context
        _by_http(context)
        device = await _device(context)
        if device is None:
            raise NotFound(kind="shared_device")
        platform = context.process.platform
        person = await _proved(context, device, input)
        taken = await taking.take(
            platform.database, device, person, context.user_agent, platform.clock.now()
        )
        caller = await context.process.sign_in.caller(taken.token, bearer=False)
        if caller is None:
            raise NotAllowed("post_not_member")
        context.caller, context.new_token, context.signed_out = caller, taken.token, False
        context.new_device = context.device
        context.doors.clear()
        return TakenPost(person=strawberry.ID(encode_id("per", caller.uid)), tap=taken.tap)

    @strawberry.mutation
    async def stay_at_post(self, info: KwInfo) -> datetime | None:
        """Somebody touched the device: until when the session lasts; null on one's own device."""
        platform = info.context.process.platform
        caller = info.context.signed_in()
        return await taking.stay(platform.database, caller, platform.clock.now())

    @strawberry.mutation
    async def set_pin(self, info: KwInfo, pin: str) -> bool:
        """Choose the six digits with which one takes shared devices."""
        caller, process = info.context.signed_in(), info.context.process
        caller.in_person()
        hashed = await process.sign_in.passwords.hash_pin(pin)
        platform = process.platform
        await badges.set_pin(platform.database, caller, hashed, platform.clock.now())
        return True


async def held_post(context: Context) -> Post | None:
    """Answer the post that the caller is signed in at; None on a device of their own."""
    caller = context.caller
    if caller is None or caller.device is None or caller.scope is None:
        return None
    async with context.process.platform.database.platform_read() as tx:
        return Post(row=await posts.find_device(tx, caller.scope.project_id, caller.device))


async def tapping(context: Context, tap: str, at: datetime) -> Context:
    """Answer the surroundings of who held the shared device when something was tapped at `at`."""
    platform = context.process.platform
    device = await _device(context)
    caller = await taking.tapped_by(platform.database, device, tap, at, platform.clock.now())
    return replace(context, caller=caller, doors={})


async def _device(context: Context) -> DeviceRow | None:
    return await posts.device_of(context.process.platform.database, context.device)


async def _proved(context: Context, device: DeviceRow, told: TakeInput) -> int:
    """Answer who takes a device; NotAllowed alike for a wrong PIN and for one who has none.

    Failures are counted for this person at this device: nobody is locked out anywhere else.
    """
    platform, sign_in = context.process.platform, context.process.sign_in
    database, now = platform.database, platform.clock.now()
    if told.badge is not None:
        await sign_in.throttle.count_from(device.ref)
        async with database.platform_read() as tx:
            holder = await badges.badge_holder(tx, device.project_id, told.badge)
        if holder is None:
            raise NotAllowed("badge_wrong")
        return holder
    uid = outside_uid("per", told.person or "")
    async with database.platform_read() as tx:
        one = await taking.find_candidate(tx, device.project_id, uid, now)
    login = one.login if one else ""
    await sign_in.throttle.count(login, device.ref)
    await wait_out(database, login, device.ref, now)
    right = await sign_in.passwords.verify(one.pin_hash if one else None, told.pin or "")
    if one is None or not right:
        await note_failure(database, login, device.ref, now)
        raise NotAllowed("pin_wrong")
    await sign_in.throttle.forgive(login, device.ref)
    await forget_failures(database, login, device.ref)
    return one.id


def _by_http(context: Context) -> None:
    if context.socket:
        raise InvalidInput("sign_in_by_http")
