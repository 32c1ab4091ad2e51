"""Updates of gateways' software: what was brought, who is asked to try it, what came of it."""

from datetime import datetime
from enum import Enum

import strawberry

from backend.application.graphql.commands import tap_key
from backend.application.graphql.context import Door, KwInfo, enter_to, outside_uid
from backend.application.graphql.gateway_asks import AskedOfGateway
from backend.application.lengths import list_length
from backend.service.gateways import asked, releases
from backend.service.gateways.configuration import GatewayKey, find_gateway
from backend.service.people.roles import Permission

MOST = 100


@strawberry.enum
class UpdateState(Enum):
    """How far an update is; EXPIRED = the gateway never answered."""

    WAITING = "WAITING"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    KEPT = "KEPT"
    ROLLED_BACK = "ROLLED_BACK"
    EXPIRED = "EXPIRED"


@strawberry.type
class GatewayRelease:
    """A release of the gateway's software that the project brought; gateways judge the file."""

    row: strawberry.Private[releases.ReleaseRow]

    @strawberry.field
    def sha256(self) -> str:
        """Of its file; what `updateGateway` takes."""
        return self.row.sha256

    @strawberry.field
    def version(self) -> str:
        return self.row.version

    @strawberry.field
    def min_wire(self) -> str:
        """The oldest version of our extension that the platform must speak."""
        return self.row.min_wire

    @strawberry.field
    def bytes(self) -> int:
        return self.row.bytes

    @strawberry.field
    def uploaded_at(self) -> datetime:
        return self.row.uploaded_at


@strawberry.type
class GatewayUpdate(AskedOfGateway):
    """A release that a gateway was asked to try, and what came of it."""

    @strawberry.field
    def version(self) -> str:
        """The version that was asked for."""
        return str(self.row.params["version"])

    @strawberry.field
    def before(self) -> str | None:
        """The version that ran when it was asked, as the gateway says."""
        return self._answered("before")

    @strawberry.field
    def now(self) -> str | None:
        """The version that ran when the gateway last said something of this update."""
        return self._answered("now")

    @strawberry.field
    def state(self) -> UpdateState:
        return UpdateState[self.row.state.upper()]

    @strawberry.field
    def code(self) -> str | None:
        """Why it is in its state; texts under `updates.code.<code>`."""
        return self.row.code

    @strawberry.field
    def detail(self) -> str | None:
        """What installer or watch said, in English."""
        return self._answered("detail")

    def _answered(self, name: str) -> str | None:
        return str((self.row.answer or {}).get(name) or "") or None


@strawberry.type
class UpdateMutation:
    """Updates of gateways' software."""

    @strawberry.mutation
    async def update_gateway(
        self,
        info: KwInfo,
        project: strawberry.ID,
        gateway: strawberry.ID,
        key: strawberry.ID,
        sha256: str,
    ) -> GatewayUpdate:
        """Ask one gateway to fetch a release, try it and go back by itself if it does not work.

        `key` is a UUID made by the client once per tap: sent twice counts once.
        """
        door, asker = await enter_to(info.context, project, Permission.UPDATE)
        now = info.context.process.platform.clock.now()
        async with door.write() as tx:
            found = await find_gateway(tx, door.project.id, outside_uid("gtw", gateway))
            words = (door.project.id, found, tap_key(key), sha256, asker, now)
            row = await releases.ask_update(tx, *words)
        return GatewayUpdate(door=door, row=row)


async def list_updates(door: Door, key: GatewayKey, first: int) -> list[GatewayUpdate]:
    """Answer a gateway's updates, newest first; at most `MOST`."""
    list_length(first, MOST)
    async with door.read() as tx:
        found = await asked.listed(tx, door.project.id, key.id, first, updates=True)
    return [GatewayUpdate(door=door, row=row) for row in found]


async def list_releases(door: Door) -> list[GatewayRelease]:
    """Answer the project's releases, the newest upload first."""
    door.require(Permission.UPDATE)
    async with door.read() as tx:
        return [GatewayRelease(row=row) for row in await releases.releases(tx, door.project.id)]
