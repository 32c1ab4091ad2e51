"""By what people and programs get in: sessions, and keys; both are shown and ended here."""

from datetime import datetime

import strawberry

from backend.application.graphql.authority import ProjectPeople, changing, place_of
from backend.application.graphql.context import Context, KwInfo, enter_project, outside_uid
from backend.application.graphql.enums import Module, Permission
from backend.application.graphql.invitations import Invitation, read_invitations
from backend.application.graphql.lent import Lent
from backend.application.graphql.limited import Limited
from backend.core.ids import encode_id
from backend.service.people import authority, keys, sessions
from backend.service.people.keys import KeyRow, Wanted
from backend.service.people.sessions import SessionRow


@strawberry.type
class OpenSession:
    """A session of the viewer that is open."""

    id: strawberry.ID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    script: bool = strawberry.field(description="Whether a script began it, for a bearer token.")
    user_agent: str
    address: str
    current: bool = strawberry.field(description="Whether it is the one that asks.")

    @classmethod
    def of(cls, row: SessionRow, asking: bytes) -> "OpenSession":
        """Answer a stored session."""
        return cls(
            id=strawberry.ID(encode_id("ses", row.uid)),
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            script=row.bearer,
            user_agent=row.user_agent or "",
            address=row.address,
            current=row.token_hash == asking,
        )


@strawberry.type
class ApiKey(Lent, Limited):
    """A key of a program, without its secret."""

    row: strawberry.Private[KeyRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("key", self.row.uid))

    @strawberry.field
    def permissions(self) -> list[Permission]:
        return [one for one in Permission if one in self.row.permissions]

    @strawberry.field
    def last_used_at(self) -> datetime | None:
        return self.row.last_used_at


@strawberry.type
class NewApiKey:
    """A key that was made; `secret` is shown this once."""

    secret: str
    key: ApiKey


@strawberry.type
class ProjectAccess(ProjectPeople):
    """The part of a project that says who and which programs get in."""

    @strawberry.field
    async def invitations(self) -> list[Invitation]:
        """Newest first, accepted, revoked and expired ones too."""
        return await read_invitations(self.door)

    @strawberry.field
    async def api_keys(self) -> list[ApiKey]:
        """Newest first, revoked and expired ones too."""
        self.door.require(Permission.KEYS)
        async with self.door.read() as tx:
            found = await keys.list_keys(tx, self.door.project.id)
        return [ApiKey(door=self.door, row=row) for row in found]


@strawberry.input
class ApiKeyInput:
    """What a key is to be good for; READ belongs to every key."""

    project: strawberry.ID
    name: str
    permissions: list[Permission]
    part: strawberry.ID | None = strawberry.field(
        default=None, description="A place, with all below it; null for the whole plant."
    )
    modules: list[Module] | None = strawberry.field(default=None, description="Null for all.")
    days: int = strawberry.field(default=365, description="Until it expires, at most 730.")


@strawberry.type
class AccessMutation:
    """Ending sessions, making and revoking keys."""

    @strawberry.mutation
    async def end_session(self, info: KwInfo, id: strawberry.ID) -> bool:
        """End a session of one's own; its sockets close."""
        caller, process = info.context.signed_in(), info.context.process
        caller.in_person()
        now = process.platform.clock.now()
        async with process.platform.database.platform_read() as tx:
            uid = outside_uid("ses", id)
            found = await sessions.find_session(tx, caller.person_id, uid, now)
        await process.sign_in.end_session(caller.person_id, found.token_hash)
        return True

    @strawberry.mutation
    async def end_sessions_of(
        self, info: KwInfo, project: strawberry.ID, person: strawberry.ID
    ) -> int:
        """End every session of a member, wherever they are signed in; how many there were."""
        door = await enter_project(info.context, project)
        async with changing(info, door) as change:
            uid = outside_uid("per", person)
            member = await authority.find_member(change.tx, door.project.id, uid)
            open_ones = await sessions.list_sessions(change.tx, member.person_id, change.now)
            about = {"sessions": len(open_ones)}
            await change.note("member.sessions_end", member.ref, about, None)
        for one in open_ones:
            await info.context.process.sign_in.end_session(member.person_id, one.token_hash)
        return len(open_ones)

    @strawberry.mutation
    async def make_api_key(
        self,
        info: KwInfo,
        input: ApiKeyInput,  # noqa: A002 - what the schema calls it
    ) -> NewApiKey:
        """Make a key that acts for the viewer with some of their permissions."""
        door = await enter_project(info.context, input.project)
        async with changing(info, door, Permission.KEYS) as change:
            limit = await authority.limit_named(
                change.tx, door.project.id, place_of(input.part), input.modules
            )
            wanted = Wanted(input.name, frozenset(input.permissions), limit, input.days)
            secret, row = await keys.make_key(change, wanted)
        return NewApiKey(secret=secret, key=ApiKey(door=door, row=row))

    @strawberry.mutation
    async def revoke_api_key(
        self,
        info: KwInfo,
        project: strawberry.ID,
        id: strawberry.ID,
    ) -> ApiKey:
        """End a key at once; its sockets close."""
        door = await enter_project(info.context, project)
        async with changing(info, door, Permission.KEYS) as change:
            row = await keys.revoke_key(change, outside_uid("key", id))
        return ApiKey(door=door, row=row)


async def read_sessions(context: Context) -> list[OpenSession]:
    """Answer the viewer's open sessions, the one seen last first."""
    caller, platform = context.signed_in(), context.process.platform
    caller.in_person()
    async with platform.database.platform_read() as tx:
        found = await sessions.list_sessions(tx, caller.person_id, platform.clock.now())
    return [OpenSession.of(row, caller.token_hash) for row in found]
