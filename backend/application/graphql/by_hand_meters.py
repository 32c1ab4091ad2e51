"""Making meters that nothing measures by itself."""

from decimal import Decimal

import strawberry

from backend.application.graphql.context import KwInfo, enter_project
from backend.application.graphql.factors import begin_edit
from backend.application.graphql.meters import Meter
from backend.application.graphql.trees import NameInput
from backend.service.plant import rows
from backend.service.plant.by_hand import Face, create_by_hand


@strawberry.input
class FaceInput:
    """A register that people read."""

    unit: str = strawberry.field(description="What it counts in, for instance kWh, MWh or m3.")
    digits: int | None = strawberry.field(
        default=None, description="Before its point; null: nobody knows where it wraps."
    )
    every_days: int = strawberry.field(default=31, description="How often it is to be read.")
    nameplate: Decimal | None = strawberry.field(
        default=None, description="What it can measure at most, display unit an hour."
    )


@strawberry.type
class ByHandMeterMutation:
    """Meters that nothing measures by itself."""

    @strawberry.mutation
    async def create_meter_by_hand(
        self,
        info: KwInfo,
        project: strawberry.ID,
        name: NameInput,
        energy: str,
        level: int = 3,
        face: FaceInput | None = None,
    ) -> Meter:
        """Make a meter whose register people read (`face`), or one that has a stock (without)."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        seen = None
        if face is not None:
            seen = Face(face.unit, face.digits, face.every_days, face.nameplate)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            made = await create_by_hand(edit, name.stored(), energy, level, seen)
            [row] = await rows.meters(tx, door.project.id, [made.id])
        return Meter(door=door, row=row)
