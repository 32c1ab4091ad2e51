"""Where a plant's electricity comes from and goes to."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import strawberry

from backend.aggregation.figures import main_energy
from backend.application.graphql.context import Door
from backend.application.graphql.enums import Period
from backend.application.graphql.scalars import BigInt
from backend.service.plant import supply

DIGITS = 6


@strawberry.type
class SupplyPart:
    """What flowed by one role, without a sign."""

    role: str = strawberry.field(
        description="grid_import, grid_export, pv, generation, storage_discharge, storage_charge."
    )
    quantity: BigInt = strawberry.field(description="In the energy's smallest unit.")
    value: Decimal = strawberry.field(description="In the display unit.")


@strawberry.type
class SupplyBalance:
    """Consumption = import + made on site + discharge - charge - export, at every quarter hour.

    While every quarter hour lacks a meter nothing is known: no part, and null for each quantity.
    """

    start: datetime
    end: datetime
    energy: str
    unit: str
    slots: int = strawberry.field(description="Quarter hours that are over.")
    missing: int = strawberry.field(description="Those that lack a meter and are in no quantity.")
    parts: list[SupplyPart]
    consumption: BigInt | None = strawberry.field(description="In the energy's smallest unit.")
    consumption_value: Decimal | None = strawberry.field(description="In the display unit.")
    made: BigInt | None = strawberry.field(
        description="Made on site, in the energy's smallest unit."
    )
    sold: BigInt | None = strawberry.field(
        description="Of what was made, exported in the same quarter hour; smallest unit."
    )
    self_use: Decimal | None = strawberry.field(
        description="(made - sold) / made, 0 to 1; null where nothing was made."
    )
    self_sufficiency: Decimal | None = strawberry.field(
        description="Share of the consumption that was not bought, 0 to 1."
    )

    @classmethod
    def of(cls, found: supply.Balance) -> "SupplyBalance":
        """Answer a balance."""
        kind = main_energy()
        known = found.missing < found.slots
        return cls(
            start=found.start,
            end=found.end,
            energy=kind.code,
            unit=kind.unit.code,
            slots=found.slots,
            missing=found.missing,
            parts=[
                SupplyPart(role=role, quantity=BigInt(qty), value=kind.display(qty))
                for role, qty in found.parts.items()
                if known
            ],
            consumption=BigInt(found.consumption) if known else None,
            consumption_value=kind.display(found.consumption) if known else None,
            made=BigInt(found.made) if known else None,
            sold=BigInt(found.sold) if known else None,
            self_use=shown(found.self_use),
            self_sufficiency=shown(found.self_sufficiency),
        )


def shown(share: Fraction | None) -> Decimal | None:
    """Answer an exact share to six digits, half even."""
    if share is None:
        return None
    return Decimal(round(share * 10**DIGITS)).scaleb(-DIGITS)


async def read_supply(
    door: Door, period: Period, start: datetime, end: datetime
) -> list[SupplyBalance]:
    """Answer balances of the periods that touch [start, end), oldest first."""
    now = door.process.platform.clock.now()
    async with door.read() as tx:
        found = await supply.balances(tx, door.project.id, period.stored, (start, end), now)
    return [SupplyBalance.of(one) for one in found]
