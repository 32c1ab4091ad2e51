"""The gap ledger: per gateway, meter and hour, whether the data are complete.

A meter's register is expected in every slot of time that is over: each quarter hour from a gateway
of ours, which reads every register at each of them, and from others as often as their births
promise (`max_gap_s`, at most an hour). A slot counts as stored once it holds a reading. Nothing is
expected before the first reading of a register.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from backend.acquisition.readings import SAMPLES
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput

HOUR = timedelta(hours=1)
MOST_CELLS = 25_000
"""Meters x hours of one question."""


@dataclass(frozen=True, slots=True)
class GapRow:
    """One hour of one meter: slots expected and stored."""

    gateway_uid: UUID
    meter_uid: UUID
    hour: datetime
    expected: int
    stored: int

    @property
    def missing(self) -> int:
        """Slots without a reading."""
        return self.expected - self.stored


@dataclass(frozen=True, slots=True)
class Span:
    """Which hours of which meters; None = all of the project's."""

    start: datetime
    end: datetime
    gateway: UUID | None = None
    meter: UUID | None = None


_METERS = """
SELECT count(*) FROM meter m
JOIN device d ON d.project_id = %(project)s AND d.id = m.device_id
JOIN gateway g ON g.project_id = %(project)s AND g.id = d.gateway_id
WHERE m.project_id = %(project)s
  AND (%(gateway)s::uuid IS NULL OR g.uid = %(gateway)s)
  AND (%(meter)s::uuid IS NULL OR m.uid = %(meter)s)
"""
_LEDGER = f"""
WITH register AS (
    SELECT m.uid AS meter_uid, g.uid AS gateway_uid, m.slug, p.id AS point_id,
           CASE WHEN s.epoch IS NOT NULL OR p.max_gap_s <= 900 THEN interval '15 min'
                WHEN p.max_gap_s <= 1800 THEN interval '30 min' ELSE interval '1 hour' END AS slot,
           f.ts AS first_ts
    FROM meter m
    JOIN device d ON d.project_id = %(project)s AND d.id = m.device_id
    JOIN gateway g ON g.project_id = %(project)s AND g.id = d.gateway_id
    JOIN point p ON p.project_id = %(project)s AND p.device_id = d.id AND p.name = m.register_name
    LEFT JOIN gateway_state s ON s.project_id = %(project)s AND s.gateway_id = g.id
    CROSS JOIN LATERAL (SELECT least(
        (SELECT r.ts FROM reading r WHERE r.project_id = %(project)s AND r.point_id = p.id
         ORDER BY r.ts LIMIT 1),
        (SELECT c.first_ts FROM reading_day c WHERE c.project_id = %(project)s
         AND c.point_id = p.id ORDER BY c.day LIMIT 1)) AS ts) f
    WHERE m.project_id = %(project)s
      AND (%(gateway)s::uuid IS NULL OR g.uid = %(gateway)s)
      AND (%(meter)s::uuid IS NULL OR m.uid = %(meter)s)
), compacted AS (
    SELECT DISTINCT register.point_id, date_bin(register.slot, r.ts, 'epoch') AS at
    FROM register JOIN reading_day d ON d.project_id = %(project)s
         AND d.point_id = register.point_id
         AND d.day BETWEEN (%(start)s::timestamptz AT TIME ZONE 'UTC')::date
                       AND (%(last)s::timestamptz AT TIME ZONE 'UTC')::date
    CROSS JOIN LATERAL {SAMPLES} AS r
)
SELECT gateway_uid, meter_uid, h.hour, count(*)::int AS expected,
       (count(*) FILTER (WHERE EXISTS (
           SELECT 1 FROM reading r
           WHERE r.project_id = %(project)s AND r.point_id = register.point_id
             AND r.ts >= t.at AND r.ts < t.at + register.slot)
           OR EXISTS (SELECT 1 FROM compacted c
                      WHERE c.point_id = register.point_id AND c.at = t.at)))::int AS stored
FROM register
CROSS JOIN generate_series(%(start)s, %(last)s, interval '1 hour') AS h (hour)
CROSS JOIN LATERAL generate_series(
    h.hour, h.hour + interval '1 hour' - register.slot, register.slot) AS t (at)
WHERE t.at + register.slot <= %(now)s AND t.at + register.slot > register.first_ts
GROUP BY gateway_uid, meter_uid, slug, h.hour
ORDER BY h.hour DESC, slug
"""


async def gap_ledger(
    tx: ReadSession, project_id: int, span: Span, now: datetime
) -> Sequence[GapRow]:
    """Answer every hour of the span in which something was expected, newest first.

    `start` is rounded down and `end` up to whole hours (UTC). InvalidInput when the span is empty
    or has more than MOST_CELLS.
    """
    start, end = _hour(span.start), _hour(span.end + HOUR - timedelta(microseconds=1))
    if end <= start:
        raise InvalidInput("span_empty")
    keys = {"project": project_id, "gateway": span.gateway, "meter": span.meter}
    meters = await tx.fetch_value(_METERS, keys, into=int) or 0
    if meters * ((end - start) // HOUR) > MOST_CELLS:
        raise InvalidInput("span_too_long")
    return await tx.fetch_all(
        _LEDGER, {**keys, "start": start, "last": end - HOUR, "now": now}, into=GapRow
    )


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
