"""Closed days of readings become arrays (`reading_day`), late samples join them, and back again.

A sample is in `reading` or in `reading_day`, never in both and never in neither: each step moves
it in one transaction, under one advisory lock a project, and compares what the database reads from
the arrays (count and SHA-256 of all samples) with what went in before it commits. So an end at any
moment loses and doubles nothing. Days are UTC days, whatever the plant's clocks do.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from backend.acquisition.batch import Row
from backend.acquisition.day_codec import (
    DayArrays,
    Sample,
    encode,
    pack,
    unpack,
    width,
)
from backend.acquisition.readings import SAMPLES
from backend.acquisition.window import hot_since
from backend.core.db import Database, ReadSession, WriteSession

log = logging.getLogger(__name__)

LOCK: Final = 0x6B63
"""Class of the advisory lock "compaction of this project"."""
POINTS: Final = 200
"""Points of one day that one transaction moves."""
LATE_ROWS: Final = 20_000
SETTLED: Final = timedelta(hours=1)
"""A day is moved this long after ingest has stopped to put samples of it into `reading`."""
DAY_MS: Final = 86_400_000
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_WIRE: Final = "timestamptz_send(r.ts) || float8send(r.value) || int2send(r.quality)"


class CompactionFault(Exception):
    """The arrays do not read as what went in: nothing is deleted, and this is a bug."""


class PointDay(NamedTuple):
    """A point's UTC day."""

    point: int
    day: date


@dataclass(frozen=True, slots=True)
class Moved:
    """What a step did: samples that changed their place, and whether there may be more."""

    samples: int = 0
    more: bool = False


# One look into the index a point, however many readings it has.
_POINTS: Final = """
WITH RECURSIVE found (point) AS (
    SELECT min(r.point_id) FROM reading r WHERE r.project_id = %(project)s AND r.ts < %(until)s
    UNION ALL
    SELECT (SELECT min(r.point_id) FROM reading r WHERE r.project_id = %(project)s
            AND r.point_id > found.point AND r.ts < %(until)s)
    FROM found WHERE found.point IS NOT NULL
)
SELECT point FROM found WHERE point IS NOT NULL LIMIT %(most)s
"""
_OLDEST: Final = """
SELECT min(f.ts) FROM unnest(%(points)s::bigint[]) AS p (id)
CROSS JOIN LATERAL (SELECT r.ts FROM reading r WHERE r.project_id = %(project)s
    AND r.point_id = p.id AND r.ts < %(until)s ORDER BY r.ts LIMIT 1) AS f
"""
_HOT: Final = f"""
SELECT r.point_id, string_agg({_WIRE}, '' ORDER BY r.ts) FROM reading r
WHERE r.project_id = %(project)s AND r.point_id = ANY(%(points)s)
  AND r.ts >= %(since)s AND r.ts < %(until)s
GROUP BY r.point_id
"""
_COLD: Final = f"""
SELECT d.point_id, d.day, string_agg({_WIRE}, '' ORDER BY r.ts)
FROM unnest(%(points)s::bigint[], %(days)s::date[]) AS k (point, day)
JOIN reading_day d ON d.project_id = %(project)s AND d.point_id = k.point AND d.day = k.day
CROSS JOIN LATERAL {SAMPLES} AS r
GROUP BY d.point_id, d.day
"""
_CHECK: Final = f"""
SELECT d.point_id, d.day, d.count, count(*),
       encode(sha256(string_agg({_WIRE}, '' ORDER BY r.ts)), 'hex')
FROM unnest(%(points)s::bigint[], %(days)s::date[]) AS k (point, day)
JOIN reading_day d ON d.project_id = %(project)s AND d.point_id = k.point AND d.day = k.day
CROSS JOIN LATERAL {SAMPLES} AS r
GROUP BY d.point_id, d.day, d.count
"""
# In one statement, so that nothing can come between the look and the deletion.
_TAKE: Final = f"""
WITH r AS (
    DELETE FROM reading t WHERE t.project_id = %(project)s AND t.point_id = ANY(%(points)s)
    AND t.ts >= %(since)s AND t.ts < %(until)s RETURNING t.point_id, t.ts, t.value, t.quality
)
SELECT r.point_id, string_agg({_WIRE}, '' ORDER BY r.ts) FROM r GROUP BY r.point_id
"""
_COLUMNS: Final = (
    "times_2", "times_4", "times_8", "values_2", "values_4", "values_8", "floats_4", "floats_8",
    "quality_from", "quality",
)  # fmt: skip
_WRITE: Final = f"""
INSERT INTO reading_day (project_id, point_id, day, count, first_ts, unit_us, base, divisor,
    {", ".join(_COLUMNS)})
VALUES (%(project)s, %(point)s, %(day)s, %(count)s, %(first)s, %(unit)s, %(base)s, %(divisor)s,
    {", ".join(f"%({name})s" for name in _COLUMNS)})
ON CONFLICT (project_id, point_id, day) DO UPDATE SET count = excluded.count,
    first_ts = excluded.first_ts, unit_us = excluded.unit_us, base = excluded.base,
    divisor = excluded.divisor, {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
"""
_TAKE_LATE: Final = """
DELETE FROM reading_late l USING (
    SELECT k.point_id, k.ts FROM reading_late k WHERE k.project_id = %(project)s
    ORDER BY k.point_id, k.ts LIMIT %(most)s) AS chosen
WHERE l.project_id = %(project)s AND l.point_id = chosen.point_id AND l.ts = chosen.ts
RETURNING l.point_id, (extract(epoch FROM l.ts) * 1000)::bigint, l.value, l.quality
"""
_DIRTY: Final = """
INSERT INTO dirty (project_id, point_id, first_ts, last_ts)
SELECT %(project)s, p.id, n.first_ts, n.last_ts
FROM unnest(%(points)s::bigint[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[])
     AS n (point, first_ts, last_ts)
JOIN point p ON p.project_id = %(project)s AND p.id = n.point AND p.kind <> 'status'
"""
_EXPAND: Final = f"""
INSERT INTO reading (project_id, point_id, ts, value, quality)
SELECT %(project)s, d.point_id, r.ts, r.value, r.quality
FROM reading_day d CROSS JOIN LATERAL {SAMPLES} AS r
WHERE d.project_id = %(project)s AND d.point_id = ANY(%(points)s)
  AND d.day BETWEEN %(first)s AND %(last)s
"""
_FORGET: Final = """
DELETE FROM reading_day d WHERE d.project_id = %(project)s AND d.point_id = ANY(%(points)s)
  AND d.day BETWEEN %(first)s AND %(last)s
"""


async def compact(database: Database, project_id: int, now: datetime) -> int:
    """Move all of a project's closed days that are older than the hot window; answer how many
    samples moved.
    """
    until = hot_since(now - SETTLED)
    moved = 0
    while True:
        async with database.project(project_id) as tx:
            step = await compact_some(tx, project_id, until)
        moved += step.samples
        if not step.more:
            return moved


async def compact_some(tx: WriteSession, project_id: int, until: datetime) -> Moved:
    """Move the oldest day before `until` (a midnight in UTC) of some points."""
    await _lock(tx, project_id)
    keys = {"project": project_id, "until": until}
    points = [row[0] for row in await tx.fetch_tuples(_POINTS, keys | {"most": POINTS})]
    if not points:
        return Moved()
    oldest = await tx.fetch_value(_OLDEST, keys | {"points": points}, into=datetime)
    if oldest is None:
        return Moved()
    day = oldest.astimezone(UTC).date()
    since = midnight(day)
    span = {"project": project_id, "points": points, "since": since, "until": since + _DAY}
    taken = await tx.fetch_tuples(_TAKE, span)
    hot = {PointDay(point, day): unpack(packed) for point, packed in taken}
    await _join(tx, project_id, hot)
    return Moved(sum(map(len, hot.values())), more=True)


async def join_late(tx: WriteSession, project_id: int) -> Moved:
    """Put samples that ingest has set aside into their days; what is there already is dropped."""
    await _lock(tx, project_id)
    found = await tx.fetch_tuples(_TAKE_LATE, {"project": project_id, "most": LATE_ROWS})
    rows = [Row(project_id, *row) for row in found]
    return Moved(len(await join(tx, project_id, rows)), more=len(rows) == LATE_ROWS)


async def join(tx: WriteSession, project_id: int, rows: Sequence[Row]) -> list[Row]:
    """Put samples older than the hot window into their days; answer those that are new.

    The first that came counts, here as in `reading`. What stands on them becomes dirty: accounts of
    registers, and of gauges that meters are read from.
    """
    if not rows:
        return []
    await _lock(tx, project_id)
    numbered: dict[tuple[int, int], dict[int, Row]] = {}
    for row in rows:
        key = (row.point_id, row.ts_ms // DAY_MS)
        numbered.setdefault(key, {}).setdefault(row.ts_ms * 1000, row)
    days = {
        PointDay(point, (_EPOCH + number * _DAY).date()): of_day
        for (point, number), of_day in numbered.items()
    }
    there = await _there(tx, project_id, list(days))
    fresh = {
        key: [row for us, row in sorted(of_day.items()) if us not in there.get(key, ())]
        for key, of_day in days.items()
    }
    new = {
        key: [Sample(row.ts_ms * 1000, row.value, row.quality) for row in of_day]
        for key, of_day in fresh.items()
        if of_day
    }
    await _join(tx, project_id, new)
    await _mark_dirty(tx, project_id, new)
    return [row for of_day in fresh.values() for row in of_day]


async def expand(
    tx: WriteSession, project_id: int, points: Sequence[int], first: date, last: date
) -> int:
    """Move the days `first` to `last` of some points back into `reading`; answer how many samples.

    The partitions of their months must be there.
    """
    await _lock(tx, project_id)
    keys = {"project": project_id, "points": list(points), "first": first, "last": last}
    moved = await tx.execute(_EXPAND, keys)
    await tx.execute(_FORGET, keys)
    return moved


def midnight(day: date) -> datetime:
    """Answer the first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def _lock(tx: WriteSession, project_id: int) -> None:
    await tx.fetch_value("SELECT pg_advisory_xact_lock(%s, %s)::text", (LOCK, project_id), into=str)


async def _there(
    tx: ReadSession, project_id: int, keys: Sequence[PointDay]
) -> dict[PointDay, set[int]]:
    """Answer the times of what is stored of some days, in either place."""
    found: dict[PointDay, set[int]] = {}
    for key, samples in (await _arrays(tx, project_id, keys)).items():
        found[key] = {sample.us for sample in samples}
    for day in {key.day for key in keys}:
        points = [key.point for key in keys if key.day == day]
        since = midnight(day)
        span = {"project": project_id, "points": points, "since": since, "until": since + _DAY}
        for point, packed in await tx.fetch_tuples(_HOT, span):
            found.setdefault(PointDay(point, day), set()).update(s.us for s in unpack(packed))
    return found


async def _arrays(
    tx: ReadSession, project_id: int, keys: Iterable[PointDay]
) -> dict[PointDay, list[Sample]]:
    found = await tx.fetch_tuples(_COLD, {"project": project_id, **_columns(keys)})
    return {PointDay(point, day): unpack(packed) for point, day, packed in found}


async def _join(
    tx: WriteSession, project_id: int, new: Mapping[PointDay, Sequence[Sample]]
) -> None:
    """Write days anew with some more samples, and read them back before anybody relies on it."""
    if not new:
        return
    held = await _arrays(tx, project_id, new)
    days = {key: _one_each([*samples, *held.get(key, ())]) for key, samples in new.items()}
    await tx.execute_many(
        _WRITE, [_written(project_id, key, encode(samples)) for key, samples in days.items()]
    )
    expected = {
        (*key, len(samples), len(samples), hashlib.sha256(pack(samples)).hexdigest())
        for key, samples in days.items()
    }
    read = await tx.fetch_tuples(_CHECK, {"project": project_id, **_columns(new)})
    if set(read) != expected:
        raise CompactionFault(f"days of project {project_id} do not read as they were written")


def _one_each(samples: Iterable[Sample]) -> list[Sample]:
    """Answer samples in order of time; of two at one time the last counts."""
    return [sample for _, sample in sorted({sample.us: sample for sample in samples}.items())]


def _written(project_id: int, key: PointDay, arrays: DayArrays) -> dict[str, object]:
    """Answer a row of reading_day; an array goes to the column of its width."""
    row: dict[str, object] = dict.fromkeys(_COLUMNS)
    for kind, numbers in (("times", arrays.times), ("values", arrays.scaled)):
        if numbers is not None:
            row[f"{kind}_{width(numbers)}"] = _array(numbers)
    for name, floats in (("floats_4", arrays.single), ("floats_8", arrays.double)):
        if floats is not None:
            row[name] = _array(floats)
    if arrays.quality is not None and arrays.quality_from is not None:
        row |= {"quality": _array(arrays.quality), "quality_from": _array(arrays.quality_from)}
    return row | {
        "project": project_id,
        "point": key.point,
        "day": key.day,
        "count": arrays.count,
        "first": _EPOCH + arrays.first_us * _US,
        "unit": arrays.unit_us,
        "base": arrays.base,
        "divisor": float(arrays.divisor),
    }


async def _mark_dirty(
    tx: WriteSession, project_id: int, new: Mapping[PointDay, Sequence[Sample]]
) -> None:
    spans = [(key.point, one[0].us, one[-1].us) for key, one in new.items()]
    if not spans:
        return
    points, firsts, lasts = zip(*spans, strict=True)
    keys = {
        "project": project_id,
        "points": list(points),
        "firsts": [_EPOCH + us * _US for us in firsts],
        "lasts": [_EPOCH + us * _US for us in lasts],
    }
    if await tx.execute(_DIRTY, keys):
        await tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(project_id),))


def _columns(keys: Iterable[PointDay]) -> dict[str, object]:
    points, days = zip(*keys, strict=True)
    return {"points": list(points), "days": list(days)}


def _array(numbers: Iterable[float]) -> str:
    """Answer numbers as PostgreSQL's array text: psycopg's own lists cost ten times more."""
    return f"{{{','.join(map(repr, numbers))}}}"
