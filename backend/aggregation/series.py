"""Curves of accounts: one measure of some scopes in steps of one period; missing is null, never 0.

A curve is written as JSON by PostgreSQL, digit for digit, so that a year of hours is exact and
costs this process no object a point; any number of scopes is one statement. A screen that has
fewer pixels than steps asks for `width`: then whole steps that follow each other are put together,
exactly, with the lowest and the highest of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from backend.aggregation.calendar import QUARTER, Period, quarter_of
from backend.aggregation.measures import Measure, json_number
from backend.aggregation.rollup import Scope
from backend.aggregation.unbroken import SECONDS, Unbroken, unbroken
from backend.aggregation.versions import accounts, version_to_read
from backend.core.db import ReadSession
from gateway.contract.energy import EnergyType
from gateway.contract.quality import Quality


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of one measure, oldest first, as JSON texts; `step_s` is None for calendar steps.

    `total` is the exact sum of the values, for a rate or a share that of the whole span; None where
    nothing is known. `lows` and `highs` are there when `width` was asked for.
    """

    start: datetime
    end: datetime
    step_s: int | None
    starts: Sequence[datetime]
    labels: Sequence[str]
    values: str
    quality: str
    total: Decimal | None = None
    lows: str | None = None
    highs: str | None = None


_STEPS: Final[Mapping[Period, str]] = {
    Period.QUARTER_HOUR: """
        SELECT i.id, g AS start_ts, g + interval '15 minutes' AS end_ts, '' AS label
        FROM unnest(%(ids)s::bigint[]) AS i (id), generate_series(%(start)s::timestamptz,
            %(end)s::timestamptz - interval '1 second', interval '15 minutes') g
    """,
    Period.SHIFT: """
        SELECT i.id, s.start_ts, s.end_ts, s.shift AS label
        FROM unnest(%(ids)s::bigint[], %(patterns)s::bigint[]) AS i (id, node)
        JOIN shift_period s ON s.project_id = %(project)s AND s.node_id = i.node
        WHERE s.end_ts > %(start)s AND s.start_ts < %(end)s
    """,
}
_CALENDAR: Final = """
    SELECT i.id, c.start_ts, c.end_ts, c.label
    FROM unnest(%(ids)s::bigint[]) AS i (id), calendar_period c
    WHERE c.project_id = %(project)s AND c.period = %(period)s
      AND c.end_ts > %(start)s AND c.start_ts < %(end)s
"""
# Steps and accounts are laid over each other by one grouping, not by a join: no plan of a join is
# fast both on a table without statistics and on a year of hours.
_LAID: Final = """
SELECT id, start_ts, max(end_ts) AS end_ts, {labels} AS label, max(amount) AS amount, {pers} AS per,
       coalesce(max(quality), {missing}) AS quality
FROM (
    SELECT id, start_ts, end_ts, label, NULL::{kind} AS amount, NULL::numeric AS per,
           NULL::int AS quality, true AS step
    FROM ({steps}) steps
    UNION ALL
    SELECT a.scope_id, a.start_ts, NULL, NULL, {amount}, {per}, a.quality, false
    FROM {accounts} a
    WHERE a.project_id = %(project)s AND a.scope = %(scope)s AND a.scope_id = ANY(%(ids)s)
      AND a.energy = %(energy)s AND a.period = %(period)s
      AND a.start_ts > %(start)s::timestamptz - interval '{longest}'
      AND a.start_ts < least(%(end)s::timestamptz, %(until)s::timestamptz)
) both_kinds
GROUP BY start_ts, id HAVING bool_or(step)
"""
_PUT_TOGETHER: Final = """
SELECT id, min(start_ts) AS start_ts, max(end_ts) AS end_ts, (array_agg(label ORDER BY start_ts))[1]
       AS label, sum(amount) AS amount, sum(per) AS per, max(quality) AS quality,
       min({value}) AS low, max({value}) AS high, count(*) AS parts
FROM (SELECT *, (row_number() OVER one - 1) / ceil(count(*) OVER (PARTITION BY id)
             / %(width)s::numeric)::bigint AS pixel
      FROM ({laid}) laid WINDOW one AS (PARTITION BY id ORDER BY start_ts)) numbered
GROUP BY id, pixel
"""
_CURVE: Final = """
SELECT id, min(start_ts) AS start, max(end_ts) AS end, {parts} AS parts, {total} AS total,
       {starts} AS starts, {labels} AS labels, {value} AS values,
       '[' || string_agg(quality::text, ',' ORDER BY start_ts) || ']' AS quality,
       {low} AS lows, {high} AS highs
FROM ({rows}) curve
GROUP BY id
"""
_LONGEST: Final = {
    Period.QUARTER_HOUR: "15 minutes",
    Period.HOUR: "1 hour",
    Period.DAY: "26 hours",
    Period.MONTH: "32 days",
    Period.YEAR: "367 days",
    Period.WEEK: "8 days",
    Period.SHIFT: "8 days",
}


def _statement(measure: Measure, period: Period, *, narrow: bool, as_of: bool) -> bytes:
    """Write the statement of a measure and a period; `narrow` puts steps together."""
    formula = measure.value
    calendar = period not in SECONDS
    value = formula.shown("amount", "per")
    laid = _LAID.format(
        accounts=accounts(as_of=as_of),
        missing=int(Quality.MISSING),
        steps=_STEPS.get(period, _CALENDAR),
        kind=formula.kind,
        amount=formula.amount,
        per=formula.per,
        pers="max(per)" if formula.by else "NULL::numeric",
        labels="max(label)" if calendar else "NULL::text",
        longest=_LONGEST[period],
    )
    return _CURVE.format(
        total=formula.total,
        parts="max(parts)" if narrow else "1",
        starts="array_agg(start_ts ORDER BY start_ts)" if calendar else "NULL",
        labels="array_agg(label ORDER BY start_ts)" if calendar else "NULL",
        value=_json(value),
        low=_json("low") if narrow else "NULL",
        high=_json("high") if narrow else "NULL",
        rows=_PUT_TOGETHER.format(value=value, laid=laid) if narrow else laid,
    ).encode()


def _json(value: str) -> str:
    """Answer the SQL that writes the numbers of rows as a JSON array."""
    return f"'[' || string_agg({json_number(value)}, ',' ORDER BY start_ts) || ']'"


_CURVES: Final = {
    (measure, period, narrow, as_of): _statement(measure, period, narrow=narrow, as_of=as_of)
    for measure in Measure
    for period in Period
    for narrow in (False, True)
    for as_of in (False, True)
}
"""Every statement there is, made once: nothing of a request is ever pasted into SQL."""
_PATTERNS: Final = """
WITH RECURSIVE above (id, node, depth) AS (
    SELECT i.id, i.id, 0 FROM unnest(%(ids)s::bigint[]) AS i (id) WHERE %(scope)s = 2
    UNION ALL
    SELECT m.meter_id, m.node_id, 0 FROM node_meter m
    WHERE m.project_id = %(project)s AND m.meter_id = ANY(%(ids)s) AND %(scope)s = 1
    UNION ALL
    SELECT a.id, n.parent_id, a.depth + 1 FROM above a
    JOIN node n ON n.project_id = %(project)s AND n.id = a.node
    WHERE n.parent_id IS NOT NULL
)
SELECT DISTINCT ON (id) id, node FROM above
WHERE EXISTS (SELECT 1 FROM shift_period s
              WHERE s.project_id = %(project)s AND s.node_id = above.node)
ORDER BY id, depth, node
"""


@dataclass(frozen=True, slots=True)
class Span:
    """What a curve is asked for: one energy of one scope in steps of one period.

    At most `width` values come back where it is given: then steps are put together. `as_of` is a
    version; None: as it is now.
    """

    scope: Scope
    scope_id: int
    energy: EnergyType
    measure: Measure
    period: Period
    start: datetime
    end: datetime
    width: int | None = None
    as_of: int | None = None


async def curve(tx: ReadSession, project_id: int, span: Span, now: datetime) -> Curve:
    """Answer a curve over [start, end) widened to whole periods; nulls where there is nothing."""
    return (await curves(tx, project_id, span, [span.scope_id], now))[span.scope_id]


async def curves(
    tx: ReadSession, project_id: int, span: Span, ids: Sequence[int], now: datetime
) -> dict[int, Curve]:
    """Answer the same curve of several scopes of a kind, by their number, in one statement.

    Quarter hours and hours take a second one where accounts have holes.
    """
    if span.period is Period.QUARTER_HOUR:
        end = quarter_of(span.end + QUARTER - timedelta(microseconds=1))
        span = replace(span, start=quarter_of(span.start), end=end)
    as_of = await version_to_read(tx, project_id, span.as_of)
    params = {
        "project": project_id,
        "scope": int(span.scope),
        "ids": list(ids),
        "energy": span.energy.code,
        "period": int(span.period),
        "per_unit": span.energy.smallest_per_unit,
        "start": span.start,
        "end": span.end,
        "until": now,
        "width": span.width,
        "as_of": as_of,
    }
    drawn: dict[int, Curve] = {}
    if span.period in SECONDS and span.width is None and as_of is None:
        for whole in await unbroken(tx, span.measure, span.period, params):
            drawn[whole.id] = _whole(whole, SECONDS[span.period])
    left = [id for id in ids if id not in drawn]
    if left:
        drawn |= await _laid(tx, span, params, left, as_of=as_of is not None)
    nothing = Curve(span.start, span.end, SECONDS.get(span.period), (), (), "[]", "[]")
    return {id: drawn.get(id, nothing) for id in ids}


def _whole(found: Unbroken, step_s: int) -> Curve:
    return Curve(found.first, found.last, step_s, (), (), found.values, found.quality, found.total)


async def _laid(
    tx: ReadSession, span: Span, common: Mapping[str, object], ids: Sequence[int], *, as_of: bool
) -> dict[int, Curve]:
    """Answer curves by laying steps and accounts over each other, whatever holes there are."""
    params: dict[str, object] = {**common, "ids": ids}
    if span.period is Period.SHIFT:
        found: dict[int, int] = dict(await tx.fetch_tuples(_PATTERNS, params))
        params["patterns"] = [found.get(id) for id in ids]
    statement = _CURVES[span.measure, span.period, span.width is not None, as_of]
    rows = await tx.fetch_all(statement, params, into=_Row)
    return {row.id: row.curve(SECONDS.get(span.period)) for row in rows}


@dataclass(frozen=True, slots=True)
class _Row:
    """A curve as the statement answers it; `parts` steps are one value."""

    id: int
    start: datetime
    end: datetime
    parts: int
    total: Decimal | None
    starts: Sequence[datetime] | None
    labels: Sequence[str] | None
    values: str
    quality: str
    lows: str | None
    highs: str | None

    def curve(self, step_s: int | None) -> Curve:
        """Answer it as readers know it."""
        return Curve(
            start=self.start,
            end=self.end,
            step_s=None if step_s is None else step_s * self.parts,
            starts=self.starts or (),
            labels=self.labels or (),
            values=self.values,
            quality=self.quality,
            total=self.total,
            lows=self.lows,
            highs=self.highs,
        )
