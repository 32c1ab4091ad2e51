"""Exact sums of accounts over any span of quarter hours, rankings, and the factor behind them.

A span is covered by the longest periods that fit into it, so a year reads twelve rows and not
35,040; because every level is the exact sum of the one below, the answer is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from backend.aggregation.calendar import Period, PlantTime
from backend.aggregation.factors import FactorRow, in_force, read_factors
from backend.aggregation.rollup import Scope
from backend.core.db import ReadSession
from gateway.contract.quality import Quality

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over a span: qty in smallest units; None where a part has no factor or price.

    `seconds` of the span have an account: less than the span where something is missing.
    """

    qty: int
    estimated_qty: int
    quality: Quality
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None
    seconds: int


@dataclass(frozen=True, slots=True)
class Rank:
    """A scope's quantity in a period."""

    scope_id: int
    qty: int
    quality: Quality


# Longest first: a period counts where it lies in the span and in no longer one that does.
_SUM: Final = """
WITH whole AS MATERIALIZED (
    SELECT period, start_ts, end_ts FROM calendar_period
    WHERE project_id = %(project)s AND period BETWEEN 2 AND 5
      AND start_ts >= %(start)s AND end_ts <= %(end)s
), chosen AS MATERIALIZED (
    SELECT w.period, w.start_ts, w.end_ts FROM whole w
    WHERE NOT EXISTS (SELECT 1 FROM whole l WHERE l.period > w.period
                      AND l.start_ts <= w.start_ts AND l.end_ts >= w.end_ts)
), ends AS (
    SELECT coalesce(min(start_ts), %(end)s) AS first, coalesce(max(end_ts), %(end)s) AS last
    FROM chosen
), parts AS (
    SELECT period, start_ts FROM chosen
    UNION ALL
    SELECT 1, g FROM ends, generate_series(%(start)s::timestamptz,
        ends.first - interval '15 minutes', interval '15 minutes') AS g
    UNION ALL
    SELECT 1, g FROM ends, generate_series(ends.last,
        %(end)s::timestamptz - interval '15 minutes', interval '15 minutes') AS g
)
SELECT sum(a.qty)::bigint AS qty, sum(a.estimated_qty)::bigint AS estimated_qty,
       max(a.quality) AS quality,
       CASE WHEN count(a.kgce) = count(*) THEN sum(a.kgce) END AS kgce,
       CASE WHEN count(a.kgco2) = count(*) THEN sum(a.kgco2) END AS kgco2,
       CASE WHEN count(a.cost) = count(*) THEN sum(a.cost) END AS cost,
       sum(extract(epoch FROM a.end_ts - a.start_ts))::bigint AS seconds
FROM parts p JOIN account a ON a.project_id = %(project)s AND a.scope = %(scope)s
    AND a.scope_id = %(id)s AND a.energy = %(energy)s AND a.period = p.period
    AND a.start_ts = p.start_ts
HAVING count(*) > 0
"""


async def energy_figures(
    tx: ReadSession,
    project_id: int,
    scope: Scope,
    scope_id: int,
    energy: str,
    start: datetime,
    end: datetime,
) -> Figures | None:
    """Answer the sums over [start, end), both at quarter hours; None where nothing is known.

    Raises ValueError for a bound between quarter hours.
    """
    if start.timestamp() % 900 or end.timestamp() % 900:
        raise ValueError(f"[{start}, {end}) does not begin and end at quarter hours")
    row = await tx.fetch_one(
        _SUM,
        {
            "project": project_id,
            "scope": int(scope),
            "id": scope_id,
            "energy": energy,
            "start": start,
            "end": end,
        },
    )
    return None if row is None else Figures(**row | {"quality": Quality(row["quality"])})


def today(plant: PlantTime, now: datetime) -> tuple[datetime, datetime]:
    """Answer the bounds of the plant's day so far: its start, and the running quarter's end."""
    return plant.start_of(plant.day_of(now)), _quarter_end(now)


def same_time_yesterday(plant: PlantTime, now: datetime) -> tuple[datetime, datetime]:
    """Answer the span of yesterday that is as long as today so far, within yesterday."""
    day = plant.day_of(now)
    start = plant.start_of(day - DAY)
    return start, min(start + (_quarter_end(now) - plant.start_of(day)), plant.start_of(day))


def month(plant: PlantTime, now: datetime) -> tuple[datetime, datetime]:
    """Answer the bounds of the plant's month so far."""
    return plant.start_of(plant.day_of(now).replace(day=1)), _quarter_end(now)


def _quarter_end(now: datetime) -> datetime:
    return now + timedelta(seconds=-now.timestamp() % 900)


async def ranking(
    tx: ReadSession,
    project_id: int,
    scope: Scope,
    energy: str,
    period: Period,
    start: datetime,
    limit: int,
    among: Sequence[int] | None = None,
) -> list[Rank]:
    """Answer the greatest accounts of the period that begins at `start`, among some or all."""
    rows = await tx.fetch_tuples(
        "SELECT scope_id, qty, quality FROM account WHERE project_id = %(project)s"
        " AND scope = %(scope)s AND period = %(period)s AND energy = %(energy)s"
        " AND start_ts = %(start)s AND (%(among)s::bigint[] IS NULL OR scope_id = ANY(%(among)s))"
        " ORDER BY qty DESC, scope_id LIMIT %(limit)s",
        {
            "project": project_id,
            "scope": int(scope),
            "period": int(period),
            "energy": energy,
            "start": start,
            "among": None if among is None else list(among),
            "limit": limit,
        },
    )
    return [Rank(row[0], row[1], Quality(row[2])) for row in rows]


async def children_ranking(
    tx: ReadSession,
    project_id: int,
    parent: int,
    energy: str,
    period: Period,
    start: datetime,
    limit: int,
) -> list[Rank]:
    """Answer the greatest accounts of the nodes directly below a node."""
    rows = await tx.fetch_tuples(
        "SELECT id FROM node WHERE project_id = %s AND parent_id = %s", (project_id, parent)
    )
    ids = [int(row[0]) for row in rows]
    return await ranking(tx, project_id, Scope.NODE, energy, period, start, limit, ids)


async def factor_in_force(
    tx: ReadSession, project_id: int, energy: str, substance: str, instant: datetime
) -> FactorRow | None:
    """Answer the factor that accounts use at an instant, with its source; None without one."""
    return in_force(await read_factors(tx, project_id), energy, substance, instant)
