"""What is wrong with a stock document before it is written: faults by field. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from backend.aggregation.calorific import (
    KGCE,
    CalorificError,
    kgce_per_smallest,
    power_of_ten,
)
from backend.aggregation.stock import COUNT, KINDS, SALE, Document, book, intervals
from backend.core.errors import InvalidInput, Param
from gateway.contract.energy import EnergyType
from gateway.contract.units import UNITS

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A document before this has a clock or a typing error."""
AHEAD: Final = timedelta(minutes=5)
MOST: Final = 10**15
"""Smallest units of one document: a thousand million tonnes."""
MOST_DIGITS: Final = 12
LONGEST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A stock document as it was entered; `quantity` and `price` are of one `unit`."""

    kind: str
    at: datetime
    quantity: Decimal
    unit: str
    price: Decimal | None = None
    currency: str | None = None
    calorific_value: Decimal | None = None
    calorific_unit: str | None = None
    supplier: str | None = None
    reference: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field: a code of the catalogue and what its text names."""

    field: str
    code: str
    params: Mapping[str, Param]


def refuse(faults: Iterator[FieldFault]) -> None:
    """Raise InvalidInput with the first fault, if there is one."""
    for fault in faults:
        raise InvalidInput(fault.code, field=fault.field, **fault.params)


def faults_of(
    new: NewDocument, energy: EnergyType, currency: str, now: datetime
) -> Iterator[FieldFault]:
    """Answer what is wrong with a document by itself."""
    if new.kind not in KINDS:
        yield FieldFault("kind", "stock_kind", {"kind": new.kind, "known": ", ".join(KINDS)})
    yield from time_faults(new.at, now)
    yield from _quantity_faults(new, energy)
    yield from _price_faults(new, currency)
    yield from _calorific_faults(new, energy)
    for name in ("supplier", "reference", "note"):
        if len(getattr(new, name) or "") > LONGEST_TEXT:
            yield FieldFault(name, "stock_text_long", {"most": LONGEST_TEXT})


def time_faults(at: datetime, now: datetime) -> Iterator[FieldFault]:
    """Answer what is wrong with the time at which a person saw something."""
    if at > now + AHEAD:
        yield FieldFault("time", "entry_in_the_future", {})
    if at < EARLIEST:
        yield FieldFault("time", "entry_too_old", {})


def smallest_of(quantity: Decimal, unit: str, energy: EnergyType) -> int:
    """Answer a quantity in the energy's smallest unit, rounded once, half even.

    Raises UnknownUnit, WrongDimension, OverflowError or ValueError.
    """
    return round(Fraction(quantity) * energy.per_point_unit(unit))


def units_of(energy: EnergyType) -> list[str]:
    """Answer the units that an energy can be entered in, smallest first.

    Only powers of ten of the accounted one: a price of any other could not be exact.
    """
    fit = [
        one
        for one in UNITS.values()
        if one.dimension == energy.unit.dimension and power_of_ten(one.per(energy.unit)) is not None
    ]
    return [one.code for one in sorted(fit, key=lambda one: one.base)]


def _quantity_faults(new: NewDocument, energy: EnergyType) -> Iterator[FieldFault]:
    fit = units_of(energy)
    if new.unit not in fit:
        yield FieldFault("unit", "entry_unit", {"unit": new.unit, "fit": ", ".join(fit)})
        return
    try:
        qty = smallest_of(new.quantity, new.unit, energy)
    except (OverflowError, ValueError):
        yield FieldFault("quantity", "entry_number", {})
        return
    least = 0 if new.kind == COUNT else 1
    if not least <= qty <= MOST:
        yield FieldFault("quantity", "stock_quantity", {"unit": new.unit})


def _price_faults(new: NewDocument, currency: str) -> Iterator[FieldFault]:
    if new.price is not None and not _fits(new.price):
        yield FieldFault("price", "stock_price", {})
    if new.currency not in {None, "", currency}:
        told = {"given": new.currency, "currency": currency}
        yield FieldFault("currency", "stock_currency", told)


def _calorific_faults(new: NewDocument, energy: EnergyType) -> Iterator[FieldFault]:
    if new.calorific_value is None:
        return
    if not _fits(new.calorific_value) or new.calorific_value == 0:
        yield FieldFault("calorific_value", "stock_calorific", {})
        return
    written = new.calorific_unit or ""
    try:
        kgce_per_smallest(new.calorific_value, written, energy)
    except CalorificError:
        told = {"unit": written, "heats": ", ".join(KGCE), "per": str(energy.unit)}
        yield FieldFault("calorific_unit", "stock_calorific_unit", told)


def _fits(number: Decimal) -> bool:
    """Tell whether a rate is a number that exact sums can carry."""
    if not number.is_finite() or not 0 <= number < 10**9:
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MOST_DIGITS


def book_faults(documents: Sequence[Document], ts: int, energy: EnergyType) -> Iterator[FieldFault]:
    """Answer what documents around an instant contradict, once the new one is among them."""
    counts = [one.ts for one in documents if one.kind == COUNT]
    if counts.count(ts) > 1:
        yield FieldFault("time", "stock_count_twice", {})
        return
    for one in intervals(documents):
        if one.start <= ts <= one.end and one.contradicts:
            told: dict[str, Param] = {"unit": energy.unit.code}
            for name in ("opening", "delivered", "sold", "closing"):
                told[name] = f"{energy.display(getattr(one, name)):f}"
            yield FieldFault("quantity", "stock_contradiction", told)
    last = max((one.ts for one in documents), default=ts)
    there = book(documents, last)
    sold = any(one.kind == SALE and one.ts > max(counts, default=0) for one in documents)
    if sold and there is not None and there < 0:
        yield FieldFault("quantity", "stock_oversold", {})
