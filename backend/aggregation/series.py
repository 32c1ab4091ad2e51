"""Curves of accounts: one measure of one scope in steps of one period; missing is null, never 0.

A curve is written as JSON by PostgreSQL, digit for digit, so that a year of hours is exact and
costs this process no object a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from backend.aggregation.calendar import QUARTER, Period, quarter_of
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import accounts, version_to_read
from backend.core.db import ReadSession
from gateway.contract.energy import EnergyType
from gateway.contract.quality import Quality


class Measure(Enum):
    """What a curve shows, and its exact number in SQL."""

    QUANTITY = "a.qty::numeric / %(per_unit)s"
    KGCE = "a.kgce"
    KGCO2 = "a.kgco2"
    COST = "a.cost"


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


_QUARTERS: Final = """
    SELECT g AS start_ts, g + interval '15 minutes' AS end_ts, '' AS label
    FROM generate_series(%(start)s::timestamptz, %(end)s::timestamptz - interval '1 second',
                         interval '15 minutes') g
"""
_CALENDAR: Final = """
    SELECT start_ts, end_ts, label FROM calendar_period
    WHERE project_id = %(project)s AND period = %(period)s
      AND end_ts > %(start)s AND start_ts < %(end)s
"""
# Steps and accounts are laid over each other by one grouping, not by a join: no plan of a join is
# fast both on a table without statistics and on a year of hours.
_CURVE: Final = """
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
        FROM {accounts} a
        WHERE a.project_id = %(project)s AND a.scope = %(scope)s AND a.scope_id = %(id)s
          AND a.energy = %(energy)s AND a.period = %(period)s
          AND a.start_ts > %(start)s::timestamptz - interval '{longest}'
          AND a.start_ts < least(%(end)s::timestamptz, %(until)s::timestamptz)
    ) both_kinds
    GROUP BY start_ts HAVING bool_or(step)
) curve
"""
_LISTS: Final = {
    True: ("array_agg(start_ts ORDER BY start_ts)", "array_agg(label ORDER BY start_ts)"),
    False: ("NULL", "NULL"),
}
_LONGEST: Final = {
    Period.QUARTER_HOUR: "15 minutes",
    Period.HOUR: "1 hour",
    Period.DAY: "26 hours",
    Period.MONTH: "32 days",
    Period.YEAR: "367 days",
    Period.WEEK: "8 days",
    Period.SHIFT: "8 days",
}


def _statement(measure: Measure, period: Period, *, lists: bool, as_of: bool) -> bytes:
    starts, labels = _LISTS[lists]
    return _CURVE.format(
        accounts=accounts(as_of=as_of),
        starts=starts,
        labels=labels,
        value=f"trim_scale({measure.value})",
        missing=int(Quality.MISSING),
        longest=_LONGEST[period],
        steps=_QUARTERS if period is Period.QUARTER_HOUR else _CALENDAR,
    ).encode()


_CURVES: Final = {
    (measure, period, as_of): _statement(measure, period, lists=period > Period.HOUR, as_of=as_of)
    for measure in Measure
    for period in Period
    for as_of in (False, True)
}
"""Every statement there is, made once: nothing of a request is ever pasted into SQL."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a curve is asked for: one energy of one scope in steps of one period.

    `as_of` is a version; None: as it is now.
    """

    scope: Scope
    scope_id: int
    energy: EnergyType
    measure: Measure
    period: Period
    start: datetime
    end: datetime
    as_of: int | None = None


async def curve(tx: ReadSession, project_id: int, span: Span, now: datetime) -> Curve:
    """Answer a curve over [start, end) widened to whole periods; nulls where there is nothing."""
    start, end = span.start, span.end
    if span.period is Period.QUARTER_HOUR:
        start, end = quarter_of(start), quarter_of(end + QUARTER - timedelta(microseconds=1))
    as_of = await version_to_read(tx, project_id, span.as_of)
    row = await tx.fetch_one(
        _CURVES[span.measure, span.period, as_of is not None],
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
            "as_of": as_of,
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
