"""Registers that people read: the round, the check before a reading is kept, corrections."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_to, outside_uid
from backend.application.graphql.naming import Name
from backend.application.graphql.persons import Person
from backend.application.lengths import list_length
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.hand import questions as asking
from backend.service.hand import readings as service
from backend.service.hand.registers import (
    HandRegister as Row,
)
from backend.service.hand.registers import (
    decimal_of,
    hand_register,
    hand_registers,
    read_around,
)
from backend.service.people.roles import Permission

MOST = 500


@strawberry.enum
class HandQuestion(Enum):
    """What is doubtful: less than the last reading, more than can be, more than a later one."""

    LESS = "less"
    MORE = "more"
    AFTER = "after"


@strawberry.enum
class HandAnswer(Enum):
    """What a person says to it: the register wrapped, the meter was exchanged, it is as entered."""

    WRAPPED = "wrapped"
    EXCHANGED = "exchanged"
    SURE = "sure"


@strawberry.type
class HandReading:
    """A reading as a person entered it."""

    door: strawberry.Private[Door]
    row: strawberry.Private[service.HandRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("hrd", self.row.uid))

    @strawberry.field
    def at(self) -> datetime:
        return self.row.ts

    @strawberry.field
    def value(self) -> Decimal:
        """In the register's unit."""
        return self.row.value

    @strawberry.field
    def note(self) -> str | None:
        return self.row.note

    @strawberry.field
    async def person(self) -> Person | None:
        """Who read it."""
        by = self.row.entered_by
        return None if by is None else await self.door.persons.load(by)

    @strawberry.field
    def withdrawn(self) -> bool:
        """Whether it was found wrong; it is kept and counts no more."""
        return self.row.withdrawn_at is not None


@strawberry.type
class HandCheck:
    """What a reading would mean, before it is kept."""

    difference: Decimal | None = strawberry.field(
        description="Since the last reading, in the energy's display unit; null for the first."
    )
    most: Decimal | None = strawberry.field(
        description="What the nameplate allows since then, display unit; null: nobody knows."
    )
    questions: list[HandQuestion]


@strawberry.type
class HandRegister:
    """A meter whose register people read."""

    door: strawberry.Private[Door]
    row: strawberry.Private[Row]

    @strawberry.field
    def meter_id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("mtr", self.row.meter_uid))

    @strawberry.field
    def name(self) -> Name:
        return Name.of(self.row.name, self.row.slug)

    @strawberry.field
    def energy(self) -> str:
        return self.row.energy_code

    @strawberry.field
    def unit(self) -> str:
        """What the register counts in."""
        return self.row.unit

    @strawberry.field
    def energy_unit(self) -> str:
        """What its account is shown in."""
        return self.row.energy.unit.code

    @strawberry.field
    def last_at(self) -> datetime | None:
        return self.row.last_ts

    @strawberry.field
    def last_value(self) -> Decimal | None:
        return None if self.row.last_value is None else decimal_of(self.row.last_value)

    @strawberry.field
    def due_at(self) -> datetime | None:
        """When it is to be read again; null: never read, so now."""
        return self.row.due_at

    @strawberry.field
    def wraps(self) -> bool:
        """Whether it is known where the register begins again at nought."""
        return self.row.modulus is not None

    @strawberry.field
    async def readings(self, first: int = 20) -> list[HandReading]:
        """Newest first, withdrawn ones too."""
        async with self.door.read() as tx:
            rows = await service.list_readings(
                tx, self.door.project.id, self.row.meter_id, list_length(first, MOST)
            )
        return [HandReading(door=self.door, row=row) for row in rows]

    @strawberry.field
    async def check(
        self, at: datetime, value: Decimal, answer: HandAnswer | None = None
    ) -> HandCheck:
        """What a reading would mean; nothing is kept."""
        asking.refuse_reading(at, value, self.door.process.platform.clock.now())
        async with self.door.read() as tx:
            around = await read_around(tx, self.door.project.id, self.row, at)
        difference = around.difference(value, answered(answer))
        most = around.most(at)
        open_ = asking.questions(around, at, value, answered(answer))
        return HandCheck(
            difference=None if difference is None else self.row.in_energy(difference),
            most=None if most is None else self.row.in_energy(most),
            questions=[HandQuestion(one.value) for one in open_],
        )


@strawberry.type
class HandOutcome:
    """A reading that was kept, or what has to be answered first."""

    kept: bool
    questions: list[HandQuestion]
    register: HandRegister


@strawberry.input
class HandReadingInput:
    """A reading as a person enters it, in the register's unit."""

    at: datetime
    value: Decimal
    note: str | None = None
    answer: HandAnswer | None = None
    final_value: Decimal | None = strawberry.field(
        default=None, description="EXCHANGED: the old meter's last reading; null: that of the list."
    )
    initial_value: Decimal | None = strawberry.field(
        default=None, description="EXCHANGED: the new meter's first reading; null: 0."
    )


def answered(answer: HandAnswer | None) -> asking.Answer | None:
    """Answer what a person said, as the service takes it."""
    return None if answer is None else asking.Answer(answer.value)


def entered(wanted: HandReadingInput) -> service.Entry:
    """Answer what was entered as the service takes it."""
    return service.Entry(
        wanted.at,
        wanted.value,
        wanted.note,
        answered(wanted.answer),
        wanted.final_value,
        wanted.initial_value,
    )


async def list_registers(door: Door) -> list[HandRegister]:
    """Answer the registers that people read, those longest unread first."""
    async with door.read() as tx:
        rows = await hand_registers(tx, door.project.id)
    return [HandRegister(door=door, row=row) for row in rows]


async def find_register(door: Door, meter: str) -> HandRegister | None:
    """Answer the register of a meter; None when this project has none of that identity."""
    uid = outside_uid("mtr", meter)
    async with door.read() as tx:
        try:
            row = await hand_register(tx, door.project.id, uid)
        except NotFound:
            return None
    return HandRegister(door=door, row=row)


@strawberry.type
class HandMutation:
    """Reading registers by hand."""

    @strawberry.mutation
    async def enter_hand_reading(
        self,
        info: KwInfo,
        project: strawberry.ID,
        meter: strawberry.ID,
        input: HandReadingInput,  # noqa: A002 - what the schema calls it
    ) -> HandOutcome:
        """Keep a reading; what is doubtful is asked first, and then nothing is kept."""
        door, asker = await enter_to(info.context, project, Permission.RECORD)
        now = door.process.platform.clock.now()
        async with door.write() as tx:
            row = await hand_register(tx, door.project.id, outside_uid("mtr", meter))
            outcome = await service.enter(tx, door.project.id, row, entered(input), asker, now)
        return await _outcome(door, row, outcome)

    @strawberry.mutation
    async def withdraw_hand_reading(
        self,
        info: KwInfo,
        project: strawberry.ID,
        reading: strawberry.ID,
        instead: HandReadingInput | None = None,
    ) -> HandOutcome:
        """Take a wrong reading out of the account, or keep another value of its time instead."""
        door, asker = await enter_to(info.context, project, Permission.RECORD)
        now = door.process.platform.clock.now()
        uid = outside_uid("hrd", reading)
        async with door.write() as tx:
            found = await service.find_reading(tx, door.project.id, uid)
            row = await hand_register(tx, door.project.id, meter_id=found.meter_id)
            new = None if instead is None else entered(instead)
            outcome = await service.withdraw(tx, door.project.id, uid, asker, now, new)
        return await _outcome(door, row, outcome)


async def _outcome(door: Door, row: Row, outcome: service.Outcome) -> HandOutcome:
    async with door.read() as tx:
        newest = await hand_register(tx, door.project.id, row.meter_uid)
    return HandOutcome(
        kept=outcome.kept is not None,
        questions=[HandQuestion(one.value) for one in outcome.asked],
        register=HandRegister(door=door, row=newest),
    )
