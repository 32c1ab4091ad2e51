"""Letting gateways in by a one-time code, out by revocation, and who did it."""

from datetime import datetime

import strawberry

from backend.application import enrolling
from backend.application.graphql.context import Door, KwInfo, enter_project
from backend.application.graphql.plant import Gateway
from backend.core.ids import encode_id
from backend.service.gateways.records import Actor, EventRow
from backend.service.plant import rows


@strawberry.input
class EnrolmentCodeInput:
    """For which gateway: one that is there, by id or slug, or a new one by slug and name."""

    project: strawberry.ID
    gateway: str
    name: str | None = None


@strawberry.type
class EnrolmentCode:
    """A code as it is shown, once; it works once, and only the newest of a gateway does."""

    code: str
    valid_until: datetime
    command: str = strawberry.field(description="What to type on the gateway.")
    gateway: Gateway


@strawberry.type
class EnrolmentEvent:
    """One thing done: code_created, enrolled, renewed or revoked.

    `login` is null for what a gateway did itself; `detail` is its certificate's serial number.
    """

    gateway_id: strawberry.ID
    gateway: str
    what: str
    at: datetime
    login: str | None
    address: str
    detail: str

    @classmethod
    def of(cls, row: EventRow) -> "EnrolmentEvent":
        """Answer a row as the schema tells it."""
        return cls(
            gateway_id=strawberry.ID(encode_id("gtw", row.gateway_uid)),
            gateway=row.gateway,
            what=row.what,
            at=row.at,
            login=row.login,
            address=row.address,
            detail=row.detail,
        )


@strawberry.type
class EnrolmentMutation:
    """Letting gateways in and out."""

    @strawberry.mutation
    async def create_enrolment_code(
        self,
        info: KwInfo,
        input: EnrolmentCodeInput,  # noqa: A002 - what the schema calls it
    ) -> EnrolmentCode:
        """Make a one-time code for a gateway, valid for 24 hours; older ones of it end."""
        door = await enter_project(info.context, input.project)
        new = await enrolling.create_code(door, input.gateway, input.name, _actor(info))
        return EnrolmentCode(
            code=new.code,
            valid_until=new.expires_at,
            command=enrolling.command(door.process, new.code),
            gateway=await _gateway(door, new.gateway.id),
        )

    @strawberry.mutation
    async def revoke_gateway(self, info: KwInfo, project: strawberry.ID, gateway: str) -> Gateway:
        """Take everything a gateway could connect with; it is disconnected within seconds."""
        door = await enter_project(info.context, project)
        gone = await enrolling.revoke(door, gateway, _actor(info))
        return await _gateway(door, gone.id)


def _actor(info: KwInfo) -> Actor:
    return Actor(info.context.signed_in().person_id, info.context.address)


async def _gateway(door: Door, id: int) -> Gateway:
    async with door.read() as tx:
        [row] = await rows.gateways(tx, door.project.id, [id])
    return Gateway(door=door, row=row)
