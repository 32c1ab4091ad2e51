"""Commands to devices: giving one, the list, and news of every change."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import Enum

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.persons import Person
from backend.application.graphql.sources import Keep, Stream
from backend.application.lengths import list_length
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import encode_id
from backend.service.gateways import commands
from backend.service.people.asker import Asker
from backend.service.people.roles import Permission
from backend.service.people.sessions import Caller

MOST = 200
COMMANDS_INTERVAL_S = 0.2


@strawberry.enum
class CommandState(Enum):
    """How far a command is: waiting for its gateway, sent, and what the gateway says of it."""

    WAITING = "WAITING"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    WRITTEN = "WRITTEN"
    VERIFIED = "VERIFIED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


@strawberry.type
class Command:
    """Something asked of a device through its gateway, and what became of it."""

    door: strawberry.Private[Door]
    row: strawberry.Private[commands.CommandRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("cmd", self.row.uid))

    @strawberry.field
    def gateway_id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("gtw", self.row.gateway_uid))

    @strawberry.field
    def device_id(self) -> strawberry.ID | None:
        uid = self.row.device_uid
        return None if uid is None else strawberry.ID(encode_id("dev", uid))

    @strawberry.field
    def point(self) -> str | None:
        return self.row.point

    @strawberry.field
    def unit(self) -> str | None:
        """The unit of all values here."""
        return self.row.unit

    @strawberry.field
    def value(self) -> float | None:
        """What the point is to be set to."""
        return self.row.value

    @strawberry.field
    def expected_old(self) -> float | None:
        """The value the person saw; the gateway refuses when it is another."""
        return self.row.expected

    @strawberry.field
    def not_after(self) -> datetime:
        """After this instant of the platform's clock it is not carried out."""
        return self.row.not_after

    @strawberry.field
    async def person(self) -> Person | None:
        """Who gave it."""
        return await self.door.persons.load(self.row.person_id)

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    def sent_at(self) -> datetime | None:
        """When it was last sent to the gateway; it is sent again until it is answered."""
        return self.row.sent_at

    @strawberry.field
    def state(self) -> CommandState:
        return CommandState[self.row.state.upper()]

    @strawberry.field
    def code(self) -> str | None:
        """Why it is in its state; texts under `commands.code.<code>`."""
        return self.row.code

    @strawberry.field
    def old_value(self) -> float | None:
        """What the gateway read before it wrote."""
        return self.row.old_value

    @strawberry.field
    def read_value(self) -> float | None:
        """What the gateway read back after it wrote."""
        return self.row.read_value

    @strawberry.field
    def state_at(self) -> datetime | None:
        """The gateway's time of its last answer."""
        return self.row.state_at

    @strawberry.field
    def finished_at(self) -> datetime | None:
        """When its last answer was stored; null while it is under way."""
        return self.row.finished_at


@strawberry.input
class WritePointInput:
    """One set-point as a person asks for it."""

    project: strawberry.ID
    device: strawberry.ID
    point: str
    value: float = strawberry.field(description="In the point's unit.")
    key: strawberry.ID = strawberry.field(
        description="UUID made by the client once per tap: sent twice counts once."
    )
    expected_old: float | None = strawberry.field(
        default=None, description="The value the person saw: refused when it is another by then."
    )
    not_after_seconds: int = strawberry.field(
        default=60, description="Seconds from now after which it is not carried out, 1 to 86400."
    )


@strawberry.type
class CommandMutation:
    """Setting points."""

    @strawberry.mutation
    async def write_point(
        self,
        info: KwInfo,
        input: WritePointInput,  # noqa: A002 - what the schema calls it
    ) -> Command:
        """Set a point of a device; the gateway answers later, see `commands`."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        return Command(door=door, row=await give(door, caller, input))


async def give(door: Door, caller: Caller, wanted: WritePointInput) -> commands.CommandRow:
    """Give the command that is wanted, for GraphQL and REST alike."""
    door.require(Permission.WRITE)
    device = outside_uid("dev", wanted.device)
    if device is None:
        raise NotFound(kind="point")
    setting = commands.Setting(
        device,
        wanted.point,
        wanted.value,
        wanted.expected_old,
        timedelta(seconds=wanted.not_after_seconds),
    )
    asker = Asker(caller.person_id, caller.uid)
    now = door.process.platform.clock.now()
    async with door.write() as tx:
        return await commands.write_point(
            tx, door.project.id, tap_key(wanted.key), setting, asker, now
        )


def tap_key(text: str) -> uuid.UUID:
    """Answer the UUID that a client made for one tap; InvalidInput for any other text."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidInput("command_key") from None


async def list_commands(
    door: Door, first: int, before: datetime | None, device: str | None
) -> list[Command]:
    """Answer commands, or those of one device, newest first; at most `MOST`."""
    list_length(first, MOST)
    about = None if device is None else outside_uid("dev", device)
    if device is not None and about is None:
        return []
    async with door.read() as tx:
        found = await commands.list_commands(
            tx, door.project.id, before=before, first=first, device=about
        )
    return [Command(door=door, row=row) for row in found]


async def find_command(door: Door, id: str) -> Command | None:
    """Answer one command; None when this project has none of that identity."""
    uid = outside_uid("cmd", id)
    if uid is None:
        return None
    async with door.read() as tx:
        row = await commands.find_command(tx, door.project.id, uid)
    return None if row is None else Command(door=door, row=row)


class CommandSource:
    """Every command that changed, as it now is."""

    interval_s = COMMANDS_INTERVAL_S
    keep = Keep.EVERY

    def __init__(self, door: Door) -> None:
        """Watch the project's events of commands."""
        self.scope = ("commands", *door.scope)
        self._door = door
        self._watch = door.process.news.watch(door.project.id, "command")

    async def wait(self) -> None:
        """Return when a command changed."""
        await self._watch.bell.wait()

    async def full(self) -> list[Command]:
        """Nothing: whoever comes asks for the list."""
        return []

    async def changes(self) -> list[Command]:
        """Answer the commands that changed since the last call."""
        door = self._door.renewed()
        found = []
        async with self._door.read() as tx:
            for _, ref in self._watch.take():
                row = await commands.find_command(tx, self._door.project.id, uuid.UUID(ref))
                if row is not None:
                    found.append(Command(door=door, row=row))
        return found

    def close(self) -> None:
        """Nothing to let go: the watch ends with its last holder."""


@strawberry.type
class CommandSubscription:
    """Commands, pushed."""

    @strawberry.subscription
    async def commands(self, info: KwInfo, project: strawberry.ID) -> AsyncIterator[Command]:
        """Every command that changed, as it now is."""
        return Stream(CommandSource(await enter_project(info.context, project)))
