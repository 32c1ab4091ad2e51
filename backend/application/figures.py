"""Reads accounts for people: sums over spans, curves encoded in the database, rankings.

Quantities stay integers of the energy's smallest unit until the last line; a curve is written as
JSON by PostgreSQL, digit for digit, so that a year of hours costs this process no object a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum

from backend.aggregation.calendar import Period, PlantTime, plant_time
from backend.core.db import ReadSession
from backend.service.people.sessions import OpenProject
from gateway.contract.energy import EnergyType, energy_types
from gateway.contract.quality import Quality

QUARTER = timedelta(minutes=15)


class Scope(IntEnum):
    """What an account belongs to; the numbers are stored."""

    METER = 1
    NODE = 2


@dataclass(frozen=True, slots=True)
class Sum:
    """One energy of one scope over one span; exact."""

    scope_id: int
    energy: str
    qty: int
    estimated_qty: int
    quality: int
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of one measure, oldest first, as JSON texts; `step_s` is None for calendar steps."""

    start: datetime
    end: datetime
    step_s: int | None
    starts: Sequence[datetime]
    labels: Sequence[str]
    values: str
    quality: str


@dataclass(frozen=True, slots=True)
class Today:
    """The business day and month that hold an instant."""

    day: datetime
    day_end: datetime
    yesterday: datetime
    month: datetime
    month_end: datetime


def main_energy() -> EnergyType:
    """Answer the energy the first screen is about: the first row of the energy types."""
    return next(iter(energy_types().values()))


def today_of(project: OpenProject, now: datetime) -> Today:
    """Answer the bounds of the plant's day and month at `now`."""
    plant: PlantTime = plant_time(project.zone, project.day_start_minute)
    day = plant.day_of(now)
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return Today(
        day=plant.start_of(day),
        day_end=plant.start_of(day + timedelta(days=1)),
        yesterday=plant.start_of(day - timedelta(days=1)),
        month=plant.start_of(first),
        month_end=plant.start_of(following),
    )


# A cost that is known for a part only would look like the whole: null then.
_SUMS = """
SELECT scope_id, energy, sum(qty)::bigint AS qty, sum(estimated_qty)::bigint AS estimated_qty,
       max(quality)::int AS quality,
       CASE WHEN count(kgce) = count(*) THEN sum(kgce) END AS kgce,
       CASE WHEN count(kgco2) = count(*) THEN sum(kgco2) END AS kgco2,
       CASE WHEN count(cost) = count(*) THEN sum(cost) END AS cost
FROM account
WHERE project_id = %(project)s AND scope = %(scope)s AND scope_id = ANY(%(ids)s)
  AND period = %(period)s AND start_ts >= %(start)s AND start_ts < %(end)s
  AND (%(energy)s::text IS NULL OR energy = %(energy)s)
GROUP BY scope_id, energy
"""


async def sums(
    tx: ReadSession,
    project_id: int,
    scope: Scope,
    ids: Sequence[int],
    period: Period,
    start: datetime,
    end: datetime,
    energy: str | None = None,
) -> list[Sum]:
    """Answer what accounts that begin in [start, end) add up to, for each scope and energy."""
    return await tx.fetch_all(
        _SUMS,
        {
            "project": project_id,
            "scope": int(scope),
            "ids": list(ids),
            "period": int(period),
            "start": start,
            "end": end,
            "energy": energy,
        },
        into=Sum,
    )


MEASURES = {
    "QUANTITY": "trim_scale(a.qty::numeric / %(per_unit)s)",
    "KGCE": "trim_scale(a.kgce)",
    "KGCO2": "trim_scale(a.kgco2)",
    "COST": "trim_scale(a.cost)",
}
"""Measure -> the number in its unit, exact."""

_QUARTERS = """
    SELECT g AS start_ts, g + interval '15 minutes' AS end_ts, '' AS label
    FROM generate_series(%(start)s::timestamptz, %(end)s::timestamptz - interval '1 second',
                         interval '15 minutes') g
"""
_CALENDAR = """
    SELECT start_ts, end_ts, label FROM calendar_period
    WHERE project_id = %(project)s AND period = %(period)s
      AND end_ts > %(start)s AND start_ts < %(end)s
"""
# Steps and accounts are laid over each other by one grouping, not by a join: no plan of a join is
# fast both on a table without statistics and on a year of hours.
_CURVE = """
SELECT min(start_ts) AS start, max(end_ts) AS end, count(*) AS n,
       {starts} AS starts, {labels} AS labels,
       '[' || string_agg(coalesce(value, 'null'), ',' ORDER BY start_ts) || ']' AS values,
       '[' || string_agg(coalesce(quality, {missing})::text, ',' ORDER BY start_ts) || ']'
           AS quality
FROM (
    SELECT start_ts, max(end_ts) AS end_ts, max(label) AS label, max(value) AS value,
           max(quality) AS quality
    FROM (
        SELECT start_ts, end_ts, label, NULL::text AS value, NULL::int AS quality, true AS step
        FROM ({steps}) steps
        UNION ALL
        SELECT a.start_ts, NULL, NULL, ({value})::text, a.quality, false
        FROM account a
        WHERE a.project_id = %(project)s AND a.scope = %(scope)s AND a.scope_id = %(id)s
          AND a.energy = %(energy)s AND a.period = %(period)s
          AND a.start_ts > %(start)s::timestamptz - interval '{longest}'
          AND a.start_ts < least(%(end)s::timestamptz, %(until)s::timestamptz)
    ) both_kinds
    GROUP BY start_ts HAVING bool_or(step)
) curve
"""
_LISTS = {
    True: ("array_agg(start_ts ORDER BY start_ts)", "array_agg(label ORDER BY start_ts)"),
    False: ("NULL", "NULL"),
}
_LONGEST = {
    Period.QUARTER_HOUR: "15 minutes",
    Period.HOUR: "1 hour",
    Period.DAY: "26 hours",
    Period.MONTH: "32 days",
    Period.YEAR: "367 days",
}


def _statement(measure: str, period: Period, *, lists: bool) -> bytes:
    starts, labels = _LISTS[lists]
    return _CURVE.format(
        starts=starts,
        labels=labels,
        value=MEASURES[measure],
        missing=int(Quality.MISSING),
        longest=_LONGEST[period],
        steps=_QUARTERS if period is Period.QUARTER_HOUR else _CALENDAR,
    ).encode()


_CURVES = {
    (measure, period): _statement(measure, period, lists=period > Period.HOUR)
    for measure in MEASURES
    for period in Period
}
"""Every statement there is, made once: nothing of a request is ever pasted into SQL."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a curve is asked for: one energy of one scope in steps of one period."""

    scope: Scope
    scope_id: int
    energy: EnergyType
    measure: str
    period: Period
    start: datetime
    end: datetime


async def curve(tx: ReadSession, project_id: int, span: Span, now: datetime) -> Curve:
    """Answer a curve over [start, end) widened to whole periods; nulls where there is nothing."""
    start, end = span.start, span.end
    if span.period is Period.QUARTER_HOUR:
        start, end = _quarter(start), _quarter(end + QUARTER - timedelta(microseconds=1))
    row = await tx.fetch_one(
        _CURVES[span.measure, span.period],
        {
            "project": project_id,
            "scope": int(span.scope),
            "id": span.scope_id,
            "energy": span.energy.code,
            "period": int(span.period),
            "per_unit": span.energy.smallest_per_unit,
            "start": start,
            "end": end,
            "until": now,
        },
    )
    if row is None or row["n"] == 0:
        return Curve(start, end, _step(span.period), (), (), "[]", "[]")
    step = _step(span.period)
    return Curve(
        start=row["start"],
        end=row["end"],
        step_s=step,
        starts=row["starts"] or (),
        labels=row["labels"] or (),
        values=row["values"],
        quality=row["quality"],
    )


def _step(period: Period) -> int | None:
    return {Period.QUARTER_HOUR: 900, Period.HOUR: 3600}.get(period)


def _quarter(instant: datetime) -> datetime:
    """Answer the beginning of the quarter hour that holds an instant."""
    return instant - (instant - datetime.min.replace(tzinfo=instant.tzinfo)) % QUARTER


async def period_of(
    tx: ReadSession, project_id: int, period: Period, at: datetime
) -> tuple[datetime, datetime] | None:
    """Answer the bounds of the period that holds an instant; None outside the calendar."""
    if period is Period.QUARTER_HOUR:
        return _quarter(at), _quarter(at) + QUARTER
    row = await tx.fetch_one(
        "SELECT start_ts, end_ts FROM calendar_period WHERE project_id = %s AND period = %s"
        " AND start_ts <= %s AND end_ts > %s",
        (project_id, int(period), at, at),
    )
    return None if row is None else (row["start_ts"], row["end_ts"])
