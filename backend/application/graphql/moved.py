"""The rows of a restatement's difference, as the schema tells them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.naming import Name
from backend.application.graphql.scalars import BigInt
from backend.application.restatements import Side, moved_months
from gateway.contract.energy import EnergyType


@strawberry.type
class RestatedFigures:
    """A month's quantity and what it means; every number exact."""

    quantity: BigInt = strawberry.field(description="In the energy's smallest unit.")
    value: Decimal = strawberry.field(description="In the display unit.")
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None


@strawberry.type
class Moved:
    """A month of a node or meter that changes; `old` or `new` null where there is no account."""

    scope: strawberry.ID
    name: Name
    meter: bool = strawberry.field(description="Whether it is a meter's month, not a node's.")
    energy: str
    unit: str
    month: str = strawberry.field(description="In the plant's calendar, 2026-03.")
    start: datetime
    end: datetime
    old: RestatedFigures | None
    new: RestatedFigures | None


async def moved_rows(door: Door, stored: Sequence[Mapping[str, object]]) -> list[Moved]:
    """Answer the stored rows with the names of today; what is gone from the model is left out."""
    return [
        Moved(
            scope=strawberry.ID(one.scope),
            name=Name.of(one.name, one.slug),
            meter=one.meter,
            energy=one.energy.code,
            unit=one.energy.unit.code,
            month=one.month,
            start=one.start,
            end=one.end,
            old=_figures(one.energy, one.old),
            new=_figures(one.energy, one.new),
        )
        for one in await moved_months(door, stored)
    ]


def _figures(energy: EnergyType, side: Side | None) -> RestatedFigures | None:
    if side is None:
        return None
    return RestatedFigures(
        quantity=BigInt(side.qty),
        value=energy.display(side.qty),
        kgce=side.kgce,
        kgco2=side.kgco2,
        cost=side.cost,
    )
