"""Reading sheets: from a figure back to the readings it stands on."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.aggregation import sheets
from backend.aggregation.metering import instant
from backend.aggregation.reading_sheet import Adjustment, Boundary, Knot, RegisterSheet, Remark
from backend.application.graphql.computed_sheets import SheetOfStock, SheetOfVirtual
from backend.application.graphql.context import Door
from backend.application.graphql.enums import Period
from backend.application.graphql.figures import Figures
from backend.application.graphql.meters import Meter
from backend.application.graphql.naming import Name
from backend.application.graphql.scalars import BigInt
from backend.application.sheets import displayed, find_sheet
from gateway.contract.energy import EnergyType


@strawberry.type
class SheetReading:
    """An accepted reading, in the register's unit."""

    at: datetime
    value: Decimal

    @classmethod
    def of(cls, knot: Knot | None) -> "SheetReading | None":
        """Answer a reading of a sheet."""
        return None if knot is None else cls(at=instant(knot.at), value=knot.value)


@strawberry.type
class SheetBoundary:
    """The register at the beginning or end, in its unit.

    A reading of that instant, or interpolated between two; with one of them only the register is
    not known then, and the nearest reading stands for it.
    """

    at: datetime
    value: Decimal
    interpolated: bool
    before: SheetReading | None
    after: SheetReading | None

    @classmethod
    def of(cls, found: Boundary) -> "SheetBoundary":
        """Answer a boundary of a sheet."""
        return cls(
            at=instant(found.at),
            value=found.value,
            interpolated=found.interpolated,
            before=SheetReading.of(found.before),
            after=SheetReading.of(found.after),
        )


@strawberry.type
class SheetAdjustment:
    """What is added to closing minus opening; `why` has a text under `sheet.why.<why>`."""

    why: str
    start: datetime
    end: datetime
    quantity: BigInt
    value: Decimal
    before: Decimal | None = strawberry.field(description="Last value before a joint.")
    after: Decimal | None = strawberry.field(description="First value after it.")
    factor: str | None = strawberry.field(description="Of a ratio, exact: 4/3.")

    @classmethod
    def of(cls, found: Adjustment, energy: EnergyType) -> "SheetAdjustment":
        """Answer an adjustment of a sheet."""
        return cls(
            why=found.why.value,
            start=instant(found.at),
            end=instant(found.until),
            quantity=BigInt(found.qty),
            value=energy.display(found.qty),
            before=found.before,
            after=found.after,
            factor=None if found.factor is None else str(found.factor),
        )


@strawberry.type
class SheetRemark:
    """What was judged without a quantity of its own: rejected readings, estimated parts."""

    why: str
    start: datetime
    end: datetime | None
    reading: Decimal | None = strawberry.field(description="The rejected value.")
    value: Decimal | None = strawberry.field(description="Of the account, what is estimated.")

    @classmethod
    def of(cls, found: Remark, energy: EnergyType) -> "SheetRemark":
        """Answer a remark of a sheet."""
        return cls(
            why=found.why.value,
            start=instant(found.at),
            end=None if found.until is None else instant(found.until),
            reading=found.value,
            value=None if found.qty is None else energy.display(found.qty),
        )


@strawberry.type
class SheetOfRegister:
    """Closing minus opening, times the multiplier, plus adjustments = the account, exactly.

    Of a gauge it is the mean, times hours and multiplier.
    """

    unit: str
    opening: SheetBoundary
    closing: SheetBoundary
    multiplier: Decimal = strawberry.field(
        description="Display units of the energy per unit of the register, without ratios."
    )
    raw_quantity: BigInt
    raw: Decimal
    adjustments: list[SheetAdjustment]
    remarks: list[SheetRemark]
    total_quantity: BigInt
    total: Decimal
    mean: Decimal | None = strawberry.field(description="Of a gauge, in its unit.")
    hours: Decimal | None = strawberry.field(description="For which a gauge is known.")

    @classmethod
    def of(cls, found: RegisterSheet, unit: str, energy: EnergyType) -> "SheetOfRegister":
        """Answer a register's sheet."""
        multiplier = found.smallest / energy.smallest_per_unit
        return cls(
            unit=unit,
            opening=SheetBoundary.of(found.opening),
            closing=SheetBoundary.of(found.closing),
            multiplier=Decimal(multiplier.numerator) / Decimal(multiplier.denominator),
            raw_quantity=BigInt(found.raw),
            raw=energy.display(found.raw),
            adjustments=[SheetAdjustment.of(one, energy) for one in found.adjustments],
            remarks=[SheetRemark.of(one, energy) for one in found.remarks],
            total_quantity=BigInt(found.total),
            total=energy.display(found.total),
            mean=found.mean,
            hours=found.hours,
        )


@strawberry.type
class SheetOfPoint:
    """What a meter that was moved was read from in a part of the period, as device/name."""

    start: datetime
    end: datetime
    point: str
    register: SheetOfRegister | None = strawberry.field(description="Null without readings.")


@strawberry.type
class SheetTerm:
    """A meter that a node counts in a part of the period; it has a sheet of its own."""

    meter: Meter
    coefficient: Decimal
    start: datetime
    end: datetime
    value: Decimal | None = strawberry.field(description="Null without an account.")
    part: Decimal = strawberry.field(description="Coefficient times value.")


@strawberry.type
class ReadingSheet:
    """How a figure came about."""

    scope: strawberry.ID
    name: Name
    period: Period
    figures: Figures
    register: SheetOfRegister | None
    parts: list[SheetOfPoint] = strawberry.field(
        description="Of a meter that was moved: what it was read from; they add up to the account."
    )
    terms: list[SheetTerm]
    virtual: SheetOfVirtual | None
    stock: SheetOfStock | None
    rounding: Decimal = strawberry.field(
        description="What rounding each quarter hour of a node or virtual meter adds to its parts."
    )


async def read_reading_sheet(
    door: Door, scope: str, period: Period, at: datetime, energy: str | None
) -> ReadingSheet | None:
    """Answer the sheet of the period that holds `at`; None outside the calendar."""
    found = await find_sheet(door, scope, period, at, energy)
    if found is None:
        return None
    sheet, kind, directory = found.sheet, found.energy, found.directory
    return ReadingSheet(
        scope=strawberry.ID(scope),
        name=Name.of(found.name, found.slug),
        period=period,
        figures=Figures.of(kind.code, sheet.asked.start, sheet.asked.end, sheet.account),
        register=None
        if sheet.register is None or sheet.unit is None
        else SheetOfRegister.of(sheet.register, sheet.unit, kind),
        parts=[_part(one, kind) for one in sheet.parts],
        terms=[
            _term(Meter(door=door, row=directory.meters[one.meter_id]), one, kind)
            for one in sheet.terms
            if one.meter_id in directory.meters
        ],
        virtual=None
        if sheet.virtual is None
        else SheetOfVirtual.of(door, directory, sheet.virtual, kind),
        stock=None if sheet.stock is None else SheetOfStock.of(sheet.stock, kind),
        rounding=displayed(sheet.rounding, kind),
    )


def _part(found: sheets.SheetPart, energy: EnergyType) -> SheetOfPoint:
    lines = found.lines
    return SheetOfPoint(
        start=found.start,
        end=found.end,
        point=found.point,
        register=None if lines is None else SheetOfRegister.of(lines, found.unit, energy),
    )


def _term(meter: Meter, found: sheets.SheetTerm, energy: EnergyType) -> SheetTerm:
    return SheetTerm(
        meter=meter,
        coefficient=found.coefficient,
        start=found.start,
        end=found.end,
        value=None if found.qty is None else energy.display(found.qty),
        part=displayed(found.part, energy),
    )
