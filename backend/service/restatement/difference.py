"""What a version changed: by month, meter or node, and energy; exact.

Read between the accounts that it kept and those that are current, in the transaction that made it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.aggregation.calendar import Period
from backend.core.db import ReadSession


@dataclass(frozen=True, slots=True)
class Figure:
    """One side: the quantity in the energy's smallest unit, and what it means."""

    qty: int
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None

    def told(self) -> dict[str, object]:
        """Answer it as it is stored: exact numbers as texts."""
        return {
            "qty": self.qty,
            **{
                name: None if value is None else str(value)
                for name, value in (("kgce", self.kgce), ("kgco2", self.kgco2), ("cost", self.cost))
            },
        }


@dataclass(frozen=True, slots=True)
class Moved:
    """A month's account that changed; `old` or `new` None where there is no account."""

    scope: int
    scope_id: int
    energy: str
    start: datetime
    end: datetime
    old: Figure | None
    new: Figure | None

    def told(self) -> dict[str, object]:
        """Answer it as it is stored."""
        return {
            "scope": self.scope,
            "id": self.scope_id,
            "energy": self.energy,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "old": None if self.old is None else self.old.told(),
            "new": None if self.new is None else self.new.told(),
        }


_MOVED: Final = f"""
SELECT h.scope, h.scope_id, h.energy, h.start_ts, coalesce(a.end_ts, h.end_ts),
       h.qty, trim_scale(h.kgce), trim_scale(h.kgco2), trim_scale(h.cost),
       a.qty, trim_scale(a.kgce), trim_scale(a.kgco2), trim_scale(a.cost)
FROM account_history h
LEFT JOIN account a ON a.project_id = %(project)s AND a.scope = h.scope
     AND a.scope_id = h.scope_id AND a.energy = h.energy AND a.period = h.period
     AND a.start_ts = h.start_ts
WHERE h.project_id = %(project)s AND h.version = %(version)s AND h.period = {int(Period.MONTH)}
  AND (h.qty, h.kgce, h.kgco2, h.cost) IS DISTINCT FROM (a.qty, a.kgce, a.kgco2, a.cost)
ORDER BY h.start_ts, h.scope DESC, h.scope_id, h.energy
"""  # The period stands as a number, so that its index serves it.


async def read_difference(tx: ReadSession, project_id: int, version: int) -> Sequence[Moved]:
    """Answer the months that differ between the version before `version` and what is current."""
    rows = await tx.fetch_tuples(_MOVED.encode(), {"project": project_id, "version": version})
    return [
        Moved(scope, id, energy, start, end, _figure(row[:4]), _figure(row[4:]))
        for scope, id, energy, start, end, *row in rows
    ]


def _figure(row: Sequence[object]) -> Figure | None:
    qty, *meant = row
    if not isinstance(qty, int):
        return None
    kgce, kgco2, cost = (value if isinstance(value, Decimal) else None for value in meant)
    return Figure(qty, kgce, kgco2, cost)
