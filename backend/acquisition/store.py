"""Readings into PostgreSQL: each exactly once, however often it arrives, with what follows from it.

One transaction holds the readings, the last values, the dirty ranges of registers and a NOTIFY on
`kw_dirty` with each project's id. The way is optimistic: binary COPY, and only when a reading is
there already is the batch written again with ON CONFLICT DO NOTHING. A batch that fails twice is
split by gateway, then in halves down to the row that cannot be stored, which is quarantined.
"""

import asyncio
import logging
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import errors

from backend.acquisition import counters
from backend.acquisition.batch import Batch, DirtyRange, Missing, Row, Unfit, dirty_ranges, newest
from backend.core.clock import Clock
from backend.core.db import Database, IngestSession
from backend.core.errors import Unavailable

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.2
LAST_RETRY_S = 5.0
LATE_CHANNEL = "kw_late"
"""NOTIFY channel that tells which project has late rows."""

_EPOCH_2000_MS = 946_684_800_000
_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)
_COPY_ROW = struct.Struct("!hiiiqiqidih").pack
_COPY = b"COPY reading (project_id, point_id, ts, value, quality) FROM STDIN (FORMAT BINARY)"

# timestamptz 'epoch' + ms * interval '1 ms' is exact: whole microseconds below 2^53.
_INSERT = """
INSERT INTO reading (project_id, point_id, ts, value, quality)
SELECT r.project_id, r.point_id, timestamptz 'epoch' + r.ms * interval '1 ms', r.value, r.quality
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::float8[], %s::smallint[])
     AS r (project_id, point_id, ms, value, quality)
ON CONFLICT DO NOTHING
RETURNING project_id, point_id, (extract(epoch FROM ts) * 1000)::bigint, value, quality
"""
_LAST = """
INSERT INTO last_value (project_id, point_id, ts, value, quality)
SELECT r.project_id, r.point_id, timestamptz 'epoch' + r.ms * interval '1 ms', r.value, r.quality
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::float8[], %s::smallint[])
     AS r (project_id, point_id, ms, value, quality)
ON CONFLICT (project_id, point_id) DO UPDATE
SET ts = excluded.ts, value = excluded.value, quality = excluded.quality
WHERE last_value.ts < excluded.ts
"""
_MISSING = """
UPDATE last_value SET quality = 5
FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS m (project_id, point_id, ms)
WHERE last_value.project_id = m.project_id AND last_value.point_id = m.point_id
  AND last_value.ts < timestamptz 'epoch' + m.ms * interval '1 ms'
"""
_DIRTY = """
INSERT INTO dirty (project_id, point_id, first_ts, last_ts)
SELECT d.project_id, d.point_id, timestamptz 'epoch' + d.first * interval '1 ms',
       timestamptz 'epoch' + d.last * interval '1 ms'
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[])
     AS d (project_id, point_id, first, last)
"""
_QUARANTINE = """
INSERT INTO reading_quarantine
       (project_id, gateway_id, point_id, ts, value, quality, reason, received_at)
SELECT q.project_id, q.gateway_id, q.point_id, timestamptz 'epoch' + q.ms * interval '1 ms',
       q.value, q.quality, q.reason, %s
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::float8[], %s::smallint[],
            %s::text[])
     AS q (project_id, gateway_id, point_id, ms, value, quality, reason)
"""
_LATE = """
INSERT INTO reading_late (project_id, point_id, ts, value, quality)
SELECT r.project_id, r.point_id, timestamptz 'epoch' + r.ms * interval '1 ms', r.value, r.quality
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::float8[], %s::smallint[])
     AS r (project_id, point_id, ms, value, quality)
ON CONFLICT DO NOTHING
"""
_NOTIFY_LATE = "SELECT pg_notify('kw_late', p::text) FROM unnest(%s::int[]) AS p"
_NOTIFY = "SELECT pg_notify('kw_dirty', p::text) FROM unnest(%s::int[]) AS p"


@dataclass(slots=True)
class Stored:
    """What a batch became: the rows that are new in the database, and how many were set aside."""

    rows: list[Row] = field(default_factory=list)
    quarantined: int = 0

    def add(self, other: "Stored") -> None:
        """Count another part of the same batch."""
        self.rows += other.rows
        self.quarantined += other.quarantined


async def store(database: Database, batch: Batch, clock: Clock) -> Stored:
    """Store a batch and answer once it is committed; waits as long as the database is away."""
    retry = FIRST_RETRY_S
    began = time.monotonic()
    while True:
        try:
            stored = await _store_or_split(database, batch, clock)
        except (psycopg.OperationalError, Unavailable) as error:
            log.warning("The database is away, %s rows wait: %s", len(batch.rows), error)
            await asyncio.sleep(retry)
            retry = min(LAST_RETRY_S, retry * 2)
            continue
        counters.batch_seconds.observe(time.monotonic() - began)
        counters.rows_stored.inc(len(stored.rows))
        return stored


async def _store_or_split(database: Database, batch: Batch, clock: Clock) -> Stored:
    try:
        return await _store_once(database, batch, clock)
    except (errors.DataError, errors.IntegrityError) as error:
        log.warning("A batch of %s rows failed and is split: %s", len(batch.rows), error)
    stored = Stored()
    rest = Batch(missing=batch.missing, unfit=batch.unfit, late=batch.late)
    for part in (rest, *batch.by_gateway()):
        stored.add(await _store_or_halve(database, part, clock))
    return stored


async def _store_or_halve(database: Database, part: Batch, clock: Clock) -> Stored:
    """Store what can be stored of a part; the rows that cannot are quarantined."""
    try:
        return await _store_once(database, part, clock)
    except (errors.DataError, errors.IntegrityError) as error:
        if len(part.rows) == 1:
            row = part.rows[0]
            gateway = part.gateways.get((row.project_id, row.point_id))
            unfit = Unfit(row, gateway, f"sqlstate {error.sqlstate}")
            return await _store_once(database, Batch(unfit=[unfit]), clock)
    stored = Stored()
    for half in part.halves():
        stored.add(await _store_or_halve(database, half, clock))
    return stored


async def _store_once(database: Database, batch: Batch, clock: Clock) -> Stored:
    if not batch:
        return Stored()
    try:
        # In key order, so that neighbours in the index are written together.
        rows = sorted(batch.rows)
        async with database.ingest() as tx:
            await _copy(tx, rows)
            await _settle(tx, batch, rows, clock)
        counters.batches.labels("copy").inc()
        stored = rows
    except errors.UniqueViolation:
        async with database.ingest() as tx:
            stored = await insert_new(tx, batch.rows)
            await _settle(tx, batch, stored, clock)
        counters.batches.labels("insert").inc()
    return Stored(list(stored), len(batch.unfit))


async def _copy(tx: IngestSession, rows: Sequence[Row]) -> None:
    if not rows:
        return
    async with tx.connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        await copy.write(copy_bytes(rows))


def copy_bytes(rows: Sequence[Row]) -> bytes:
    """Answer rows in PostgreSQL's binary COPY format: int4, int8, timestamptz, float8, int2."""
    parts = [
        _COPY_ROW(5, 4, p, 8, point, 8, (ms - _EPOCH_2000_MS) * 1000, 8, value, 2, quality)
        for p, point, ms, value, quality in rows
    ]
    return b"".join((_HEADER, *parts, _TRAILER))


async def insert_new(tx: IngestSession, rows: Sequence[Row]) -> list[Row]:
    """Insert the rows that are not there yet and answer them, sorted."""
    if not rows:
        return []
    columns = [_array(column) for column in zip(*rows, strict=True)]
    return sorted(Row(*new) for new in await tx.fetch_tuples(_INSERT, columns))


async def _settle(tx: IngestSession, batch: Batch, stored: Sequence[Row], clock: Clock) -> None:
    """Write what follows from the sorted rows stored, in their transaction and one round trip."""
    latest = newest(stored)
    ranges = dirty_ranges(stored, batch.registers)
    async with tx.connection.pipeline():
        if latest:
            await tx.execute(_LAST, [_array(column) for column in zip(*latest, strict=True)])
        if batch.missing:
            await _mark_missing(tx, batch.missing)
        if ranges:
            await _mark_dirty(tx, ranges)
        if batch.late:
            await _set_aside(tx, batch.late)
        if batch.unfit:
            await _quarantine(tx, batch.unfit, clock)


async def _set_aside(tx: IngestSession, late: Sequence[Row]) -> None:
    """Keep late rows for the worker, which puts them into the arrays of their days."""
    counters.rows_late.inc(len(late))
    await tx.execute(_LATE, [_array(column) for column in zip(*late, strict=True)])
    await tx.execute(_NOTIFY_LATE, (_array(sorted({row.project_id for row in late})),))


async def _mark_dirty(tx: IngestSession, ranges: Sequence[DirtyRange]) -> None:
    """Have the accounts of register points recomputed, and wake who does it."""
    columns = (
        (r.project_id for r in ranges),
        (r.point_id for r in ranges),
        (r.first_ms for r in ranges),
        (r.last_ms for r in ranges),
    )
    await tx.execute(_DIRTY, [_array(column) for column in columns])
    await tx.execute(_NOTIFY, (_array(sorted({r.project_id for r in ranges})),))


def _array(numbers: Iterable[float]) -> str:
    """Answer finite numbers as PostgreSQL's array text: psycopg's own lists cost ten times more."""
    return f"{{{','.join(map(str, numbers))}}}"


async def _mark_missing(tx: IngestSession, missing: Sequence[Missing]) -> None:
    """Mark last values as missing where the point now has none; no number is made up."""
    last = {(m.project_id, m.point_id): m.ts_ms for m in sorted(missing, key=lambda m: m.ts_ms)}
    keys = sorted(last)
    projects, points = [key[0] for key in keys], [key[1] for key in keys]
    await tx.execute(_MISSING, (projects, points, [last[key] for key in keys]))


async def _quarantine(tx: IngestSession, unfit: Sequence[Unfit], clock: Clock) -> None:
    for item in unfit:
        counters.rows_quarantined.labels(item.reason).inc()
    rows = [item.row for item in unfit]
    await tx.execute(
        _QUARANTINE,
        (
            clock.now(),
            [row.project_id for row in rows],
            [item.gateway_id for item in unfit],
            [row.point_id for row in rows],
            [row.ts_ms for row in rows],
            [row.value for row in rows],
            [row.quality for row in rows],
            [item.reason for item in unfit],
        ),
    )
