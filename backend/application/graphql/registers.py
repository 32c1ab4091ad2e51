"""What people say of meters' registers: events with effect on accounts, and judgements."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from backend.aggregation.mapping import points_of
from backend.aggregation.register_events import Kind, Recorded, read_events
from backend.application.graphql.context import Door, KwInfo, asker_of, enter_project, outside_uid
from backend.application.graphql.persons import Person
from backend.application.lengths import list_length
from backend.core.errors import InvalidInput
from backend.core.ids import encode_id
from backend.service.registers import deeds
from backend.service.registers.judged import Judged, band_judgements, judgements

MOST = 500


@strawberry.enum
class RegisterEventKind(Enum):
    """EXCHANGE of the meter, wrong RATIO, readings to EXCLUDE, CHANGED serial number or ratio."""

    EXCHANGE = "exchange"
    RATIO = "ratio"
    EXCLUDE = "exclude"
    CHANGED = "changed"


@strawberry.type
class RegisterEvent:
    """What is known of a register that its readings do not say."""

    door: strawberry.Private[Door]
    row: strawberry.Private[Recorded]
    unit: str

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("rev", self.row.uid))

    @strawberry.field
    def kind(self) -> RegisterEventKind:
        return RegisterEventKind(self.row.event.kind.value)

    @strawberry.field
    def start(self) -> datetime:
        return self.row.event.ts

    @strawberry.field
    def end(self) -> datetime | None:
        """Until when it holds; an exchange is a moment, a ratio without one holds for good."""
        return self.row.event.until

    @strawberry.field
    def final(self) -> float | None:
        """Where the old meter stood."""
        return self.row.event.final

    @strawberry.field
    def initial(self) -> float | None:
        """Where the new meter began."""
        return self.row.event.initial

    @strawberry.field
    def factor(self) -> str | None:
        """How many times it counts, an exact fraction."""
        return None if self.row.event.factor is None else str(self.row.event.factor)

    @strawberry.field
    def note(self) -> str | None:
        return self.row.event.note

    @strawberry.field
    def open(self) -> bool:
        """Whether it is a change that waits for an answer; accounts from there on are suspect."""
        return self.row.open

    @strawberry.field
    def recorded_at(self) -> datetime:
        return self.row.at

    @strawberry.field
    async def recorded_by(self) -> Person | None:
        """Nobody: the platform saw it in a device's birth."""
        return None if self.row.by is None else await self.door.persons.load(self.row.by)

    @strawberry.field
    def revoked_at(self) -> datetime | None:
        """Since when it is as if it had never been."""
        return self.row.revoked_at


@strawberry.type
class Judgement:
    """How readings that do not simply go on were judged; no end while they are held."""

    kind: str
    start: datetime
    end: datetime | None
    before: Decimal
    after: Decimal
    added: Decimal
    unit: str

    @classmethod
    def of(cls, row: Judged) -> "Judgement":
        """Make it from a row."""
        return cls(
            kind=row.kind,
            start=row.start,
            end=row.end,
            before=row.before,
            after=row.after,
            added=row.added,
            unit=row.unit,
        )


@strawberry.input
class RegisterEventInput:
    """An event as a person tells it."""

    project: strawberry.ID
    meter: strawberry.ID
    kind: RegisterEventKind
    start: datetime
    end: datetime | None = None
    final: Decimal | None = strawberry.field(
        default=None, description="Of an exchange: where the old meter stood, register's unit."
    )
    initial: Decimal | None = strawberry.field(
        default=None, description="Of an exchange: where the new meter began."
    )
    factor: str | None = strawberry.field(
        default=None, description="Of a ratio: right by wrong, for instance 40/30."
    )
    note: str | None = None
    answers: strawberry.ID | None = strawberry.field(
        default=None, description="The open change that this exchange or ratio explains."
    )


@strawberry.type
class RegisterMutation:
    """Saying what is known of registers."""

    @strawberry.mutation
    async def record_register_event(
        self,
        info: KwInfo,
        input: RegisterEventInput,  # noqa: A002 - what the schema calls it
    ) -> RegisterEvent:
        """Record an exchange, ratio, exclusion or change that began in the plant's running day.

        Accounts follow at once; what began earlier is a restatement.
        """
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        kind = Kind(input.kind.value)
        door.require(deeds.NEEDED[kind])
        answers = None if input.answers is None else outside_uid("rev", input.answers)
        if input.answers is not None and answers is None:
            raise InvalidInput("register_event_answers")
        wanted = deeds.Wanted(
            kind, input.start, input.end, input.final, input.initial, input.factor, input.note,
            answers,
        )  # fmt: skip
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            row, register = await deeds.record(
                tx,
                door.project.id,
                outside_uid("mtr", input.meter),
                wanted,
                asker_of(caller),
                now,
            )
        return RegisterEvent(door=door, row=row, unit=register.unit)

    @strawberry.mutation
    async def revoke_register_event(
        self, info: KwInfo, project: strawberry.ID, event: strawberry.ID
    ) -> RegisterEvent:
        """Make an event as if it had never been; accounts follow at once."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        uid = outside_uid("rev", event)
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            door.require(deeds.NEEDED[await deeds.kind_of(tx, door.project.id, uid)])
            row, unit = await deeds.revoke(tx, door.project.id, uid, asker_of(caller), now)
        return RegisterEvent(door=door, row=row, unit=unit)


async def events_of_meter(door: Door, meter: int) -> list[RegisterEvent]:
    """Answer the events of all registers that a meter is or was read from, in time's order."""
    async with door.read() as tx:
        points = await points_of(tx, door.project.id, [meter])
        units: dict[int, str] = dict(
            await tx.fetch_tuples(
                "SELECT id, unit FROM point WHERE project_id = %s AND id = ANY(%s)",
                (door.project.id, points),
            )
        )
        found = await read_events(tx, door.project.id, points)
    return [RegisterEvent(door=door, row=row, unit=units[row.event.point]) for row in found]


async def judgements_of_meter(door: Door, meter: int, first: int) -> list[Judgement]:
    """Answer the newest judgements of a meter's registers, and days that bands did not sum up."""
    list_length(first, MOST)
    async with door.read() as tx:
        points = await points_of(tx, door.project.id, [meter])
        found = await judgements(tx, door.project.id, points, first)
        now = door.process.platform.clock.now()
        found += await band_judgements(tx, door.project.id, meter, now)
    newest = sorted(found, key=lambda row: row.start, reverse=True)
    return [Judgement.of(row) for row in newest[:first]]
