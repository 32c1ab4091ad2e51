"""The dry run: everything a file would do and everything that is wrong with it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from backend.core.errors import InvalidInput
from backend.core.ids import encode_id
from backend.service.imports.columns import KINDS, find_columns
from backend.service.imports.findings import Findings, FoundFault, FoundMeter
from backend.service.imports.look import Look
from backend.service.imports.rows import ByHand, Paper, Reader, Record, RowFault, Sample, Span
from backend.service.imports.sheet import Sheet
from backend.service.imports.together import together

TOLD: Final = 200
"""Faults that are told one by one; all are counted."""


@dataclass(slots=True)
class MeterTotal:
    """What a file holds of one meter: `total` in `unit`, the span it touches."""

    meter: str
    name: Mapping[str, str]
    unit: str
    rows: int = 0
    total: Decimal = Decimal(0)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, first: datetime, last: datetime, quantity: Decimal) -> None:
        """Count a row."""
        self.rows += 1
        self.total += quantity
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would do: rows that are right, and what is wrong with the others."""

    kind: str
    rows: int
    good: Sequence[Record]
    faults: Sequence[RowFault]
    unknown: tuple[str, ...] = ()
    meters: Sequence[MeterTotal] = field(default_factory=list)

    @property
    def faulty(self) -> int:
        """Rows with a fault; a column nobody knows is none of them."""
        return len({fault.row for fault in self.faults})

    @property
    def clean(self) -> bool:
        """Whether there is nothing that anybody would have to decide about."""
        return not self.faults and not self.unknown

    def findings(self) -> Findings:
        """Answer the dry run as it is stored and told."""
        return Findings(
            self.rows,
            len(self.good),
            self.faulty,
            list(self.unknown),
            [
                FoundFault(one.row, one.field, one.value, one.code, dict(one.params))
                for one in self.faults[:TOLD]
            ],
            [
                FoundMeter(
                    one.meter,
                    dict(one.name),
                    one.unit,
                    one.rows,
                    f"{one.total:f}",
                    one.first,
                    one.last,
                )
                for one in self.meters
            ],
        )


def plan(sheet: Sheet, kind: str, look: Look) -> Plan:
    """Answer what a file would do. Raises InvalidInput where it is no such file at all."""
    if kind not in KINDS:
        raise InvalidInput("import_kind", known=", ".join(KINDS))
    columns = find_columns(sheet.headers, kind)
    reader = Reader(kind, columns, look, sheet.comma)
    faults: list[RowFault] = []
    records: list[Record] = []
    for number, row in sheet.rows:
        found = reader.read(number, row)
        if isinstance(found, RowFault):
            faults.append(found)
        else:
            records.append(found)
    kept = together(records, look)
    faults = sorted([*faults, *kept.faults], key=lambda fault: fault.row)
    return Plan(kind, len(sheet.rows), kept.rows, faults, columns.unknown, totals(kept.rows))


def totals(records: Iterable[Record]) -> list[MeterTotal]:
    """Answer what rows hold of each meter, in the order of first appearance.

    Readings of a register have no sum; their total is how far it went.
    """
    found: dict[UUID, MeterTotal] = {}
    ends: dict[UUID, tuple[Decimal, Decimal]] = {}
    for record in records:
        match record:
            case Sample(target=target, at=at, value=value):
                one = _total(found, target.uid, target.name, target.unit)
                one.add(at, at, Decimal(0))
                low, high = ends.get(target.uid, (value, value))
                ends[target.uid] = min(low, value), max(high, value)
            case ByHand(register=register, at=at, value=value):
                one = _total(found, register.meter_uid, register.name, register.unit)
                one.add(at, at, Decimal(0))
                low, high = ends.get(register.meter_uid, (value, value))
                ends[register.meter_uid] = min(low, value), max(high, value)
            case Span(target=target, start=start, end=end, quantity=quantity):
                _total(found, target.uid, target.name, target.unit).add(start, end, quantity)
            case Paper(meter=meter, new=new):
                unit = meter.energy.unit.code
                one = _total(found, meter.uid, meter.name, unit)
                one.add(new.at, new.at, _signed(record))
    for uid, (low, high) in ends.items():
        found[uid].total = high - low
    return list(found.values())


def _signed(paper: Paper) -> Decimal:
    """Answer what a paper brings (delivery) or takes (sale); a count does neither."""
    energy, new = paper.meter.energy, paper.new
    ratio = energy.per_point_unit(new.unit) / energy.smallest_per_unit
    quantity = new.quantity * ratio.numerator / ratio.denominator
    return {"delivery": quantity, "sale": -quantity}.get(new.kind, Decimal(0))


def _total(
    found: dict[UUID, MeterTotal], uid: UUID, name: Mapping[str, str], unit: str
) -> MeterTotal:
    if uid not in found:
        found[uid] = MeterTotal(encode_id("mtr", uid), name, unit)
    return found[uid]
