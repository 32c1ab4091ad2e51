"""Making, describing and ending meters."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.factors import begin_edit
from backend.application.graphql.meters import Meter
from backend.application.graphql.trees import NameInput
from backend.core.db import ReadSession
from backend.service.plant import meters, rows
from backend.service.plant.meters import MeterRow, NewMeter, Traits
from backend.service.plant.origins import Origin


@strawberry.input
class TraitsInput:
    """What a meter is, whatever it is read from."""

    level: int = strawberry.field(default=3, description="1 unit, 2 secondary unit, 3 equipment.")
    accuracy: Decimal | None = strawberry.field(default=None, description="Its class in percent.")
    nameplate: Decimal | None = strawberry.field(
        default=None, description="What it can measure at most, display unit an hour."
    )
    own_product: bool = False
    role: str | None = strawberry.field(
        default=None,
        description="Of a settlement meter of electricity: grid_import, grid_export, pv,"
        " generation, storage_discharge or storage_charge.",
    )

    def stored(self) -> Traits:
        """Answer it as services name it."""
        return Traits(self.level, self.accuracy, self.nameplate, self.own_product, self.role)


@strawberry.input
class MeterInput:
    """A meter to be made."""

    project: strawberry.ID
    name: NameInput
    energy: str
    source: str = strawberry.field(description="register, gauge or virtual.")
    device: strawberry.ID | None = None
    register: str | None = strawberry.field(default=None, description="The point that is counted.")
    power: str | None = strawberry.field(default=None, description="The power or flow point.")
    expression: str | None = None
    traits: TraitsInput
    valid_from: datetime | None = strawberry.field(
        default=None, description="A quarter hour; the next one by default."
    )


@strawberry.type
class MeterMutation:
    """Changing meters."""

    @strawberry.mutation
    async def create_meter(
        self,
        info: KwInfo,
        input: MeterInput,  # noqa: A002 - what the schema calls it
    ) -> Meter:
        """Make a meter on a device's register or power, or of an expression over meters."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        origin = Origin(
            source=input.source,
            device=None if input.device is None else outside_uid("dev", input.device),
            register=input.register,
            power=input.power,
            expression=input.expression,
        )
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            begins = input.valid_from or edit.next_quarter()
            wanted = NewMeter(
                input.name.stored(), input.energy, origin, input.traits.stored(), begins
            )
            return await _answer(door, tx, await meters.create_meter(edit, wanted))

    @strawberry.mutation
    async def change_meter(
        self,
        info: KwInfo,
        project: strawberry.ID,
        meter: strawberry.ID,
        traits: TraitsInput,
        name: NameInput | None = None,
    ) -> Meter:
        """Say anew what a meter is called and what it is; what it counts stays."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            named = None if name is None else name.stored()
            uid = outside_uid("mtr", meter)
            row = await meters.change_meter(edit, uid, named, traits.stored())
            return await _answer(door, tx, row)

    @strawberry.mutation
    async def end_meter(
        self,
        info: KwInfo,
        project: strawberry.ID,
        meter: strawberry.ID,
        at: datetime | None = None,
    ) -> Meter:
        """End a meter and its counting everywhere, from the next quarter hour on by default."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            row = await meters.end_meter(edit, outside_uid("mtr", meter), at)
            return await _answer(door, tx, row)


async def _answer(door: Door, tx: ReadSession, meter: MeterRow) -> Meter:
    [row] = await rows.meters(tx, door.project.id, [meter.id])
    return Meter(door=door, row=row)
