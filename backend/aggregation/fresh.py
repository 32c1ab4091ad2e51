"""Which accounts there were none of before: these are inserted without a look for each.

The caller holds the project's accounts (accounts.LOCK), so that nobody else writes any meanwhile;
if somebody did, the insert would fail and the transaction with it.
"""

from collections.abc import Mapping, Set
from typing import Final

from backend.aggregation.cells import Cell, array, starts_of
from backend.core.db import ReadSession

BULK: Final = 1_000
"""With fewer rows the look costs more than it saves."""
_THERE: Final = """
SELECT u.scope_id, u.energy, extract(epoch FROM f.start_ts)::bigint,
       extract(epoch FROM l.start_ts)::bigint
FROM (SELECT scope_id, energy, timestamptz 'epoch' + low * interval '1 second' AS low,
             timestamptz 'epoch' + high * interval '1 second' AS high
      FROM unnest(%(ids)s::bigint[], %(energies)s::text[], %(lows)s::bigint[], %(highs)s::bigint[])
           AS c (scope_id, energy, low, high) OFFSET 0) AS u
CROSS JOIN LATERAL (
    SELECT a.start_ts FROM account a WHERE a.project_id = %(project)s AND a.scope = %(scope)s
    AND a.scope_id = u.scope_id AND a.energy = u.energy AND a.period = %(period)s
    AND a.start_ts BETWEEN u.low AND u.high ORDER BY a.start_ts LIMIT 1) AS f
CROSS JOIN LATERAL (
    SELECT a.start_ts FROM account a WHERE a.project_id = %(project)s AND a.scope = %(scope)s
    AND a.scope_id = u.scope_id AND a.energy = u.energy AND a.period = %(period)s
    AND a.start_ts BETWEEN u.low AND u.high ORDER BY a.start_ts DESC LIMIT 1) AS l
"""

Bounds = Mapping[tuple[int, str], tuple[int, int]]
"""First and last start of the accounts that are there, by whose they are and of what."""


async def there(
    tx: ReadSession,
    project_id: int,
    scope: int,
    period: int,
    starts: Mapping[tuple[int, str], Set[int]],
) -> Bounds:
    """Answer between which starts there are accounts already; without a key there are none."""
    rows = [(*key, min(some), max(some)) for key, some in sorted(starts.items())]
    ids, energies, lows, highs = (array(column) for column in zip(*rows, strict=True))
    params: dict[str, object] = {
        "project": project_id,
        "scope": scope,
        "period": period,
        "ids": ids,
        "energies": energies,
        "lows": lows,
        "highs": highs,
    }
    found = await tx.fetch_tuples(_THERE, params)
    return {(scope_id, energy): (first, last) for scope_id, energy, first, last in found}


def is_fresh(known: Bounds, key: tuple[int, str], start: int) -> bool:
    """Tell whether there is surely no account of that start yet."""
    bounds = known.get(key)
    return bounds is None or not bounds[0] <= start <= bounds[1]


async def fresh(
    tx: ReadSession, project_id: int, scope: int, period: int, cells: Set[Cell]
) -> set[Cell]:
    """Answer those of many cells that there are surely no accounts of yet."""
    if len(cells) < BULK:
        return set()
    known = await there(tx, project_id, scope, period, starts_of(cells))
    return {one for one in cells if is_fresh(known, one[:2], one.start)}
