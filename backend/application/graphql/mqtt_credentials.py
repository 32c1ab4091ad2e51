"""Credentials of third parties at the broker: shown, made and revoked."""

import strawberry

from backend.acquisition.admission import admit
from backend.application.graphql.authority import changing, place_of
from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.enums import MqttScope, Permission
from backend.application.graphql.lent import Lent
from backend.application.graphql.limited import place_at
from backend.application.graphql.plant import Node
from backend.core.errors import Unavailable
from backend.service.integration import credentials
from backend.service.integration.credentials import CredentialRow, Wanted
from backend.service.people import authority


@strawberry.type
class MqttCredential(Lent):
    """A third party at the broker, without its secret."""

    row: strawberry.Private[CredentialRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        """Its user name at the broker; a client id is this, `/` and anything."""
        return strawberry.ID(self.row.ref)

    @strawberry.field
    def scopes(self) -> list[MqttScope]:
        return self.row.scopes

    @strawberry.field
    async def part(self) -> Node | None:
        """The place it is limited to; null for all that its owner sees."""
        return await place_at(self.door, self.row.node_id)

    @strawberry.field
    def publish(self) -> list[str]:
        """The topic filters that it may publish to now."""
        return self.row.publish

    @strawberry.field
    def subscribe(self) -> list[str]:
        """The topic filters that it may subscribe now; narrower ones too."""
        return self.row.subscribe


@strawberry.type
class NewMqttCredential:
    """A credential that was made; `secret` is its password, shown this once."""

    secret: str
    credential: MqttCredential


@strawberry.type
class ProjectMqtt:
    """The part of a project that says which third parties the broker lets in."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def mqtt_credentials(self) -> list[MqttCredential]:
        """Newest first, revoked and expired ones too."""
        self.door.require(Permission.KEYS)
        async with self.door.read() as tx:
            found = await credentials.list_credentials(tx, self.door.project.id)
        return [MqttCredential(door=self.door, row=row) for row in found]


@strawberry.input
class MqttCredentialInput:
    """What a credential is to be for."""

    project: strawberry.ID
    name: str
    scopes: list[MqttScope]
    part: strawberry.ID | None = strawberry.field(
        default=None, description="A place, with all below it; null for the whole plant."
    )
    days: int = strawberry.field(default=365, description="Until it expires, at most 730.")


@strawberry.type
class MqttMutation:
    """Making and revoking credentials at the broker."""

    @strawberry.mutation
    async def make_mqtt_credential(
        self,
        info: KwInfo,
        input: MqttCredentialInput,  # noqa: A002 - what the schema calls it
    ) -> NewMqttCredential:
        """Make a credential that acts for the viewer with some of their permissions."""
        door = await enter_project(info.context, input.project)
        async with changing(info, door, Permission.KEYS) as change:
            limit = await authority.limit_named(
                change.tx, door.project.id, place_of(input.part), None
            )
            wanted = Wanted(input.name, input.scopes, limit.node_id, input.days)
            secret, row = await credentials.make_credential(change, wanted)
        try:
            await admit(door.process.platform, row.at_broker(), secret)
        except Unavailable:
            async with changing(info, door, Permission.KEYS) as change:
                await credentials.revoke_credential(change, row.uid)
            raise
        return NewMqttCredential(secret=secret, credential=MqttCredential(door=door, row=row))

    @strawberry.mutation
    async def revoke_mqtt_credential(
        self,
        info: KwInfo,
        project: strawberry.ID,
        id: strawberry.ID,
    ) -> MqttCredential:
        """End a credential at once; the broker disconnects it."""
        door = await enter_project(info.context, project)
        async with changing(info, door, Permission.KEYS) as change:
            row = await credentials.revoke_credential(change, outside_uid("mqt", id))
        return MqttCredential(door=door, row=row)
