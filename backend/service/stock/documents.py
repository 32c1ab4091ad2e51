"""Stock documents: recorded, listed, and corrected by a reversing document, never overwritten."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from backend.aggregation.stock_accounts import read_documents, settle_stock
from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.service.people.asker import Asker
from backend.service.stock.checks import (
    NewDocument,
    book_faults,
    faults_of,
    refuse,
    smallest_of,
)
from gateway.contract.energy import EnergyType, energy_type


@dataclass(frozen=True, slots=True)
class StockMeter:
    """A meter whose quarter hours come from documents, and the currency its project pays in."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    energy_code: str
    currency: str

    @property
    def energy(self) -> EnergyType:
        """What is kept in stock."""
        return energy_type(self.energy_code)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as it stands; `reversed_by` took it back, `reverses` is what it takes back."""

    id: int
    uid: UUID
    kind: str
    ts: datetime
    quantity: Decimal
    unit: str
    qty: int
    price: Decimal | None
    currency: str | None
    calorific_value: Decimal | None
    calorific_unit: str | None
    supplier: str | None
    reference: str | None
    note: str | None
    reverses: UUID | None
    reversed_by: UUID | None
    recorded_by: int | None
    recorded_at: datetime


_METERS: Final = """
SELECT m.id, m.uid, m.slug, m.name, m.energy AS energy_code, p.currency
FROM meter m JOIN project p ON p.id = %(project)s
WHERE m.project_id = %(project)s AND m.source = 'stock'
  AND (%(uid)s::uuid IS NULL OR m.uid = %(uid)s) ORDER BY m.slug
"""
_SELECT: Final = """
SELECT d.id, d.uid, d.kind, d.ts, d.quantity, d.unit, d.qty, d.price, d.currency,
       d.calorific_value, d.calorific_unit, d.supplier, d.reference, d.note,
       o.uid AS reverses, r.uid AS reversed_by, d.recorded_by, d.recorded_at
FROM stock_document d
LEFT JOIN stock_document o ON o.project_id = %(project)s AND o.id = d.reverses_id
LEFT JOIN stock_document r ON r.project_id = %(project)s AND r.reverses_id = d.id
WHERE d.project_id = %(project)s
"""
_INSERT: Final = """
INSERT INTO stock_document (project_id, uid, meter_id, kind, ts, quantity, unit, qty, price,
    currency, calorific_value, calorific_unit, supplier, reference, note, reverses_id, import_id,
    recorded_by, recorded_at)
VALUES (%(project)s, %(uid)s, %(meter)s, %(kind)s, %(ts)s, %(quantity)s, %(unit)s, %(qty)s,
    %(price)s, %(currency)s, %(value)s, %(per)s, %(supplier)s, %(reference)s, %(note)s,
    %(reverses)s, %(import)s, %(person)s, %(now)s)
"""


async def stock_meters(
    tx: ReadSession, project_id: int, uid: UUID | None = None
) -> list[StockMeter]:
    """Answer the meters that have a stock, or the one of an outside identity."""
    return await tx.fetch_all(_METERS, {"project": project_id, "uid": uid}, into=StockMeter)


async def stock_meter(tx: ReadSession, project_id: int, uid: UUID | None) -> StockMeter:
    """Answer one stock meter. Raises NotFound."""
    found = [] if uid is None else await stock_meters(tx, project_id, uid)
    if not found:
        raise NotFound(kind="meter")
    return found[0]


async def list_documents(
    tx: ReadSession, project_id: int, meter_id: int, first: int, before: datetime | None = None
) -> list[DocumentRow]:
    """Answer a stock's documents, newest first."""
    return await tx.fetch_all(
        f"{_SELECT} AND d.meter_id = %(meter)s AND (%(before)s::timestamptz IS NULL"
        " OR d.ts < %(before)s) ORDER BY d.ts DESC, d.id DESC LIMIT %(first)s".encode(),
        {"project": project_id, "meter": meter_id, "before": before, "first": first},
        into=DocumentRow,
    )


async def find_document(
    tx: ReadSession, project_id: int, uid: UUID | None
) -> tuple[int, DocumentRow]:
    """Answer a document with its meter's number. Raises NotFound."""
    about = {"project": project_id, "uid": uid}
    row = await tx.fetch_one(f"{_SELECT} AND d.uid = %(uid)s".encode(), about, into=DocumentRow)
    meter = await tx.fetch_value(
        "SELECT meter_id FROM stock_document WHERE project_id = %(project)s AND uid = %(uid)s",
        about,
        into=int,
    )
    if row is None or meter is None:
        raise NotFound(kind="document")
    return meter, row


async def record_document(
    tx: WriteSession,
    project_id: int,
    meter: StockMeter,
    new: NewDocument,
    asker: Asker,
    now: datetime,
) -> UUID:
    """Record a document, account what it changes, and answer its identity.

    Raises InvalidInput, naming the field, for what cannot be or contradicts the other documents.
    """
    uid = await replace_document(tx, project_id, meter, None, new, asker.person_id, now)
    await _note(tx, project_id, asker, "stock.record", uid, None, new, now)
    return uid


async def reverse_document(
    tx: WriteSession,
    project_id: int,
    uid: UUID | None,
    asker: Asker,
    now: datetime,
    instead: NewDocument | None = None,
) -> UUID:
    """Take a document back, or put another in its place; answer the newest document's identity.

    Raises NotFound, Conflict when it was taken back already, and InvalidInput as `record_document`
    does.
    """
    meter_id, row = await find_document(tx, project_id, uid)
    meters = await stock_meters(tx, project_id)
    meter = next(one for one in meters if one.id == meter_id)
    newest = await replace_document(tx, project_id, meter, row, instead, asker.person_id, now)
    await _note(tx, project_id, asker, "stock.reverse", newest, entered(row), instead, now)
    return newest


async def replace_document(
    tx: WriteSession,
    project_id: int,
    meter: StockMeter,
    row: DocumentRow | None,
    instead: NewDocument | None,
    person_id: int | None,
    now: datetime,
) -> UUID:
    """Take `row` back, write `instead`, or both, and account the stock; nothing is told of it.

    Answers the newest document's identity. Raises Conflict when `row` was taken back already, and
    InvalidInput for what cannot be or contradicts the other documents.
    """
    if row is not None and (row.reverses is not None or row.reversed_by is not None):
        raise Conflict("stock_reversed")
    newest, moments = None, []
    if row is not None:
        newest = await _insert(tx, project_id, meter, entered(row), person_id, now, reverses=row.id)
        moments.append(row.ts)
    if instead is not None:
        newest = await add_document(tx, project_id, meter, instead, person_id, now)
        moments.insert(0, instead.at)
    if newest is None:
        raise NotFound(kind="document")
    for moment in moments:
        await refuse_contradiction(tx, project_id, meter, moment)
    await settle_stock(tx, project_id, meter.id, now)
    return newest


async def add_document(
    tx: WriteSession,
    project_id: int,
    meter: StockMeter,
    new: NewDocument,
    person_id: int | None,
    now: datetime,
    import_id: int | None = None,
) -> UUID:
    """Write a document that is right by itself, without accounting it. Raises InvalidInput."""
    refuse(faults_of(new, meter.energy, meter.currency, now))
    return await _insert(tx, project_id, meter, new, person_id, now, import_id=import_id)


async def refuse_contradiction(
    tx: ReadSession, project_id: int, meter: StockMeter, at: datetime
) -> None:
    """Raise InvalidInput when the documents around an instant contradict each other."""
    documents = await read_documents(tx, project_id, meter.id, meter.energy)
    refuse(book_faults(documents, int(at.timestamp()), meter.energy))


def entered(row: DocumentRow) -> NewDocument:
    """Answer a document as it was entered."""
    return NewDocument(
        row.kind,
        row.ts,
        row.quantity,
        row.unit,
        row.price,
        row.currency,
        row.calorific_value,
        row.calorific_unit,
        row.supplier,
        row.reference,
        row.note,
    )


async def _insert(
    tx: WriteSession,
    project_id: int,
    meter: StockMeter,
    new: NewDocument,
    person_id: int | None,
    now: datetime,
    *,
    reverses: int | None = None,
    import_id: int | None = None,
) -> UUID:
    uid = new_uuid(now)
    priced = replace(new, currency=meter.currency if new.price is not None else None)
    await tx.execute(
        _INSERT,
        {
            "project": project_id,
            "uid": uid,
            "meter": meter.id,
            "kind": new.kind,
            "ts": new.at.replace(microsecond=0),
            "quantity": new.quantity,
            "unit": new.unit,
            "qty": smallest_of(new.quantity, new.unit, meter.energy),
            "price": new.price,
            "currency": priced.currency,
            "value": new.calorific_value,
            "per": None if new.calorific_value is None else new.calorific_unit,
            "supplier": new.supplier,
            "reference": new.reference,
            "note": new.note,
            "reverses": reverses,
            "import": import_id,
            "person": person_id,
            "now": now,
        },
    )
    return uid


async def _note(
    tx: WriteSession,
    project_id: int,
    asker: Asker,
    action: str,
    uid: UUID,
    old: NewDocument | None,
    new: NewDocument | None,
    now: datetime,
) -> None:
    """Tell the audit and whoever looks at figures."""
    await publish(tx, project_id, "account", "", now)
    deed = audit.Deed(
        asker.actor,
        action,
        encode_id("stk", uid),
        "done",
        asker.person_id,
        None if old is None else audited(old),
        None if new is None else audited(new),
    )
    await audit.record(tx, project_id, deed, now)


def audited(new: NewDocument) -> dict[str, object]:
    """Answer a document as the audit keeps it."""
    words = {
        "kind": new.kind,
        "at": new.at.isoformat(),
        "quantity": str(new.quantity),
        "unit": new.unit,
        "price": None if new.price is None else str(new.price),
        "calorific": None if new.calorific_value is None else f"{new.calorific_value}",
        "reference": new.reference,
    }
    return {name: value for name, value in words.items() if value is not None}
