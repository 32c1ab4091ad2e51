"""Sheets of what no register feeds: the parts of an expression, the papers of a stock."""

from datetime import UTC, datetime
from decimal import Decimal

import strawberry

from backend.aggregation.stock_sheet import StockSheet
from backend.aggregation.virtual_sheet import VirtualSheet
from backend.application.directory import Directory
from backend.application.graphql.context import Door
from backend.application.graphql.meters import Meter
from backend.application.graphql.scalars import BigInt
from backend.application.graphql.stocks import StockKind
from backend.application.sheets import displayed, shown_coefficient
from gateway.contract.energy import EnergyType, energy_type


@strawberry.type
class SheetFactor:
    """A meter that an expression counts `coefficient` times.

    `value` is its sum, in its own unit, over the quarter hours in which the virtual meter has an
    account; `part` is coefficient times value, in the sheet's unit.
    """

    meter: Meter
    coefficient: Decimal
    value: Decimal
    part: Decimal


@strawberry.type
class SheetEvaluated:
    """A part of an expression that is no meter times a constant, summed by quarter hours."""

    meters: list[Meter] = strawberry.field(description="What it is over.")
    part: Decimal


@strawberry.type
class SheetOfVirtual:
    """The parts of a virtual meter's expression: with the rounding they are the account, exactly.

    In the sheet's display unit.
    """

    expression: str
    factors: list[SheetFactor]
    evaluated: list[SheetEvaluated]

    @classmethod
    def of(
        cls, door: Door, directory: Directory, found: VirtualSheet, energy: EnergyType
    ) -> "SheetOfVirtual":
        """Answer a virtual meter's sheet; meters that are gone from the model are left out."""
        rows = directory.meters
        factors = []
        for one in found.terms:
            row = rows.get(one.meter_id)
            if row is not None:
                of = energy_type(row.energy)
                factors.append(
                    SheetFactor(
                        meter=Meter(door=door, row=row),
                        coefficient=shown_coefficient(one.coefficient, of, energy),
                        value=of.display(one.qty),
                        part=displayed(one.part, energy),
                    )
                )
        evaluated = [
            SheetEvaluated(
                meters=[Meter(door=door, row=rows[id]) for id in one.meter_ids if id in rows],
                part=displayed(one.part, energy),
            )
            for one in found.evaluated
        ]
        return cls(expression=found.expression, factors=factors, evaluated=evaluated)


@strawberry.type
class SheetPaper:
    """A delivery, sale or count of a stock."""

    kind: StockKind
    at: datetime
    value: Decimal


@strawberry.type
class SheetOfStock:
    """opening + deliveries - sales + found - closing = total, in the sheet's display unit.

    What was there at an instant that is no count follows from the count before, the papers since,
    and how consumption is spread.
    """

    start: datetime = strawberry.field(description="Of the period, or the first count if later.")
    end: datetime
    opening: Decimal
    papers: list[SheetPaper]
    found: Decimal = strawberry.field(description="What a count showed beyond the books.")
    closing: Decimal
    rule: str = strawberry.field(description="How it is spread: EVEN, WORKING or PROFILE.")
    per_day: Decimal | None = strawberry.field(
        description="What a standing estimate takes a day after the last count."
    )
    total_quantity: BigInt
    total: Decimal

    @classmethod
    def of(cls, found: StockSheet, energy: EnergyType) -> "SheetOfStock":
        """Answer a stock's sheet."""
        shown = energy.display
        return cls(
            start=_instant(found.start),
            end=_instant(found.end),
            opening=shown(found.opening),
            papers=[
                SheetPaper(kind=StockKind(one.kind), at=_instant(one.ts), value=shown(one.qty))
                for one in found.documents
            ],
            found=shown(found.found),
            closing=shown(found.closing),
            rule=found.rule.rule.upper(),
            per_day=None if found.rule.per_day is None else shown(found.rule.per_day),
            total_quantity=BigInt(found.total),
            total=shown(found.total),
        )


def _instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
