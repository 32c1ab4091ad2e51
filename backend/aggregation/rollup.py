"""ONE rollup of (scope x energy x period): quarter hours become every longer account.

Writing answers the cells that really changed, and only those are passed upward: quarter hours ->
hours -> days -> weeks, and days -> months -> years; quarter hours -> shifts. Meters and nodes go
the same way. kgce, kgCO2 and cost are sums of exact products, null where a part has no factor or
price, because the rest would look like the whole.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.cells import (
    CELLS,
    INSERT,
    KEY,
    UPSERT,
    Cell,
    Changed,
    array,
    columns,
)
from backend.aggregation.fresh import fresh
from backend.aggregation.keeper import Keeper
from backend.aggregation.periods import Calendar
from backend.aggregation.stale import Span
from backend.core.db import WriteSession

Levels = Sequence[tuple[Period, Period]]
LEVELS: Final[Levels] = (
    (Period.HOUR, Period.QUARTER_HOUR),
    (Period.DAY, Period.HOUR),
    (Period.WEEK, Period.DAY),
    (Period.MONTH, Period.DAY),
    (Period.YEAR, Period.MONTH),
    (Period.SHIFT, Period.QUARTER_HOUR),
)
"""Each period with the one that it is the sum of, in the order of summing."""
MONTHS: Final[Levels] = ((Period.MONTH, Period.QUARTER_HOUR),)
"""Months alone, the same figures: for who keeps nothing of what is written."""


class Scope(IntEnum):
    """What is accounted; the numbers are stored."""

    METER = 1
    NODE = 2


# `below` is a column, because the partial index for rankings serves a constant day or month and
# would be walked over all scopes.
_FRESH: Final = f"""
{INSERT}
SELECT %(project)s, %(scope)s, c.scope_id, c.energy, %(period)s, c.start_ts, c.end_ts, s.qty,
       s.estimated, s.quality, s.kgce, s.kgco2, s.cost, s.measured, s.expected, %(now)s
FROM {CELLS}
CROSS JOIN (SELECT %(below)s::smallint AS below OFFSET 0) AS v
CROSS JOIN LATERAL (
    SELECT sum(b.qty)::bigint AS qty, sum(b.estimated_qty)::bigint AS estimated,
           max(b.quality) AS quality,
           CASE WHEN count(b.kgce) = count(*) THEN sum(b.kgce) END AS kgce,
           CASE WHEN count(b.kgco2) = count(*) THEN sum(b.kgco2) END AS kgco2,
           CASE WHEN count(b.cost) = count(*) THEN sum(b.cost) END AS cost,
           sum(b.measured_s)::bigint AS measured, sum(b.expected_s)::bigint AS expected
    FROM account b
    WHERE b.project_id = %(project)s AND b.scope = %(scope)s AND b.scope_id = c.scope_id
      AND b.energy = c.energy AND b.period = v.below
      AND b.start_ts >= c.start_ts AND b.start_ts < c.end_ts
) AS s
WHERE s.qty IS NOT NULL
"""
_ROLL: Final = f"{_FRESH}{UPSERT}"
_ROLL_FRESH: Final = f"{_FRESH}{KEY}"
_EMPTY: Final = f"""
SELECT c.scope_id, c.energy, extract(epoch FROM c.start_ts)::bigint,
       extract(epoch FROM c.end_ts)::bigint
FROM {CELLS}
CROSS JOIN (SELECT %(below)s::smallint AS below OFFSET 0) AS v
LEFT JOIN LATERAL (
    SELECT 1 AS one FROM account b
    WHERE b.project_id = %(project)s AND b.scope = %(scope)s AND b.scope_id = c.scope_id
      AND b.energy = c.energy AND b.period = v.below
      AND b.start_ts >= c.start_ts AND b.start_ts < c.end_ts LIMIT 1
) AS part ON true
WHERE part.one IS NULL
"""
# Periods that the calendar (any more) has not, begun in stretches that were summed again.
_FOREIGN: Final = """
SELECT a.period, a.scope_id, a.energy, extract(epoch FROM a.start_ts)::bigint,
       extract(epoch FROM a.end_ts)::bigint
FROM unnest(%(ids)s::bigint[], %(energies)s::text[], %(firsts)s::bigint[], %(lasts)s::bigint[],
            %(patterns)s::bigint[]) AS s (scope_id, energy, first, last, pattern)
JOIN account a ON a.project_id = %(project)s AND a.scope = %(scope)s AND a.scope_id = s.scope_id
  AND a.energy = s.energy AND a.period > 1
WHERE a.start_ts >= timestamptz 'epoch' + s.first * interval '1 second'
  AND a.start_ts < timestamptz 'epoch' + s.last * interval '1 second'
  AND NOT EXISTS (
      SELECT 1 FROM calendar_period p WHERE p.project_id = %(project)s AND p.period = a.period
      AND p.start_ts = a.start_ts AND p.end_ts = a.end_ts)
  AND NOT EXISTS (
      SELECT 1 FROM shift_period p WHERE a.period = 7 AND p.project_id = %(project)s
      AND p.node_id = s.pattern AND p.start_ts = a.start_ts AND p.end_ts = a.end_ts)
"""


async def roll_up(
    tx: WriteSession,
    project_id: int,
    scope: Scope,
    changed: Changed,
    calendar: Calendar,
    now: datetime,
    keep: Keeper,
    levels: Levels = LEVELS,
) -> None:
    """Pass changed quarter hours of a scope upward, level by level, as far as anything changes."""
    found: dict[Period, set[Cell]] = {Period.QUARTER_HOUR: changed.cells}
    for period, below in levels:
        parents = calendar.parents(scope, period, found[below])
        found[period] = parents
        if not parents:
            continue
        keys: dict[str, object] = {
            "project": project_id,
            "scope": int(scope),
            "period": int(period),
        }
        new = await fresh(tx, project_id, int(scope), int(period), parents)
        more: dict[str, object] = {"below": int(below), "now": now}
        rolled = await _summed(keep, (scope, period), parents, new, keys | more)
        if changed.vanished:
            params = keys | {"below": int(below)} | columns(parents)
            empty = {Cell(*row) for row in await tx.fetch_tuples(_EMPTY, params)}
            await keep.delete(scope, period, empty)
        else:
            found[period] = rolled


async def _summed(
    keep: Keeper,
    what: tuple[Scope, Period],
    parents: set[Cell],
    new: set[Cell],
    keys: Mapping[str, object],
) -> set[Cell]:
    """Sum the parts of periods; of `new` ones there are no accounts yet. Answer what changed."""
    rolled: set[Cell] = set()
    for statement, cells in ((_ROLL_FRESH, new), (_ROLL, parents - new)):
        if cells:
            rolled |= await keep.write(*what, cells, statement, {**keys, **columns(cells)})
    return rolled


async def clear_foreign(
    tx: WriteSession,
    project_id: int,
    scope: Scope,
    spans: Sequence[Span],
    calendar: Calendar,
    keep: Keeper,
) -> None:
    """Delete accounts of periods that are none (any more), begun in these stretches."""
    if not spans:
        return
    rows = [
        (*one.whose[1:], one.first, one.last, calendar.pattern(scope, one.whose.scope_id) or 0)
        for one in spans
    ]
    ids, energies, firsts, lasts, patterns = (array(column) for column in zip(*rows, strict=True))
    keys = {"project": project_id, "scope": int(scope), "ids": ids, "energies": energies}
    keys |= {"firsts": firsts, "lasts": lasts, "patterns": patterns}
    foreign: dict[int, set[Cell]] = {}
    for period, *cell in await tx.fetch_tuples(_FOREIGN, keys):
        foreign.setdefault(period, set()).add(Cell(*cell))
    for period, cells in sorted(foreign.items()):
        await keep.delete(scope, period, cells)
