"""One row of a file, cell by cell: what it says, or what is wrong with which field. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from backend.acquisition.window import milliseconds
from backend.core.errors import Param
from backend.service.hand.registers import HandRegister
from backend.service.imports import cells
from backend.service.imports.cells import BadCell
from backend.service.imports.columns import Columns
from backend.service.imports.look import Look, Target
from backend.service.imports.sheet import Cell, Formula
from backend.service.stock.checks import NewDocument, faults_of
from backend.service.stock.documents import StockMeter
from gateway.contract.quality import Quality
from gateway.contract.units import UnknownUnit, WrongDimension
from gateway.contract.units import unit as unit_of

DOCUMENTS: Final = {
    "delivery": "delivery", "purchase": "delivery", "in": "delivery",
    "入库": "delivery", "采购": "delivery", "购入": "delivery", "进货": "delivery",
    "count": "count", "stock": "count", "inventory": "count", "盘点": "count", "库存": "count",
    "sale": "sale", "out": "sale", "外销": "sale", "销售": "sale", "转出": "sale",
}  # fmt: skip
"""What people call the kinds of stock documents."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with one field of a row."""

    row: int
    field: str
    value: str | None
    code: str
    params: Mapping[str, Param] = default(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """A reading of a meter's register, in its point's unit."""

    row: int
    target: Target
    at: datetime
    value: Decimal
    quality: int


@dataclass(frozen=True, slots=True)
class Span:
    """A quantity between two instants, in the unit of the meter's point."""

    row: int
    target: Target
    start: datetime
    end: datetime
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ByHand:
    """A reading that a person took, in the register's unit."""

    row: int
    register: HandRegister
    at: datetime
    value: Decimal
    note: str | None


@dataclass(frozen=True, slots=True)
class Paper:
    """A stock document."""

    row: int
    meter: StockMeter
    new: NewDocument


Record = Sample | Span | ByHand | Paper
_QUALITIES: Final = frozenset(Decimal(one) for one in Quality if one is not Quality.MISSING)
T = TypeVar("T", Target, StockMeter, HandRegister)


class _Faulty(Exception):
    """A row that says nothing usable; the fault says why."""

    def __init__(self, fault: RowFault) -> None:
        super().__init__(fault.code)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the rows of one kind of file against what the project has."""

    kind: str
    columns: Columns
    look: Look
    comma: bool

    def read(self, number: int, row: tuple[Cell, ...]) -> Record | RowFault:
        """Answer what a row says, or the first thing that is wrong with it."""
        one = _Row(self, number, row)
        try:
            if self.kind == "stock":
                return one.paper()
            if self.kind == "hand":
                return one.by_hand()
            return one.sample() if self.kind == "readings" else one.span()
        except _Faulty as faulty:
            return faulty.fault


@dataclass(frozen=True, slots=True)
class _Row:
    """One row being read."""

    reader: Reader
    number: int
    cells: tuple[Cell, ...]

    def sample(self) -> Sample:
        target = self._named(self.reader.look.targets)
        value = self._converted("value", target.unit, target.unit)
        quality = self._number("quality", default=Decimal(Quality.GOOD))
        if quality not in _QUALITIES:
            raise self._wrong("quality", "import_bad_quality")
        return Sample(self.number, target, self._stored("time"), value, int(quality))

    def span(self) -> Span:
        target = self._named(self.reader.look.targets)
        if target.device:
            raise self._wrong("meter", "import_has_register", meter=target.slug)
        if self.reader.kind == "production" and target.energy.factors:
            raise self._wrong("meter", "import_no_product", energy=target.energy_code)
        start, end = self._stored("start"), self._stored("end")
        if end <= start:
            raise self._wrong("end", "import_span_backwards")
        quantity = self._converted("quantity", target.energy.unit.code, target.unit)
        if quantity < 0:
            raise self._wrong("quantity", "import_negative")
        return Span(self.number, target, start, end, quantity)

    def by_hand(self) -> ByHand:
        register = self._named(self.reader.look.hands)
        value = self._converted("value", register.unit, register.unit)
        if value < 0:
            raise self._wrong("value", "hand_value")
        return ByHand(self.number, register, self._stored("time"), value, self._text("note"))

    def paper(self) -> Paper:
        look = self.reader.look
        meter = self._named(look.stocks)
        named = self._text("kind") or ""
        new = NewDocument(
            DOCUMENTS.get(named.lower(), named),
            self._instant("time"),
            self._number("quantity"),
            self._text("unit") or self.reader.columns.units.get("unit") or meter.energy.unit.code,
            self._optional("price"),
            self._text("currency"),
            self._optional("calorific_value"),
            self._text("calorific_unit") or self.reader.columns.units.get("calorific_unit"),
            self._text("supplier"),
            self._text("reference"),
            self._text("note"),
        )
        for fault in faults_of(new, meter.energy, meter.currency, look.now):
            raise self._wrong(fault.field, fault.code, **fault.params)
        return Paper(self.number, meter, new)

    def _cell(self, name: str) -> Cell:
        place = self.reader.columns.places.get(name)
        return None if place is None or place >= len(self.cells) else self.cells[place]

    def _wrong(self, name: str, code: str, **params: Param) -> _Faulty:
        cell = self._cell(name)
        shown = cell.text if isinstance(cell, Formula) else cell
        return _Faulty(
            RowFault(self.number, name, None if shown is None else str(shown)[:100], code, params)
        )

    def _named(self, known: Mapping[str, T]) -> T:
        name = self._text("meter")
        if name is None:
            raise self._wrong("meter", "cell_empty")
        found = known.get(name.lower())
        if found is None:
            raise self._wrong("meter", "import_unknown_meter", meter=name[:100])
        return found

    def _text(self, name: str) -> str | None:
        try:
            return cells.text(self._cell(name))
        except BadCell as bad:
            raise self._wrong(name, bad.code, **bad.params) from None

    def _optional(self, name: str) -> Decimal | None:
        try:
            return cells.number(self._cell(name), comma=self.reader.comma)
        except BadCell as bad:
            raise self._wrong(name, bad.code, **bad.params) from None

    def _number(self, name: str, default: Decimal | None = None) -> Decimal:
        found = self._optional(name)
        if found is None:
            found = default
        if found is None:
            raise self._wrong(name, "cell_empty")
        return found

    def _converted(self, name: str, own: str, wanted: str) -> Decimal:
        """Answer a number in the unit `wanted`; without a unit of its own it is in `own`."""
        found = self._number(name)
        unit = self._text("unit") or self.reader.columns.units.get("unit") or own
        if unit == wanted:
            return found
        try:
            ratio = unit_of(unit).per(unit_of(wanted))
        except (UnknownUnit, WrongDimension):
            raise self._wrong("unit", "import_unit", unit=unit[:30], wanted=wanted) from None
        return found * ratio.numerator / ratio.denominator

    def _instant(self, name: str) -> datetime:
        try:
            found = cells.instant(self._cell(name), self.reader.look.zone)
        except BadCell as bad:
            raise self._wrong(name, bad.code, **bad.params) from None
        if found is None:
            raise self._wrong(name, "cell_empty")
        return found

    def _stored(self, name: str) -> datetime:
        """Answer a time at which a reading can be stored."""
        found = self._instant(name)
        refusal = self.reader.look.window.refusal(milliseconds(found))
        if refusal is not None:
            raise self._wrong(name, f"import_{refusal}")
        return found - timedelta(microseconds=found.microsecond % 1000)
