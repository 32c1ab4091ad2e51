"""Since which day a suspected meter has read wrong, told from the days of its balance.

Of a meter that should have counted `factor` times what it counted, (factor - 1) x counted is
missing on every day from the first wrong one on; before it and after it a share of what was carried
gets lost. The first wrong day is the one that leaves the least square sum when that share is
fitted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.service.balance.flows import KNOWN, Span
from backend.service.balance.members import read_members
from backend.service.balance.suspects import Suspicion

REACH: Final = timedelta(days=3 * 365)
"""No restatement reaches much further back."""

_DAYS: Final = """
SELECT a.start_ts, a.scope_id, a.qty FROM {accounts} a
WHERE a.project_id = %(project)s AND a.scope = %(scope)s AND a.scope_id = ANY(%(ids)s)
  AND a.energy = %(energy)s AND a.period = %(period)s
  AND a.end_ts > %(start)s AND a.end_ts <= %(end)s AND a.quality = ANY(%(known)s)
ORDER BY a.start_ts
"""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a balance: what the suspect counted, what is missing beside it, what was carried.

    Integers of the energy's smallest unit.
    """

    start: datetime
    counted: int
    missing: int
    carried: int


def onset(days: Sequence[Day], factor: float, latest: datetime) -> datetime | None:
    """Answer when the first day begins from which on the factor holds, of days in time's order.

    It begins at `latest` or before, where the factor has been seen. None without such a day; the
    first of all days may mean that it was always so.
    """
    # Square sums of what is missing unexplained (y) and of what was carried (o).
    y_y = sum(float(day.missing) ** 2 for day in days)
    y_o = sum(float(day.missing) * day.carried for day in days)
    o_o = sum(float(day.carried) ** 2 for day in days)
    if o_o == 0:
        return None
    found: tuple[float, datetime] | None = None
    for day in reversed(days):
        explained = (factor - 1) * day.counted
        y_y += explained * (explained - 2 * day.missing)
        y_o -= explained * day.carried
        left = y_y - y_o * y_o / o_o
        if day.start <= latest and (found is None or left < found[0]):
            found = left, day.start
    return found and found[1]


async def wrong_since(
    tx: ReadSession, project_id: int, span: Span, found: Suspicion
) -> datetime | None:
    """Answer since which day a place's suspect has read wrong by its factor; None: not known.

    `span` is that of the balance which named it: at least in its second half the factor holds. Days
    count on which every figure of the balance stands on readings.
    """
    factor = found.evidence.factor
    if factor is None:
        return None
    parts = (await read_members(tx, project_id, span.energy)).parts(span.node_id)
    where = await shown(tx, project_id)
    rows = await tx.fetch_tuples(
        where.sql(_DAYS),
        {
            "project": project_id,
            "as_of": where.as_of,
            "scope": int(Scope.NODE),
            "ids": [span.node_id, *parts],
            "energy": span.energy,
            "period": int(Period.DAY),
            "start": span.end - REACH,
            "end": span.end,
            "known": list(map(int, KNOWN)),
        },
    )
    by_day: defaultdict[datetime, dict[int, int]] = defaultdict(dict)
    for start, node, quantity in rows:
        by_day[start][node] = quantity
    complete = [
        _day(start, day, span.node_id, found.part)
        for start, day in by_day.items()
        if len(day) > len(parts)
    ]
    return onset(complete, factor, span.start + (span.end - span.start) / 2)


def _day(start: datetime, quantities: Mapping[int, int], node_id: int, part: int | None) -> Day:
    """Answer a day as the suspect sees it: of a place's own meter the parts say what is due."""
    whole = quantities[node_id]
    out = sum(quantities.values()) - whole
    if part is None:
        return Day(start, whole, out - whole, out)
    return Day(start, quantities[part], whole - out, whole)
