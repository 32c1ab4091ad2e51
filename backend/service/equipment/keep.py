"""Keeps the hours of equipment: what changed is computed anew, the newest first.

An hour stands on samples from an hour before it until a quarter hour after it. It is due when a
quarter hour of its meter in that time was accounted anew since, or its definition changed: live
values, a gateway's backlog and an import end in the same rows. What a version that is being applied
reaches waits until it is applied.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from backend.acquisition.readings import between
from backend.aggregation.calendar import HOUR, QUARTER
from backend.aggregation.pricing import Pricing, read_pricing
from backend.aggregation.versions import unsettled_until
from backend.core.db import Database, ReadSession, WriteSession
from backend.service.equipment.hours import HOUR_S, LOOK_BACK_S, QUARTER_S, Hour, hour
from backend.service.equipment.states import Rule, Sample
from backend.service.projects.known import known_projects

BITE: Final = 24 * 14
"""Hours a transaction."""
SIGNAL: Final = (1.0, 2.0)
"""From where a status signal says idle and load."""
_BEFORE: Final = timedelta(seconds=LOOK_BACK_S)


@dataclass(frozen=True, slots=True)
class Definition:
    """How a node's states are told, with the points that tell them."""

    node_id: int
    meter_id: int
    energy: str
    power_point: int
    status_point: int | None
    standby_kw: Decimal
    load_kw: Decimal
    dwell_s: int
    max_gap_s: int
    changed_at: datetime

    @property
    def rule(self) -> Rule:
        """The thresholds of what tells the states."""
        low, high = float(self.standby_kw), float(self.load_kw)
        if self.status_point is not None:
            low, high = SIGNAL
        return Rule(low, high, self.dwell_s, self.max_gap_s)


_DEFINITIONS: Final = """
SELECT e.node_id, e.meter_id, m.energy, p.id AS power_point, e.status_point_id AS status_point,
       e.standby_kw, e.load_kw, e.dwell_s, coalesce(s.max_gap_s, p.max_gap_s) AS max_gap_s,
       e.changed_at
FROM equipment e
JOIN meter m ON m.project_id = %(project)s AND m.id = e.meter_id
JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id AND p.name = m.power_name
LEFT JOIN point s ON s.project_id = %(project)s AND s.id = e.status_point_id
WHERE e.project_id = %(project)s ORDER BY e.node_id
"""
_DUE: Final = """
WITH quarters AS (
    SELECT date_bin('1 hour', start_ts, 'epoch') AS hour_ts, max(updated_at) AS seen,
           max(updated_at) FILTER (
               WHERE start_ts = date_bin('1 hour', start_ts, 'epoch')) AS opening
    FROM account
    WHERE project_id = %(project)s AND scope = 1 AND scope_id = %(meter)s
      AND energy = %(energy)s AND period = 1 AND start_ts < %(now)s
    GROUP BY 1
), touched AS (
    SELECT q.hour_ts, greatest(q.seen, b.seen, a.opening, %(changed)s) AS seen
    FROM quarters q
    LEFT JOIN quarters b ON b.hour_ts = q.hour_ts - interval '1 hour'
    LEFT JOIN quarters a ON a.hour_ts = q.hour_ts + interval '1 hour'
)
SELECT t.hour_ts, t.seen FROM touched t
LEFT JOIN equipment_hour h ON h.project_id = %(project)s AND h.node_id = %(node)s
     AND h.start_ts = t.hour_ts
WHERE h.seen_at IS DISTINCT FROM t.seen
  AND (%(settled)s::timestamptz IS NULL OR t.hour_ts >= %(settled)s)
ORDER BY t.hour_ts DESC LIMIT %(bite)s
"""
_READINGS: Final = between(
    "p.id",
    "%(first)s::timestamptz",
    "%(last)s::timestamptz",
    "r.quality = 0 AND r.ts < %(last)s::timestamptz",
)
_SAMPLES: Final = f"""
SELECT p.id, extract(epoch FROM r.ts)::float8, r.value
FROM unnest(%(points)s::bigint[]) AS p (id) CROSS JOIN LATERAL ({_READINGS}) AS r
ORDER BY p.id, r.ts
"""
_STORE: Final = """
INSERT INTO equipment_hour (project_id, node_id, start_ts, off_s, idle_s, load_s, unknown_s, starts,
    run_qty, idle_qty, idle_cost, samples, seen_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (project_id, node_id, start_ts) DO UPDATE SET off_s = excluded.off_s,
    idle_s = excluded.idle_s, load_s = excluded.load_s, unknown_s = excluded.unknown_s,
    starts = excluded.starts, idle_qty = excluded.idle_qty, idle_cost = excluded.idle_cost,
    run_qty = excluded.run_qty, samples = excluded.samples, seen_at = excluded.seen_at
"""
_CLEAR: Final = """
DELETE FROM equipment_interval i USING unnest(%s::timestamptz[]) AS h (ts)
WHERE i.project_id = %s AND i.node_id = %s AND i.start_ts >= h.ts
  AND i.start_ts < h.ts + interval '1 hour'
"""
_INTERVALS: Final = """
INSERT INTO equipment_interval (project_id, node_id, start_ts, end_ts, state)
VALUES (%s, %s, %s, %s, %s)
"""


async def keep_all(database: Database, now: datetime) -> None:
    """Bring the hours of every project's equipment up to date."""
    for project_id, _ in await known_projects(database):
        async with database.read(project_id) as tx:
            found = await definitions(tx, project_id)
        for one in found:
            while await keep_hours(database, project_id, one, now):
                pass


async def definitions(tx: ReadSession, project_id: int) -> list[Definition]:
    """Answer the equipment of a project whose power is measured."""
    return await tx.fetch_all(_DEFINITIONS, {"project": project_id}, into=Definition)


async def keep_hours(
    database: Database, project_id: int, one: Definition, now: datetime, bite: int = BITE
) -> bool:
    """Compute a bite of due hours; answer whether there may be more."""
    async with database.project(project_id) as tx:
        due = await _due(tx, project_id, one, now, bite)
        if not due:
            return False
        hours = await _computed(tx, project_id, one, [start for start, _ in due], now)
        await _store(tx, project_id, one, hours, dict(due))
    return len(due) == bite


async def _due(
    tx: ReadSession, project_id: int, one: Definition, now: datetime, bite: int
) -> list[tuple[datetime, datetime]]:
    params = {
        "project": project_id,
        "node": one.node_id,
        "meter": one.meter_id,
        "energy": one.energy,
        "changed": one.changed_at,
        "now": now,
        "bite": bite,
        "settled": await unsettled_until(tx, project_id),
    }
    return [(row[0], row[1]) for row in await tx.fetch_tuples(_DUE, params)]


async def _computed(
    tx: ReadSession, project_id: int, one: Definition, due: Sequence[datetime], now: datetime
) -> list[Hour]:
    """Compute hours that may lie apart: samples and prices are read once around all of them."""
    first, last = min(due) - _BEFORE, max(due) + HOUR + QUARTER
    points = [one.power_point, *([] if one.status_point is None else [one.status_point])]
    known: dict[int, list[Sample]] = {point: [] for point in points}
    keys = {
        "project": project_id,
        "points": points,
        "first": first - _BEFORE,
        "last": last,
    }
    for point, at, value in await tx.fetch_tuples(_SAMPLES, keys):
        known[point].append(Sample(at, value))
    pricing = await read_pricing(tx, project_id, first, last)
    powers = known[one.power_point]
    status = powers if one.status_point is None else known[one.status_point]
    return [
        _hour(one, _around(status, start), _around(powers, start), pricing, start, now)
        for start in due
    ]


def _hour(
    one: Definition,
    status: Sequence[Sample],
    powers: Sequence[Sample],
    pricing: Pricing,
    start: datetime,
    now: datetime,
) -> Hour:
    begin, end = int(start.timestamp()), int(min(start + HOUR, now).timestamp())

    def price(second: int) -> Decimal | None:
        return pricing.rates(one.energy, second).cost

    return hour(status, powers, one.rule, price, begin, end)


def _around(samples: Sequence[Sample], start: datetime) -> Sequence[Sample]:
    """The samples that an hour stands on, and no others: so it is the same whenever computed."""
    begin = start.timestamp()
    low = bisect_left(samples, begin - 2 * LOOK_BACK_S, key=_time)
    return samples[low : bisect_left(samples, begin + HOUR_S + QUARTER_S, key=_time)]


def _time(sample: Sample) -> float:
    return sample.at


async def _store(
    tx: WriteSession,
    project_id: int,
    one: Definition,
    hours: Sequence[Hour],
    seen: dict[datetime, datetime],
) -> None:
    starts = list(seen)
    await tx.execute(_CLEAR, (starts, project_id, one.node_id))
    await tx.execute_many(
        _INTERVALS,
        [
            (project_id, one.node_id, _instant(s.start), _instant(s.end), int(s.state))
            for hour in hours
            for s in hour.stretches
        ],
    )
    await tx.execute_many(
        _STORE,
        [
            (
                project_id,
                one.node_id,
                _instant(h.start),
                h.off_s,
                h.idle_s,
                h.load_s,
                h.unknown_s,
                h.starts,
                h.run_qty,
                h.idle_qty,
                h.idle_cost,
                h.samples,
                seen[_instant(h.start)],
            )
            for h in hours
        ],
    )


def _instant(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)
