"""Meters: what is accounted, its register and power now."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.figures import Figures
from backend.application.graphql.naming import Name
from backend.application.graphql.plant import Device, LiveValue, live_value, live_values
from backend.application.graphql.registers import (
    Judgement,
    RegisterEvent,
    events_of_meter,
    judgements_of_meter,
)
from backend.core.ids import encode_id
from backend.service.plant import rows
from gateway.contract.energy import energy_types


@strawberry.type
class Meter:
    """What is accounted: one energy through one circuit."""

    door: strawberry.Private[Door]
    row: strawberry.Private[rows.MeterRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("mtr", self.row.uid))

    @strawberry.field
    def slug(self) -> str:
        return self.row.slug

    @strawberry.field
    def name(self) -> Name:
        return Name.of(self.row.name, self.row.slug)

    @strawberry.field
    def energy(self) -> str:
        return self.row.energy

    @strawberry.field
    def unit(self) -> str:
        return energy_types()[self.row.energy].unit.code

    @strawberry.field
    async def power_unit(self) -> str | None:
        """The live power or flow point's unit (kW, m3/h, t/h ...)."""
        point = (await self.door.directory()).point(self.row, self.row.power_name)
        return None if point is None else point.unit

    @strawberry.field
    def level(self) -> int:
        return self.row.level

    @strawberry.field
    def source(self) -> str:
        """`register`, `gauge`, `manual`, `virtual` or `stock`."""
        return self.row.source

    @strawberry.field
    def expression(self) -> str | None:
        """What a virtual meter is, over the short names of other meters."""
        return self.row.expression

    @strawberry.field
    def register_name(self) -> str | None:
        """The device's point that is counted."""
        return self.row.register_name

    @strawberry.field
    def accuracy(self) -> Decimal | None:
        """Its class in percent."""
        return self.row.accuracy

    @strawberry.field
    def nameplate(self) -> Decimal | None:
        """What it can measure at most, in the energy's display unit an hour."""
        per_hour = self.row.nameplate_per_hour
        return None if per_hour is None else Decimal(per_hour)

    @strawberry.field
    def own_product(self) -> bool:
        """Whether what it counts is made on site from energy that is counted already."""
        return self.row.own_product

    @strawberry.field
    def role(self) -> str | None:
        """Of a settlement meter: where its electricity comes from or goes to."""
        return self.row.role

    @strawberry.field
    def valid_from(self) -> datetime | None:
        return self.row.valid_from

    @strawberry.field
    def valid_to(self) -> datetime | None:
        """When it ends or ended; its past stays."""
        return self.row.valid_to

    @strawberry.field
    async def device(self) -> Device | None:
        if self.row.device_id is None:
            return None
        row = await self.door.devices.load(self.row.device_id)
        return None if row is None else Device(door=self.door, row=row)

    @strawberry.field
    async def register(self) -> LiveValue | None:
        """Newest register value."""
        directory = await self.door.directory()
        return live_value(await self.door.live(), directory.point(self.row, self.row.register_name))

    @strawberry.field
    async def power(self) -> LiveValue | None:
        directory = await self.door.directory()
        return live_value(await self.door.live(), directory.point(self.row, self.row.power_name))

    @strawberry.field
    async def values(self) -> list[LiveValue]:
        """All points of the device's circuit with their newest values."""
        directory = await self.door.directory()
        return live_values(await self.door.live(), directory.points_of_meter(self.row))

    @strawberry.field
    async def today(self) -> Figures:
        """So far today."""
        today = await self.door.meter_today.load(self.row.id)
        now = self.door.process.platform.clock.now()
        start = self.door.today(now).day
        mine = next((one for one in today if one.energy == self.row.energy), None)
        return Figures.of(self.row.energy, start, now, mine)

    @strawberry.field
    async def node_ids(self) -> list[strawberry.ID]:
        found = (await self.door.directory()).nodes_of_meter.get(self.row.id, [])
        return [strawberry.ID(encode_id("node", uid)) for uid in found]

    @strawberry.field
    async def register_events(self) -> list[RegisterEvent]:
        """What is recorded of the registers it is or was read from, revoked events too."""
        return await events_of_meter(self.door, self.row.id)

    @strawberry.field
    async def judgements(self, first: int = 50) -> list[Judgement]:
        """How readings that do not simply go on were judged, newest first."""
        return await judgements_of_meter(self.door, self.row.id, first)
