"""What accounts of different periods add up to over several spans, in one statement.

A span is cut into stretches, each of accounts of one period: months, say, and the days after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.figures import Sum
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import shown
from backend.core.db import ReadSession


@dataclass(frozen=True, slots=True)
class Stretch:
    """The accounts of one period that begin in [start, end); it is part of the span `span`."""

    span: int
    period: Period
    start: datetime
    end: datetime


# As in `figures`: what is known for a part only is not known of the whole.
_SUMS: Final = """
SELECT v.span, a.scope_id, a.energy, sum(a.qty)::bigint AS qty,
       sum(a.estimated_qty)::bigint AS estimated_qty, max(a.quality)::int AS quality,
       CASE WHEN count(a.kgce) = count(*) THEN sum(a.kgce) END AS kgce,
       CASE WHEN count(a.kgco2) = count(*) THEN sum(a.kgco2) END AS kgco2,
       CASE WHEN count(a.cost) = count(*) THEN sum(a.cost) END AS cost
FROM unnest(%(spans)s::int[], %(periods)s::int[], %(starts)s::timestamptz[],
            %(ends)s::timestamptz[]) AS v(span, period, start_ts, end_ts)
JOIN {accounts} a ON a.project_id = %(project)s AND a.scope = %(scope)s AND a.scope_id = %(id)s
  AND a.period = v.period AND a.start_ts >= v.start_ts AND a.start_ts < v.end_ts
GROUP BY v.span, a.scope_id, a.energy
"""


async def span_sums(
    tx: ReadSession, project_id: int, scope: Scope, scope_id: int, stretches: Sequence[Stretch]
) -> dict[int, dict[str, Sum]]:
    """Answer the sums of each span by energy; spans without any account are not in it."""
    table = await shown(tx, project_id)
    rows = await tx.fetch_tuples(
        table.sql(_SUMS),
        {
            "project": project_id,
            "scope": int(scope),
            "id": scope_id,
            "as_of": table.as_of,
            "spans": [one.span for one in stretches],
            "periods": [int(one.period) for one in stretches],
            "starts": [one.start for one in stretches],
            "ends": [one.end for one in stretches],
        },
    )
    found: dict[int, dict[str, Sum]] = {}
    for span, *rest in rows:
        row = Sum(*rest)
        found.setdefault(span, {})[row.energy] = row
    return found
