"""Whether the balances that a meter takes part in are all right: from accounts by day.

A balance is all right when what goes in and what comes out below differ by at most 5 % of what goes
in (the limit of the alarm "balance gap", domain.md 6.3). One that lacks a part's account says
nothing: a gap is no zero.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.service.balance.members import read_members
from backend.service.quality.score import NOTHING, Share

LIMIT: Final = Fraction(5, 100)
_SUMS: Final = """
SELECT scope_id, energy, sum(qty)::bigint FROM {accounts} a
WHERE project_id = %(project)s AND scope = %(scope)s AND period = %(period)s
  AND start_ts < %(end)s AND end_ts > %(start)s
GROUP BY scope_id, energy
"""


class Verdicts:
    """Balances of a span by the meters that take part in them."""

    def __init__(self, shares: Mapping[int, Share]) -> None:
        """Take how many of each meter's balances are all right."""
        self._shares = shares

    def of(self, meter_id: int) -> Share:
        """Answer how many of a meter's balances are all right; nothing of nothing without any."""
        return self._shares.get(meter_id, NOTHING)


async def read_verdicts(
    tx: ReadSession, project_id: int, start: datetime, end: datetime
) -> Verdicts:
    """Answer all balances of the days that [start, end) touches, by meter."""
    where = await shown(tx, project_id)
    keys = {
        "project": project_id,
        "as_of": where.as_of,
        "scope": int(Scope.NODE),
        "period": int(Period.DAY),
        "start": start,
        "end": end,
    }
    sums: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for node, energy, quantity in await tx.fetch_tuples(where.sql(_SUMS), keys):
        sums[energy][node] = quantity
    shares: defaultdict[int, Share] = defaultdict(lambda: NOTHING)
    for energy, quantities in sums.items():
        members = await read_members(tx, project_id, energy)
        for node, quantity in quantities.items():
            parts = members.parts(node)
            if any(part not in quantities and members.counts(part, start, end) for part in parts):
                continue
            meters = members.net(node, parts, start, end) if parts else {}
            loss = quantity - sum(quantities.get(part, 0) for part in parts)
            right = Share(int(abs(loss) <= LIMIT * abs(quantity)), 1)
            for meter in meters:
                shares[meter] = shares[meter].plus(right)
    return Verdicts(shares)
