"""What rows contradict among themselves and with what is stored. Pure.

Each check takes the rows that are right by themselves, in the file's order, and answers those that
stay and what is wrong with the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.aggregation.stock import COUNT, Document
from backend.service.hand.questions import Seen, questions
from backend.service.imports.look import Look
from backend.service.imports.rows import ByHand, Paper, Record, RowFault, Sample, Span
from backend.service.stock.checks import book_faults, smallest_of


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that stay, and the faults of those that do not."""

    rows: list[Record]
    faults: list[RowFault]


def together(records: Sequence[Record], look: Look) -> Kept:
    """Check rows against each other and what is stored; the kinds are not mixed in a file."""
    kept = _twice(records)
    for check in (_spans, _hands, _papers):
        found = check(kept.rows, look)
        kept = Kept(found.rows, kept.faults + found.faults)
    return kept


def _key(record: Record) -> tuple[object, ...]:
    match record:
        case Sample(target=target, at=at):
            return "sample", target.point_id, at
        case Span(target=target, start=start, end=end):
            return "span", target.point_id, start, end
        case ByHand(register=register, at=at):
            return "hand", register.point_id, at
        case Paper(meter=meter, new=new):
            return "paper", meter.id, new.kind, new.at, new.quantity, new.reference


def _twice(records: Iterable[Record]) -> Kept:
    """Refuse a row that says the same thing of the same instant as one above it."""
    kept, faults, seen = [], [], dict[tuple[object, ...], int]()
    for record in records:
        first = seen.setdefault(_key(record), record.row)
        if first == record.row:
            kept.append(record)
        else:
            faults.append(RowFault(record.row, _when(record), None, "row_twice", {"first": first}))
    return Kept(kept, faults)


def _when(record: Record) -> str:
    return "start" if isinstance(record, Span) else "time"


def _without(rows: Sequence[Record], faults: list[RowFault]) -> Kept:
    bad = {fault.row for fault in faults}
    return Kept([row for row in rows if row.row not in bad], faults)


def _spans(rows: Sequence[Record], _look: Look) -> Kept:
    """Refuse spans that overlap, or that begin before what is stored ends."""
    faults: list[RowFault] = []
    before: dict[int, Span] = {}
    spans = [one for one in rows if isinstance(one, Span)]
    for one in sorted(spans, key=lambda one: one.start):
        fault = _span_fault(one, before.get(one.target.point_id))
        if fault is None:
            before[one.target.point_id] = one
        else:
            faults.append(fault)
    return _without(rows, faults)


def _span_fault(one: Span, before: Span | None) -> RowFault | None:
    shown = one.start.isoformat()
    if before is not None and one.start < before.end:
        return RowFault(one.row, "start", shown, "import_overlap", {"other": before.row})
    last = one.target.last_ts
    if last is not None and one.start < last:
        return RowFault(one.row, "start", shown, "import_stored", {"until": last.isoformat()})
    edge = before.end if before is not None else last
    if edge is not None and one.start > edge and one.target.energy.factors:
        # What was used in between is not nothing, so nobody may count it as nothing.
        return RowFault(one.row, "start", shown, "import_gap", {"edge": edge.isoformat()})
    return None


def _hands(rows: Sequence[Record], _look: Look) -> Kept:
    """Refuse readings of which a person would be asked: nobody is there to answer."""
    faults: list[RowFault] = []
    before: dict[int, Seen] = {}
    hands = [one for one in rows if isinstance(one, ByHand)]
    for one in sorted(hands, key=lambda one: one.at):
        point = one.register.point_id
        fault = _hand_fault(one, before.get(point, one.register.last))
        if fault is None:
            before[point] = Seen(one.at, one.value)
        else:
            faults.append(fault)
    return _without(rows, faults)


def _hand_fault(one: ByHand, before: Seen | None) -> RowFault | None:
    if before is not None and one.at <= before.at:
        told = {"until": before.at.isoformat()}
        return RowFault(one.row, "time", one.at.isoformat(), "import_stored", told)
    asked = questions(one.register.around(before, None), one.at, one.value)
    if asked:
        told = {"last": "" if before is None else f"{before.value:f}"}
        return RowFault(one.row, "value", f"{one.value:f}", f"hand_{asked[0].value}", told)
    return None


def _papers(rows: Sequence[Record], look: Look) -> Kept:
    """Refuse papers that are there already, and those that contradict the books."""
    faults: list[RowFault] = []
    groups: dict[int, list[Paper]] = {}
    for row in rows:
        if isinstance(row, Paper):
            groups.setdefault(row.meter.id, []).append(row)
    for meter_id, group in groups.items():
        faults += _book(group, look.documents.get(meter_id, ()))
    return _without(rows, faults)


def _book(group: Sequence[Paper], stored: Sequence[Document]) -> list[RowFault]:
    """Answer what is wrong with a stock's papers, taken into the books in the order of time."""
    faults: list[RowFault] = []
    there = {(one.kind, one.ts, one.qty) for one in stored}
    books = list(stored)
    for paper in sorted(group, key=lambda one: (one.new.at, one.new.kind == COUNT)):
        document = _document(paper)
        if (document.kind, document.ts, document.qty) in there:
            faults.append(RowFault(paper.row, "time", None, "row_stored"))
            continue
        wrong = next(book_faults([*books, document], document.ts, paper.meter.energy), None)
        if wrong is None:
            books.append(document)
        else:
            faults.append(RowFault(paper.row, wrong.field, None, wrong.code, wrong.params))
    return faults


def _document(paper: Paper) -> Document:
    new = paper.new
    qty = smallest_of(new.quantity, new.unit, paper.meter.energy)
    return Document(0, new.kind, int(new.at.timestamp()), qty)
