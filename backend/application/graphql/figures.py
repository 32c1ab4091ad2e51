"""Figures: a quantity over a span and what it means."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.aggregation.figures import Sum
from backend.application.graphql.plant import QUALITIES, Quality
from backend.application.graphql.scalars import BigInt
from gateway.contract.energy import energy_type
from gateway.contract.quality import Quality as Stored


@strawberry.type
class Figures:
    """One energy over one span: quantity and what it means; every number exact."""

    start: datetime
    end: datetime
    energy: str
    unit: str
    quantity: BigInt = strawberry.field(description="In the energy's smallest unit.")
    value: Decimal = strawberry.field(description="In the display unit.")
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None
    estimated: Decimal = strawberry.field(
        description="Part of the quantity that was interpolated over a gap, display unit."
    )
    quality: Quality = strawberry.field(
        description="The worst of the span; MISSING where nothing is accounted yet."
    )

    @classmethod
    def of(cls, energy: str, start: datetime, end: datetime, found: Sum | None) -> "Figures":
        """Answer the figures of a sum; a quantity of 0 that is MISSING where there is none."""
        kind = energy_type(energy)
        return cls(
            start=start,
            end=end,
            energy=energy,
            unit=kind.unit.code,
            quantity=BigInt(found.qty if found else 0),
            value=kind.display(found.qty if found else 0),
            kgce=found.kgce if found else None,
            kgco2=found.kgco2 if found else None,
            cost=found.cost if found else None,
            estimated=kind.display(found.estimated_qty if found else 0),
            quality=QUALITIES[Stored(found.quality)] if found else Quality.MISSING,
        )
