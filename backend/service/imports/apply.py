"""Applying a plan in one transaction: readings, interval values, hand readings, stock documents."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.aggregation.dirty import mark_points
from backend.aggregation.stock_accounts import settle_stock
from backend.core.db import WriteSession
from backend.service.hand.readings import Entry, keep
from backend.service.imports.plan import Plan
from backend.service.imports.rows import ByHand, Paper, Sample, Span
from backend.service.stock.documents import add_document
from gateway.contract.quality import Quality

_STORE: Final = """
INSERT INTO reading (project_id, point_id, ts, value, quality)
SELECT %s, * FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[], %s::smallint[])
ON CONFLICT DO NOTHING
"""
_LAST: Final = """
INSERT INTO last_value (project_id, point_id, ts, value, quality)
SELECT DISTINCT ON (point) %s::int, point, ts, value, quality
FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[], %s::smallint[])
     AS u (point, ts, value, quality) ORDER BY point, ts DESC
ON CONFLICT (project_id, point_id) DO UPDATE
SET ts = excluded.ts, value = excluded.value, quality = excluded.quality
WHERE last_value.ts < excluded.ts
"""
Stored = tuple[int, datetime, float, int]
"""Point, time, value in the point's unit, quality."""


async def apply_plan(
    tx: WriteSession,
    project_id: int,
    found: Plan,
    import_id: int,
    person_id: int,
    now: datetime,
) -> None:
    """Do what a plan says; readings that are there already stay as they are."""
    await _samples(tx, project_id, [one for one in found.good if isinstance(one, Sample)])
    await _spans(tx, project_id, [one for one in found.good if isinstance(one, Span)])
    hands = sorted((one for one in found.good if isinstance(one, ByHand)), key=lambda one: one.at)
    for hand in hands:
        entry = Entry(hand.at, hand.value, hand.note)
        await keep(tx, project_id, hand.register, entry, person_id, now, import_id)
    papers = [one for one in found.good if isinstance(one, Paper)]
    for paper in papers:
        await add_document(tx, project_id, paper.meter, paper.new, person_id, now, import_id)
    for meter_id in sorted({paper.meter.id for paper in papers}):
        await settle_stock(tx, project_id, meter_id, now)


async def _samples(tx: WriteSession, project_id: int, samples: Sequence[Sample]) -> None:
    rows = [(one.target.point_id, one.at, float(one.value), one.quality) for one in samples]
    await _store(tx, project_id, rows)


async def _spans(tx: WriteSession, project_id: int, spans: Sequence[Span]) -> None:
    """Store interval values as the register that would have counted them."""
    rows: list[Stored] = []
    for point in sorted({one.target.point_id for one in spans}):
        own = sorted((one for one in spans if one.target.point_id == point), key=_start)
        rows += _register(own)
    await _store(tx, project_id, rows)


def _start(span: Span) -> datetime:
    return span.start


def _register(spans: Sequence[Span]) -> Iterable[Stored]:
    """Answer readings of a register that goes on from the meter's newest reading.

    Between two spans that do not touch it stands still: nothing was produced.
    """
    last = spans[0].target.last
    counted = Decimal(0) if last is None else last.value
    for span in spans:
        point = span.target.point_id
        yield point, span.start, float(counted), int(Quality.MANUAL)
        counted += span.quantity
        yield point, span.end, float(counted), int(Quality.MANUAL)


async def _store(tx: WriteSession, project_id: int, rows: Sequence[Stored]) -> None:
    if not rows:
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    await tx.execute(_STORE, (project_id, *columns))
    await tx.execute(_LAST, (project_id, *columns))
    spans: dict[int, tuple[datetime, datetime]] = {}
    for point, at, _, _ in rows:
        first, last = spans.get(point, (at, at))
        spans[point] = min(first, at), max(last, at)
    for point, (first, last) in spans.items():
        await mark_points(tx, project_id, [point], first, last)
