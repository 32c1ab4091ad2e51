"""Data quality of meters over a span, read from their accounts and what is recorded of them.

A meter is expected from its first quarter hour on, while it is valid, until the last quarter hour
that is over. A quarter hour is in time when its account stands as it was an hour after its end; a
de-energised one is complete. Only what a device tells can be late: what people read or a stock's
documents say has no hour, and what lies before the platform knew the device was imported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from backend.aggregation.calendar import QUARTER, Period, quarter_of
from backend.aggregation.planned import planned_stretches
from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput
from backend.core.ids import born_at
from backend.service.quality.balanced import Verdicts, read_verdicts
from backend.service.quality.recorded import read_recorded
from backend.service.quality.score import Aspect, Share
from backend.service.quality.stretches import (
    GAPS,
    SILENT,
    Cause,
    Gap,
    Place,
    Recorded,
    Stretch,
    stretches,
)
from gateway.contract.quality import Quality

MOST_CELLS: Final = 200_000
"""Meters x quarter hours of one question."""
QUARTER_S: Final = 900
IN_TIME: Final = timedelta(hours=1)
SETTLING: Final = timedelta(minutes=2)
"""A quarter hour that ended just now is not asked for: its closing readings are on their way."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A meter as it is asked about."""

    id: int
    energy: str
    point_id: int | None
    device_id: int | None
    gateway_id: int | None
    since: datetime | None
    until: datetime | None
    calibrated_until: date | None
    source: str
    device_uid: UUID | None


@dataclass(frozen=True, slots=True)
class Measured:
    """The quality of one meter over a span: five shares, and the stretches that are not plain."""

    meter_id: int
    shares: Mapping[Aspect, Share]


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a span that begins at `start`, a quarter hour."""

    start: datetime
    meters: Sequence[Measured]
    stretches: Sequence[Stretch]


@dataclass(slots=True)
class _Rows:
    """Quarter hours of one meter: what each is, seconds measured, and which are in time.

    From number `told` on its device tells them.
    """

    first: int
    last: int
    gaps: list[Gap | None]
    told: int
    due: int = 0
    measured_s: int = 0
    in_time: int = 0


_SUBJECTS: Final = """
WITH asked AS (
    SELECT d.gateway_id FROM meter m
    JOIN device d ON d.project_id = %(project)s AND d.id = m.device_id
    WHERE m.project_id = %(project)s AND m.id = ANY(%(meters)s)
)
SELECT m.id, m.energy, coalesce(m.point_id, p.id) AS point_id, m.device_id, d.gateway_id,
       greatest(f.start_ts, m.valid_from) AS since, m.valid_to AS until, m.calibrated_until,
       m.source, d.uid AS device_uid
FROM meter m
LEFT JOIN device d ON d.project_id = %(project)s AND d.id = m.device_id
LEFT JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
     AND p.name = m.register_name
LEFT JOIN LATERAL (
    SELECT a.start_ts FROM {accounts} a WHERE a.project_id = %(project)s AND a.scope = 1
      AND a.scope_id = m.id AND a.energy = m.energy AND a.period = 1
    ORDER BY a.start_ts LIMIT 1
) f ON true
WHERE m.project_id = %(project)s
  AND (m.id = ANY(%(meters)s) OR d.gateway_id IN (SELECT gateway_id FROM asked))
ORDER BY m.id
"""
_QUARTERS: Final = """
SELECT a.scope_id, ((extract(epoch FROM a.start_ts) - %(first)s) / 900)::int, a.quality,
       a.measured_s, a.updated_at <= a.end_ts + %(in_time)s
FROM meter m JOIN {accounts} a ON a.project_id = %(project)s AND a.scope = 1 AND a.scope_id = m.id
     AND a.energy = m.energy AND a.period = %(period)s
     AND a.start_ts >= %(start)s AND a.start_ts < %(end)s
     AND (%(starts)s::timestamptz[] IS NULL OR a.start_ts = ANY(%(starts)s))
WHERE m.project_id = %(project)s AND m.id = ANY(%(meters)s)
"""


async def measured(
    tx: ReadSession,
    project_id: int,
    meters: Sequence[int],
    start: datetime,
    end: datetime,
    now: datetime,
) -> Found:
    """Answer the quality of some meters. InvalidInput for an empty or too large question."""
    start, end = quarter_of(start), min(quarter_of(end), quarter_of(now - SETTLING))
    if end <= start:
        raise InvalidInput("span_empty")
    count = (end - start) // QUARTER
    if len(meters) * count > MOST_CELLS:
        raise InvalidInput("span_too_long")
    subjects = await _subjects(tx, project_id, meters)
    wanted = [one for one in subjects if one.id in set(meters)]
    rows = await _rows(tx, project_id, wanted, start, count)
    await _mark_planned(tx, project_id, wanted, rows, start, end)
    recorded = await read_recorded(tx, project_id, wanted, start, end)
    verdicts = await read_verdicts(tx, project_id, start, end)
    places = {one.id: Place(one.device_id, one.gateway_id) for one in subjects}
    gaps = {number: row.gaps for number, row in rows.items()}
    silent = _silent(gaps.values())
    if silent:
        others = [one for one in subjects if one.id not in rows]
        mates = await _rows(tx, project_id, others, start, count, silent)
        gaps |= {number: row.gaps for number, row in mates.items()}
    return Found(
        start,
        [_measured(one, rows[one.id], recorded, verdicts, end) for one in wanted],
        stretches(gaps, places, recorded, [one.id for one in wanted]),
    )


async def _subjects(tx: ReadSession, project_id: int, meters: Sequence[int]) -> list[Subject]:
    """Read some meters, and those that come by the same gateways."""
    where = await shown(tx, project_id)
    keys = {"project": project_id, "meters": list(meters), "as_of": where.as_of}
    return await tx.fetch_all(where.sql(_SUBJECTS), keys, into=Subject)


def _silent(rows: Iterable[Sequence[Gap | None]]) -> list[int]:
    """Quarter hours in which any of the meters is silent: only there others are asked."""
    return sorted({number for row in rows for number, gap in enumerate(row) if gap in SILENT})


async def _rows(
    tx: ReadSession,
    project_id: int,
    subjects: Sequence[Subject],
    start: datetime,
    count: int,
    numbers: Sequence[int] | None = None,
) -> dict[int, _Rows]:
    """Read the quarter hours of meters, or only those of some numbers."""
    rows = {one.id: _expected(one, start, count) for one in subjects}
    where = await shown(tx, project_id)
    params = {
        "as_of": where.as_of,
        "project": project_id,
        "meters": list(rows),
        "period": int(Period.QUARTER_HOUR),
        "first": int(start.timestamp()),
        "start": start,
        "end": start + count * QUARTER,
        "in_time": IN_TIME,
        "starts": None if numbers is None else [start + number * QUARTER for number in numbers],
    }
    for meter, number, quality, seconds, in_time in await tx.fetch_tuples(
        where.sql(_QUARTERS), params
    ):
        row = rows[meter]
        if row.first <= number < row.last:
            row.gaps[number] = GAPS.get(Quality(quality))
            row.measured_s += seconds
            due = number >= row.told and quality != Quality.MANUAL
            row.due += due
            row.in_time += due and in_time
    return rows


def _expected(one: Subject, start: datetime, count: int) -> _Rows:
    """A meter's quarter hours before anything is known of them: missing where one is expected."""
    if one.since is None:
        return _Rows(0, 0, [None] * count, count)
    first = max(0, -((start - one.since) // QUARTER))
    last = count if one.until is None else max(0, min(count, (one.until - start) // QUARTER))
    gaps: list[Gap | None] = [Gap.MISSING if first <= n < last else None for n in range(count)]
    return _Rows(first, max(first, last), gaps, _told(one, start, count))


def _told(one: Subject, start: datetime, count: int) -> int:
    """The first quarter hour that has to be in time, `count` where none has."""
    if one.source == "virtual":
        return 0
    if one.source not in ("register", "gauge") or one.device_uid is None:
        return count
    known = born_at(one.device_uid)
    return 0 if known is None else -((start - known) // QUARTER)


async def _mark_planned(
    tx: ReadSession,
    project_id: int,
    subjects: Sequence[Subject],
    rows: Mapping[int, _Rows],
    start: datetime,
    end: datetime,
) -> None:
    """A quarter hour that is de-energised on purpose is no gap of the data."""
    points = {one.point_id: one.id for one in subjects if one.point_id is not None}
    planned = await planned_stretches(tx, project_id, list(points), start, end)
    origin = int(start.timestamp()) * 1_000_000
    for point, spans in planned.items():
        row = rows[points[point]]
        for low, high in spans:
            first = max(row.first, -(-(low - origin) // (QUARTER_S * 1_000_000)))
            for number in range(first, min(row.last, (high - origin) // (QUARTER_S * 1_000_000))):
                row.gaps[number] = Gap.PLANNED


def _measured(
    one: Subject,
    row: _Rows,
    recorded: Sequence[Recorded],
    verdicts: Verdicts,
    end: datetime,
) -> Measured:
    expected = row.last - row.first
    inside = row.gaps[row.first : row.last]
    planned = inside.count(Gap.PLANNED)
    odd = {
        number
        for told in recorded
        if told.meter_id == one.id and told.cause in (Cause.HELD, Cause.JUDGED)
        for number in range(max(told.first, row.first), min(told.last, row.last))
    }
    odd |= {row.first + number for number, gap in enumerate(inside) if gap is Gap.SUSPECT}
    looked_at = len(odd | {row.first + n for n, gap in enumerate(inside) if gap != Gap.MISSING})
    in_date = one.calibrated_until is not None and one.calibrated_until >= end.date()
    seconds = min(expected * QUARTER_S, row.measured_s + planned * QUARTER_S)
    return Measured(
        one.id,
        {
            Aspect.COMPLETENESS: Share(seconds, expected * QUARTER_S),
            Aspect.TIMELINESS: Share(row.in_time, row.due),
            Aspect.PLAUSIBLE: Share(looked_at - len(odd), looked_at),
            Aspect.CALIBRATION: Share(int(in_date), int(expected > 0)),
            Aspect.BALANCE: verdicts.of(one.id),
        },
    )
