"""Configuration documents of gateways and the project's own device profiles."""

from datetime import datetime
from enum import Enum

import strawberry

from backend.application.graphql.context import Door, KwInfo, asker_of, enter_project, outside_uid
from backend.application.graphql.persons import Person
from backend.application.lengths import list_length
from backend.core.ids import encode_id
from backend.service.gateways import configuration, profiles
from backend.service.gateways.configuration import ConfigRow, GatewayKey
from backend.service.people.roles import Permission
from backend.service.people.sessions import Caller

MOST = 100


@strawberry.enum
class ConfigState(Enum):
    """How far a version is: waiting, sent, and what the gateway did with it."""

    WAITING = "WAITING"
    SENT = "SENT"
    APPLIED = "APPLIED"
    REFUSED = "REFUSED"
    ROLLED_BACK = "ROLLED_BACK"
    SUPERSEDED = "SUPERSEDED"


@strawberry.type
class GatewayConfig:
    """One version of a gateway's configuration document."""

    door: strawberry.Private[Door]
    gateway: strawberry.Private[GatewayKey]
    row: strawberry.Private[ConfigRow]

    @strawberry.field
    def version(self) -> int:
        return self.row.version

    @strawberry.field
    def hash(self) -> str:
        """SHA-256 of the document's text."""
        return self.row.hash

    @strawberry.field
    def text(self) -> str:
        """The document: YAML in the form of a gateway's file. Lines may have passwords in it."""
        self.door.require(Permission.CONFIGURE)
        return self.row.content

    @strawberry.field
    def note(self) -> str:
        """What the person who put it wrote about it."""
        return self.row.note

    @strawberry.field
    async def person(self) -> Person | None:
        """Who put it."""
        return await self.door.persons.load(self.row.person_id)

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    def sent_at(self) -> datetime | None:
        """When it was last sent; it is sent again until it is answered."""
        return self.row.sent_at

    @strawberry.field
    def state(self) -> ConfigState:
        return ConfigState[self.row.state.upper()]

    @strawberry.field
    def state_at(self) -> datetime | None:
        """The gateway's time of its answer."""
        return self.row.state_at

    @strawberry.field
    def problems(self) -> list[str]:
        """What the gateway said of it: sentences with place and remedy, in English."""
        return self.row.problems or []

    @strawberry.field
    async def diff(self, since: int | None = None) -> str:
        """What is new in it since another version (the one before by default), as unified lines."""
        self.door.require(Permission.CONFIGURE)
        wanted = self.row.version - 1 if since is None else since
        if wanted < 1:
            return ""
        async with self.door.read() as tx:
            old = await configuration.find_config(tx, self.door.project.id, self.gateway.id, wanted)
        return configuration.difference(old, self.row)


@strawberry.type
class DeviceProfile:
    """A device profile that this project brought itself."""

    row: strawberry.Private[profiles.ProfileRow]

    @strawberry.field
    def name(self) -> str:
        """`vendor/model`."""
        return self.row.name

    @strawberry.field
    def hash(self) -> str:
        """SHA-256 of its text."""
        return self.row.hash

    @strawberry.field
    def text(self) -> str:
        """YAML, docs/extending.md."""
        return self.row.text

    @strawberry.field
    def uploaded_at(self) -> datetime:
        return self.row.uploaded_at


@strawberry.type
class UploadedProfile:
    """A stored profile, and who gets it at once because their configuration names it."""

    profile: DeviceProfile
    gateway_ids: list[strawberry.ID]


@strawberry.input
class PutConfigInput:
    """A document for a gateway."""

    project: strawberry.ID
    gateway: strawberry.ID
    text: str = strawberry.field(description="YAML or JSON: lines, devices, intervals, profiles.")
    note: str = ""
    after: int | None = strawberry.field(
        default=None,
        description="The newest version the person saw: refused when there is a newer.",
    )


@strawberry.type
class ConfigMutation:
    """Configuring gateways."""

    @strawberry.mutation
    async def put_gateway_config(
        self,
        info: KwInfo,
        input: PutConfigInput,  # noqa: A002 - what the schema calls it
    ) -> GatewayConfig:
        """Make a document the one that the gateway is to have; it answers later, see `configs`."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        return await put(door, caller, input.gateway, input.text, input.note, input.after)

    @strawberry.mutation
    async def roll_back_gateway_config(
        self, info: KwInfo, project: strawberry.ID, gateway: strawberry.ID, version: int
    ) -> GatewayConfig:
        """Put the document of an earlier version again."""
        caller = info.context.signed_in()
        return await back(await enter_project(info.context, project), caller, gateway, version)

    @strawberry.mutation
    async def upload_profile(
        self, info: KwInfo, project: strawberry.ID, name: str, text: str
    ) -> UploadedProfile:
        """Store a device profile `vendor/model`; gateways that use it get it without a restart."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        uploaded = await upload(door, caller, name, text)
        return UploadedProfile(
            profile=DeviceProfile(row=uploaded.profile),
            gateway_ids=[strawberry.ID(encode_id("gtw", uid)) for uid in uploaded.gateways],
        )

    @strawberry.mutation
    async def remove_profile(self, info: KwInfo, project: strawberry.ID, name: str) -> bool:
        """Forget a device profile that no gateway is to use."""
        caller = info.context.signed_in()
        await remove(await enter_project(info.context, project), caller, name)
        return True


async def put(
    door: Door, caller: Caller, gateway: str, text: str, note: str, after: int | None
) -> GatewayConfig:
    """Put a document, for GraphQL and REST alike."""
    door.require(Permission.CONFIGURE)
    now, project = door.process.platform.clock.now(), door.project.id
    async with door.write() as tx:
        key = await configuration.find_gateway(tx, project, outside_uid("gtw", gateway))
        row = await configuration.put_config(
            tx, project, key, text, note, asker_of(caller), now, after=after
        )
    return GatewayConfig(door=door, gateway=key, row=row)


async def back(door: Door, caller: Caller, gateway: str, version: int) -> GatewayConfig:
    """Put an earlier version again, for GraphQL and REST alike."""
    door.require(Permission.CONFIGURE)
    now, project = door.process.platform.clock.now(), door.project.id
    async with door.write() as tx:
        key = await configuration.find_gateway(tx, project, outside_uid("gtw", gateway))
        row = await configuration.roll_back(tx, project, key, version, asker_of(caller), now)
    return GatewayConfig(door=door, gateway=key, row=row)


async def upload(door: Door, caller: Caller, name: str, text: str) -> profiles.Uploaded:
    """Store a profile, for GraphQL and REST alike."""
    door.require(Permission.CONFIGURE)
    now = door.process.platform.clock.now()
    async with door.write() as tx:
        return await profiles.upload(tx, door.project.id, name, text, asker_of(caller), now)


async def remove(door: Door, caller: Caller, name: str) -> None:
    """Forget a profile, for GraphQL and REST alike."""
    door.require(Permission.CONFIGURE)
    now = door.process.platform.clock.now()
    async with door.write() as tx:
        await profiles.remove(tx, door.project.id, name, asker_of(caller), now)


async def list_configs(door: Door, key: GatewayKey, first: int) -> list[GatewayConfig]:
    """Answer a gateway's versions, newest first; at most `MOST`."""
    list_length(first, MOST)
    async with door.read() as tx:
        found = await configuration.list_configs(tx, door.project.id, key.id, first)
    return [GatewayConfig(door=door, gateway=key, row=row) for row in found]


async def list_profiles(door: Door) -> list[DeviceProfile]:
    """Answer the project's own profiles."""
    async with door.read() as tx:
        return [DeviceProfile(row=row) for row in await profiles.list_profiles(tx, door.project.id)]
