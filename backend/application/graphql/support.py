"""Support of gateways from afar, under a grant that ends by itself."""

from enum import Enum

import strawberry

from backend.application.graphql.commands import tap_key
from backend.application.graphql.context import (
    Door,
    KwInfo,
    enter_to,
    outside_uid,
)
from backend.application.graphql.gateway_asks import AskedOfGateway
from backend.application.graphql.scalars import Json
from backend.application.lengths import list_length
from backend.core.errors import InvalidInput
from backend.service.gateways import asked, support
from backend.service.gateways.configuration import GatewayKey, find_gateway
from backend.service.people.roles import Permission
from gateway.contract.support import AskKind

MOST = 100


@strawberry.enum
class SupportKind(Enum):
    """A grant, or what may be asked under one."""

    GRANT = "GRANT"
    POINT = "POINT"
    REGISTERS = "REGISTERS"
    LOG_LEVEL = "LOG_LEVEL"
    LOG = "LOG"


@strawberry.enum
class SupportState(Enum):
    """How far a grant or question is."""

    WAITING = "WAITING"
    SENT = "SENT"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


@strawberry.type
class SupportRequest(AskedOfGateway):
    """A grant or a question to a gateway, and its answer."""

    @strawberry.field
    def kind(self) -> SupportKind:
        return SupportKind[self.row.kind.upper()]

    @strawberry.field
    def params(self) -> Json:
        """What was asked: minutes, or device and point, registers, level, lines."""
        return Json(self.row.params)

    @strawberry.field
    def state(self) -> SupportState:
        return SupportState[self.row.state.upper()]

    @strawberry.field
    def code(self) -> str | None:
        """Why it is in its state; texts under `support.code.<code>` or `commands.code.<code>`."""
        return self.row.code

    @strawberry.field
    def answer(self) -> Json | None:
        """`values` of a point (in its unit) or of registers, `lines` of the log, `detail`."""
        return None if self.row.answer is None else Json(self.row.answer)


@strawberry.input
class AskGatewayInput:
    """One question; which fields count depends on its kind."""

    project: strawberry.ID
    gateway: strawberry.ID
    key: strawberry.ID = strawberry.field(
        description="UUID made by the client once per tap: sent twice counts once."
    )
    kind: SupportKind
    device: str = strawberry.field(default="", description="Slug; for POINT and REGISTERS.")
    point: str = ""
    function: int = strawberry.field(default=3, description="3 = holding, 4 = input registers.")
    start: int = strawberry.field(default=0, description="First register, zero-based.")
    count: int = 1
    level: str = strawberry.field(default="", description="DEBUG, INFO, WARNING or ERROR.")
    lines: int = 50


@strawberry.type
class SupportMutation:
    """Support of gateways from afar."""

    @strawberry.mutation
    async def grant_support(
        self,
        info: KwInfo,
        project: strawberry.ID,
        gateway: strawberry.ID,
        key: strawberry.ID,
        minutes: int,
    ) -> SupportRequest:
        """Open a gateway to support for at most 240 minutes; 0 closes it."""
        door, asker = await enter_to(info.context, project, Permission.SUPPORT)
        now = info.context.process.platform.clock.now()
        async with door.write() as tx:
            found = await find_gateway(tx, door.project.id, outside_uid("gtw", gateway))
            row = await support.let_in(
                tx, door.project.id, found, tap_key(key), minutes, asker, now
            )
        return SupportRequest(door=door, row=row)

    @strawberry.mutation
    async def ask_gateway(
        self,
        info: KwInfo,
        input: AskGatewayInput,  # noqa: A002 - what the schema calls it
    ) -> SupportRequest:
        """Ask a gateway that is open to support; it answers later, see `supportRequests`."""
        door, asker = await enter_to(info.context, input.project, Permission.SUPPORT)
        if input.kind is SupportKind.GRANT:
            raise InvalidInput("support_question", told="GRANT")
        kind, now = AskKind(input.kind.value.lower()), info.context.process.platform.clock.now()
        async with door.write() as tx:
            found = await find_gateway(tx, door.project.id, outside_uid("gtw", input.gateway))
            row = await support.ask(
                tx,
                door.project.id,
                found,
                tap_key(input.key),
                kind,
                _fields(kind, input),
                asker,
                now,
            )
        return SupportRequest(door=door, row=row)


def _fields(kind: AskKind, wanted: AskGatewayInput) -> dict[str, object]:
    """What a question of this kind says; the rest of the input is left out."""
    match kind:
        case AskKind.POINT:
            return {"device": wanted.device, "point": wanted.point}
        case AskKind.REGISTERS:
            block = {"fc": wanted.function, "start": wanted.start, "count": wanted.count}
            return {"device": wanted.device, **block}
        case AskKind.LOG_LEVEL:
            return {"level": wanted.level}
        case AskKind.LOG:
            return {"lines": wanted.lines}


async def list_requests(door: Door, key: GatewayKey, first: int) -> list[SupportRequest]:
    """Answer a gateway's grants and questions, newest first; at most `MOST`."""
    door.require(Permission.SUPPORT)
    list_length(first, MOST)
    async with door.read() as tx:
        found = await asked.listed(tx, door.project.id, key.id, first, updates=False)
    return [SupportRequest(door=door, row=row) for row in found]
