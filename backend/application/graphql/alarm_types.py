"""An alarm as the schema tells it: who took it, how it went, what to stop, what was avoided."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from backend.application.graphql.context import Door
from backend.application.graphql.meters import Meter
from backend.application.graphql.naming import Name
from backend.application.graphql.persons import Person
from backend.application.graphql.plant import Node
from backend.application.graphql.scalars import Json
from backend.application.graphql.shedding import ShedSuggestion, suggestions
from backend.core.db import ReadSession
from backend.core.ids import encode_id
from backend.service.alarms import acknowledge as acks_of
from backend.service.alarms import store
from backend.service.alarms.avoided import Avoided, avoided_by
from backend.service.alarms.states import Cause
from backend.service.demand import DemandWindow, demand_window

Row = TypeVar("Row")


@strawberry.enum
class AlarmState(Enum):
    """ISA-18.2: raised, taken, gone before it was taken, normal."""

    UNACK = "UNACK"
    ACKED = "ACKED"
    RTNUN = "RTNUN"
    NORM = "NORM"


@strawberry.enum
class AckResult(Enum):
    """First to take it, later than another, or of an older occurrence."""

    FIRST = "FIRST"
    LATER = "LATER"
    LATE_OCCURRENCE = "LATE_OCCURRENCE"


class AlarmDoor:
    """A project's door with what alarms ask of it, each in one statement for all of them."""

    def __init__(self, door: Door) -> None:
        """Take the door."""
        self.door = door
        self.steps: DataLoader[int, list[store.Step]] = DataLoader(self._batch(store.steps_of))
        self.acks: DataLoader[int, list[acks_of.Acknowledgement]] = DataLoader(
            self._batch(acks_of.acknowledgements)
        )
        self.avoided: DataLoader[int, Avoided | None] = DataLoader(self._avoided)
        self.demand: DataLoader[int, DemandWindow | None] = DataLoader(self._demand)
        self._known: dict[int, store.Occurrence] = {}

    def alarm(self, occurrence: store.Occurrence) -> "Alarm":
        """Answer an occurrence as the schema tells it."""
        self._known[occurrence.id] = occurrence
        return Alarm(alarms=self, row=occurrence)

    def _batch(
        self,
        read: Callable[[ReadSession, int, list[store.Occurrence]], Awaitable[dict[int, list[Row]]]],
    ) -> Callable[[list[int]], Awaitable[list[list[Row]]]]:
        async def load(ids: list[int]) -> list[list[Row]]:
            async with self.door.read() as tx:
                found = await read(tx, self.door.project.id, [self._known[id] for id in ids])
            return [found.get(id, []) for id in ids]

        return load

    async def _avoided(self, ids: list[int]) -> list[Avoided | None]:
        known = [self._known[id] for id in ids]
        steps = await self.steps.load_many(ids)
        now = self.door.process.platform.clock.now()
        async with self.door.read() as tx:
            found = await avoided_by(
                tx, self.door.project.id, list(zip(known, steps, strict=True)), now
            )
        return [found.get(id) for id in ids]

    async def _demand(self, projects: list[int]) -> list[DemandWindow | None]:
        now = self.door.process.platform.clock.now()
        async with self.door.read() as tx:
            return [await demand_window(tx, project, now) for project in projects]


@strawberry.type
class Acknowledgement:
    """One person's "I take it"."""

    alarms: strawberry.Private[AlarmDoor]
    row: strawberry.Private[acks_of.Acknowledgement]

    @strawberry.field
    async def person(self) -> Person:
        return await _person(self.alarms, self.row.person_id)

    @strawberry.field
    def at(self) -> datetime:
        """The effective time: the device's, corrected and within [raised, received]."""
        return self.row.effective_at

    @strawberry.field
    def received_at(self) -> datetime:
        return self.row.received_at

    @strawberry.field
    def channel(self) -> str:
        return self.row.channel

    @strawberry.field
    def result(self) -> AckResult:
        return AckResult[self.row.result.name]


@strawberry.type
class AlarmTransition:
    """One step of an alarm through its states."""

    alarms: strawberry.Private[AlarmDoor]
    row: strawberry.Private[store.Step]

    @strawberry.field
    def step(self) -> int:
        return self.row.step

    @strawberry.field
    def state(self) -> AlarmState:
        return AlarmState[self.row.state.name]

    @strawberry.field
    def cause(self) -> str:
        return self.row.cause.value

    @strawberry.field
    def at(self) -> datetime:
        return self.row.at

    @strawberry.field
    async def person(self) -> Person | None:
        id = self.row.person_id
        return None if id is None else await self.alarms.door.persons.load(id)


@strawberry.type
class AvoidedCost:
    """Cost that taking the alarm avoided, with every term of its formula.

    amount = 2 x pricePerKw x (max(0, forecastKw - limitKw) - max(0, peakKw - limitKw)).
    """

    amount: Decimal
    currency: str
    forecast_kw: float
    peak_kw: float
    limit_kw: float
    price_per_kw: Decimal
    confirmed: bool


@strawberry.type
class Alarm:
    """One raising of an alarm, as it is now."""

    alarms: strawberry.Private[AlarmDoor]
    row: strawberry.Private[store.Occurrence]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("alm", self.row.uid))

    @strawberry.field
    def kind(self) -> str:
        return self.row.kind

    @strawberry.field
    def definition(self) -> Name:
        return Name.of(self.row.name, self.row.kind)

    @strawberry.field
    def priority(self) -> int:
        """From 1, the highest, to 4."""
        return self.row.priority

    @strawberry.field
    def state(self) -> AlarmState:
        return AlarmState[self.row.state.name]

    @strawberry.field
    async def node(self) -> Node | None:
        door = self.alarms.door
        row = (await door.directory()).nodes.get(self.row.node_id or 0)
        return None if row is None else Node(door=door, row=row)

    @strawberry.field
    async def meter(self) -> Meter | None:
        door = self.alarms.door
        row = (await door.directory()).meters.get(self.row.meter_id or 0)
        return None if row is None else Meter(door=door, row=row)

    @strawberry.field
    def raised_at(self) -> datetime:
        return self.row.raised_at

    @strawberry.field
    async def cleared_at(self) -> datetime | None:
        if self.row.state.active:
            return None
        steps = await self.alarms.steps.load(self.row.id)
        return next((step.at for step in reversed(steps) if step.cause is Cause.CLEAR), None)

    @strawberry.field
    async def ack(self) -> Acknowledgement | None:
        """The acknowledgement that counts: the earliest effective one."""
        found = [
            one
            for one in await self.alarms.acks.load(self.row.id)
            if one.result is not acks_of.AckResult.LATE_OCCURRENCE
        ]
        return Acknowledgement(alarms=self.alarms, row=found[0]) if found else None

    @strawberry.field
    async def acks(self) -> list[Acknowledgement]:
        found = await self.alarms.acks.load(self.row.id)
        return [Acknowledgement(alarms=self.alarms, row=one) for one in found]

    @strawberry.field
    async def transitions(self) -> list[AlarmTransition]:
        found = await self.alarms.steps.load(self.row.id)
        return [AlarmTransition(alarms=self.alarms, row=one) for one in found]

    @strawberry.field
    def params(self) -> Json:
        """Numbers that the alarm's texts name: valueKw, limitKw, shedKw, minutes, sinceAt, ..."""
        return Json(self.row.params)

    @strawberry.field
    async def shed(self) -> list[ShedSuggestion]:
        """What to stop first, for alarms that name kW to shed."""
        wanted = self.row.params.get("shedKw")
        if not isinstance(wanted, int | float) or wanted <= 0:
            return []
        window = await self.alarms.demand.load(self.alarms.door.project.id)
        if window is None:
            return []
        return await suggestions(self.alarms.door, window.to_shed(wanted))

    @strawberry.field
    async def avoided(self) -> AvoidedCost | None:
        """Cost avoided since it was taken; null where it does not apply."""
        found = await self.alarms.avoided.load(self.row.id)
        if found is None:
            return None
        return AvoidedCost(
            amount=found.amount,
            currency=self.alarms.door.project.currency,
            forecast_kw=float(found.forecast_kw),
            peak_kw=float(found.peak_kw),
            limit_kw=float(found.limit_kw),
            price_per_kw=found.price_per_kw,
            confirmed=found.confirmed,
        )


async def _person(alarms: AlarmDoor, id: int) -> Person:
    person = await alarms.door.persons.load(id)
    if person is None:
        raise LookupError(f"person {id} acknowledged and is not there")
    return person
