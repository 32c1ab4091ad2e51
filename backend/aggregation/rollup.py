"""ONE rollup of (scope x energy x period): quarter hours of meters become every other account.

A cell is one account row's key. Writing answers the cells that really changed, and only those are
passed upward: meters' quarter hours -> hours -> days -> months -> years, and nodes' quarter hours
-> the same. kgce, kgCO2 and cost are exact numeric products at quarter hours and sums above; null
where a part has no factor or price, because the rest would look like the whole. Every statement
carries the project on every table, and modifying ones read from parameters or plain tables only, so
that the schema can be distributed by project.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final, NamedTuple

from backend.aggregation.calendar import Period
from backend.aggregation.metering import Register, instant
from backend.aggregation.pricing import Pricing
from backend.aggregation.window import Recomputed
from backend.core.db import ReadSession, WriteSession
from gateway.contract.quality import Quality

UPWARD: Final = (Period.HOUR, Period.DAY, Period.MONTH, Period.YEAR)


class Scope(IntEnum):
    """What is accounted; the numbers are stored."""

    METER = 1
    NODE = 2


class Cell(NamedTuple):
    """One account of a scope and a period: whose, of what, from when to when (Unix seconds)."""

    scope_id: int
    energy: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What a write changed, and whether rows vanished (then parents may have to as well)."""

    cells: set[Cell]
    vanished: bool


_KEY: Final = """
RETURNING a.scope_id, a.energy, extract(epoch FROM a.start_ts)::bigint,
          extract(epoch FROM a.end_ts)::bigint
"""
_UPSERT: Final = f"""
ON CONFLICT (project_id, scope, scope_id, energy, period, start_ts) DO UPDATE SET
    end_ts = excluded.end_ts, qty = excluded.qty, estimated_qty = excluded.estimated_qty,
    quality = excluded.quality, kgce = excluded.kgce, kgco2 = excluded.kgco2,
    cost = excluded.cost, updated_at = excluded.updated_at
WHERE (a.end_ts, a.qty, a.estimated_qty, a.quality, a.kgce, a.kgco2, a.cost) IS DISTINCT FROM
    (excluded.end_ts, excluded.qty, excluded.estimated_qty, excluded.quality, excluded.kgce,
     excluded.kgco2, excluded.cost)
{_KEY}
"""
_INSERT: Final = """
INSERT INTO account AS a (project_id, scope, scope_id, energy, period, start_ts, end_ts, qty,
    estimated_qty, quality, kgce, kgco2, cost, updated_at)
"""
_CELLS: Final = """
(SELECT scope_id, energy, timestamptz 'epoch' + first * interval '1 second' AS start_ts,
        timestamptz 'epoch' + last * interval '1 second' AS end_ts
 FROM unnest(%(ids)s::bigint[], %(energies)s::text[], %(starts)s::bigint[], %(ends)s::bigint[])
      AS u (scope_id, energy, first, last) OFFSET 0) AS c
"""
_QUARTERS: Final = f"""
{_INSERT}
SELECT %(project)s, 1, q.meter, q.energy, 1, q.start_ts, q.start_ts + interval '15 minutes', q.qty,
       q.estimated, q.quality, q.qty * q.kgce, q.qty * q.kgco2, q.qty * q.cost, %(now)s
FROM (SELECT u.*, timestamptz 'epoch' + start * interval '1 second' AS start_ts
      FROM unnest(%(meters)s::bigint[], %(energies)s::text[], %(starts)s::bigint[],
                  %(qtys)s::bigint[], %(estimated)s::bigint[], %(qualities)s::smallint[],
                  %(kgce)s::numeric[], %(kgco2)s::numeric[], %(cost)s::numeric[])
           AS u (meter, energy, start, qty, estimated, quality, kgce, kgco2, cost)) AS q
{_UPSERT}
"""  # noqa: S608 - constants of this file only
_COLUMNS: Final = (
    "meters", "energies", "starts", "qtys", "estimated", "qualities", "kgce", "kgco2", "cost"
)  # fmt: skip
_VANISHED: Final = f"""
DELETE FROM account a USING unnest(%(meters)s::bigint[], %(lows)s::timestamptz[],
    %(highs)s::timestamptz[]) AS d (meter, low, high)
WHERE a.project_id = %(project)s AND a.scope = 1 AND a.period = 1 AND a.scope_id = d.meter
  AND a.start_ts >= d.low AND a.start_ts < d.high
{_KEY}
"""  # noqa: S608 - constants of this file only
# A planner without fresh statistics (an import has just begun) takes the account table for empty
# and scans it for every key: OFFSET 0 makes it look up each part by the whole primary key.
_ACCOUNT: Final = """
(SELECT * FROM account k WHERE k.project_id = %(project)s AND k.scope = {scope}
    AND k.scope_id = {scope_id} AND k.energy = c.energy AND k.period = {period}
    AND k.start_ts = {start} OFFSET 0)
"""
# What a period consists of, `below` as a column: the partial index for rankings cannot serve it.
_QUARTERS_OF: Final = """
CROSS JOIN LATERAL (SELECT g AS part, 1::smallint AS below FROM generate_series(
    c.start_ts, c.end_ts - interval '15 minutes', interval '15 minutes') AS g OFFSET 0) AS d
"""
_PERIODS_OF: Final = """
CROSS JOIN LATERAL (SELECT p.start_ts AS part, p.period AS below FROM calendar_period p
    WHERE p.project_id = %(project)s AND p.period = %(below)s
    AND p.start_ts >= c.start_ts AND p.start_ts < c.end_ts
    AND p.end_ts > c.start_ts AND p.end_ts <= c.end_ts OFFSET 0) AS d
"""
_ROLL: Final = f"""
{_INSERT}
SELECT %(project)s, %(scope)s, c.scope_id, c.energy, %(period)s, c.start_ts, c.end_ts,
       sum(b.qty)::bigint, sum(b.estimated_qty)::bigint, max(b.quality),
       CASE WHEN count(b.kgce) = count(*) THEN sum(b.kgce) END,
       CASE WHEN count(b.kgco2) = count(*) THEN sum(b.kgco2) END,
       CASE WHEN count(b.cost) = count(*) THEN sum(b.cost) END, %(now)s
FROM {_CELLS} {{parts}}
CROSS JOIN LATERAL {
    _ACCOUNT.format(scope="%(scope)s", scope_id="c.scope_id", period="d.below", start="d.part")
} AS b
GROUP BY c.scope_id, c.energy, c.start_ts, c.end_ts
{_UPSERT}
"""  # noqa: S608 - constants of this file only
_ROLL_QUARTERS: Final = _ROLL.format(parts=_QUARTERS_OF).encode()
_ROLL_PERIODS: Final = _ROLL.format(parts=_PERIODS_OF).encode()
_NODES: Final = f"""
{_INSERT}
SELECT %(project)s, 2, c.scope_id, c.energy, 1, c.start_ts, c.end_ts,
       sum(n.coefficient * b.qty)::bigint, sum(n.coefficient * b.estimated_qty)::bigint,
       CASE WHEN count(*) < (
           SELECT count(*) FROM node_meter e
           JOIN meter m ON m.project_id = %(project)s AND m.id = e.meter_id
           WHERE e.project_id = %(project)s AND e.node_id = c.scope_id AND m.energy = c.energy
       ) THEN {int(Quality.MISSING)} ELSE max(b.quality) END,
       CASE WHEN count(b.kgce) = count(*) THEN sum(n.coefficient * b.kgce) END,
       CASE WHEN count(b.kgco2) = count(*) THEN sum(n.coefficient * b.kgco2) END,
       CASE WHEN count(b.cost) = count(*) THEN sum(n.coefficient * b.cost) END, %(now)s
FROM {_CELLS}
JOIN node_meter n ON n.project_id = %(project)s AND n.node_id = c.scope_id
CROSS JOIN LATERAL {
    _ACCOUNT.format(scope="1", scope_id="n.meter_id", period="1", start="c.start_ts")
} AS b
GROUP BY c.scope_id, c.energy, c.start_ts, c.end_ts
{_UPSERT}
"""  # noqa: S608 - constants of this file only
_EMPTY: Final = f"""
DELETE FROM account a USING {_CELLS}
WHERE a.project_id = %(project)s AND a.scope = %(scope)s AND a.scope_id = c.scope_id
  AND a.energy = c.energy AND a.period = %(period)s AND a.start_ts = c.start_ts
  AND NOT EXISTS (
      SELECT 1 FROM account b WHERE b.project_id = %(project)s AND b.scope = %(scope)s
      AND b.scope_id = c.scope_id AND b.energy = c.energy AND b.period = %(below)s
      AND b.start_ts >= c.start_ts AND b.start_ts < c.end_ts)
"""  # noqa: S608 - constants of this file only
_EMPTY_NODES: Final = f"""
DELETE FROM account a USING {_CELLS}
WHERE a.project_id = %(project)s AND a.scope = 2 AND a.scope_id = c.scope_id
  AND a.energy = c.energy AND a.period = 1 AND a.start_ts = c.start_ts
  AND NOT EXISTS (
      SELECT 1 FROM node_meter n
      JOIN account b ON b.project_id = %(project)s AND b.scope = 1 AND b.scope_id = n.meter_id
           AND b.energy = c.energy AND b.period = 1 AND b.start_ts = c.start_ts
      WHERE n.project_id = %(project)s AND n.node_id = c.scope_id)
"""  # noqa: S608 - constants of this file only


async def write_quarters(
    tx: WriteSession,
    project_id: int,
    done: Sequence[tuple[Register, Recomputed]],
    pricing: Pricing,
    now: datetime,
) -> Changed:
    """Replace the quarter hours of meters that were recomputed, priced and converted."""
    rows = list(_rows(done, pricing))
    changed: set[Cell] = set()
    if rows:
        columns = (_array(column) for column in zip(*rows, strict=True))
        params: dict[str, object] = dict(zip(_COLUMNS, columns, strict=True))
        found = await tx.fetch_tuples(_QUARTERS, params | {"project": project_id, "now": now})
        changed = {Cell(*row) for row in found}
    gone = [
        (meter, instant(low), instant(high))
        for register, result in done
        for meter in register.meters
        for low, high in _holes(result)
    ]
    if not gone:
        return Changed(changed, vanished=False)
    meters, lows, highs = (list(column) for column in zip(*gone, strict=True))
    deleted = await tx.fetch_tuples(
        _VANISHED, {"project": project_id, "meters": meters, "lows": lows, "highs": highs}
    )
    return Changed(changed | {Cell(*row) for row in deleted}, vanished=bool(deleted))


def _holes(result: Recomputed) -> Iterable[tuple[int, int]]:
    """Answer the parts of a recomputed stretch that have no account: buckets are one run."""
    if not result.buckets:
        yield result.low, result.high
        return
    if result.low < result.buckets[0].start:
        yield result.low, result.buckets[0].start
    if result.buckets[-1].end < result.high:
        yield result.buckets[-1].end, result.high


def _rows(
    done: Sequence[tuple[Register, Recomputed]], pricing: Pricing
) -> Iterable[tuple[object, ...]]:
    for register, result in done:
        energy = register.energy.code
        for start, _, qty, estimated, quality in result.buckets:
            second = start // 1_000_000
            rates = pricing.rates(energy, second)
            for meter in register.meters:
                yield (meter, energy, second, qty, estimated, int(quality), *rates)


class Calendar:
    """The project's periods around what changed, to look up which one holds an instant."""

    def __init__(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Take (period, start, end) rows that rise by period and start; Unix seconds."""
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        for period, start, end in rows:
            self._starts.setdefault(period, []).append(start)
            self._ends.setdefault(period, []).append(end)

    def holding(self, period: Period, second: int) -> tuple[int, int]:
        """Answer the bounds of the period that holds an instant. Raises LookupError."""
        starts = self._starts.get(period, [])
        place = bisect_right(starts, second) - 1
        if place < 0 or second >= self._ends[period][place]:
            raise LookupError(f"the calendar has no {period.name} at {second}")
        return starts[place], self._ends[period][place]


async def read_calendar(
    tx: ReadSession, project_id: int, first: datetime, last: datetime
) -> Calendar:
    """Answer the periods that touch [first, last]."""
    rows = await tx.fetch_tuples(
        "SELECT period, extract(epoch FROM start_ts)::bigint, extract(epoch FROM end_ts)::bigint"
        " FROM calendar_period WHERE project_id = %s AND start_ts <= %s AND end_ts > %s"
        " ORDER BY period, start_ts",
        (project_id, last, first),
    )
    return Calendar((row[0], row[1], row[2]) for row in rows)


async def roll_up(
    tx: WriteSession,
    project_id: int,
    scope: Scope,
    changed: Changed,
    calendar: Calendar,
    now: datetime,
) -> None:
    """Pass changed quarter hours of a scope upward, level by level, as long as anything changes."""
    cells, below = changed.cells, Period.QUARTER_HOUR
    for period in UPWARD:
        holding = {start: calendar.holding(period, start) for start in {c.start for c in cells}}
        parents = {Cell(c.scope_id, c.energy, *holding[c.start]) for c in cells}
        if not parents:
            return
        keys = {"project": project_id, "scope": int(scope), "period": int(period)}
        params = keys | {"below": int(below), "now": now} | _columns(parents)
        roll = _ROLL_QUARTERS if below is Period.QUARTER_HOUR else _ROLL_PERIODS
        cells = {Cell(*row) for row in await tx.fetch_tuples(roll, params)}
        if changed.vanished:
            await tx.execute(_EMPTY, params)
            cells = parents
        below = period


async def write_nodes(
    tx: WriteSession,
    project_id: int,
    changed: Changed,
    nodes: Mapping[int, Sequence[int]],
    now: datetime,
) -> Changed:
    """Sum changed quarter hours of meters into those of the nodes that count them.

    `nodes` are the nodes of each meter.
    """
    cells = {
        Cell(node, c.energy, c.start, c.end)
        for c in changed.cells
        for node in nodes.get(c.scope_id, ())
    }
    if not cells:
        return Changed(set(), vanished=False)
    params = {"project": project_id, "now": now} | _columns(cells)
    found = {Cell(*row) for row in await tx.fetch_tuples(_NODES, params)}
    if not changed.vanished:
        return Changed(found, vanished=False)
    await tx.execute(_EMPTY_NODES, params)
    return Changed(cells, vanished=True)


async def read_node_meters(tx: ReadSession, project_id: int) -> dict[int, list[int]]:
    """Answer the nodes of each meter."""
    nodes: dict[int, list[int]] = {}
    for meter, node in await tx.fetch_tuples(
        "SELECT meter_id, node_id FROM node_meter WHERE project_id = %s", (project_id,)
    ):
        nodes.setdefault(meter, []).append(node)
    return nodes


def _columns(cells: Iterable[Cell]) -> dict[str, object]:
    # In one order everywhere, so that two writers never wait for each other in a circle.
    ids, energies, starts, ends = zip(*sorted(cells), strict=True)
    return {
        "ids": _array(ids),
        "energies": _array(energies),
        "starts": _array(starts),
        "ends": _array(ends),
    }


def _array(column: Iterable[object]) -> str:
    """Write numbers and codes as an array for PostgreSQL: a tenth of a generic list's cost."""
    return "{" + ",".join(["NULL" if one is None else str(one) for one in column]) + "}"
