"""Conversion factors by validity: which one is in force, and how a period divides among them.

Rows of one energy, substance and basis never overlap; where two bases are accounted the one that
became valid last is in force. Equivalent, market-based and purchased-only values are for other
columns of reports and are never added to the account, nor are methane and nitrous oxide to its CO2.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from backend.core.db import ReadSession

NOT_ACCOUNTED: Final = frozenset({"equivalent", "market", "purchased"})
ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER: Final = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FactorRow:
    """One version of a factor per display unit; valid in [valid_from, valid_to)."""

    energy: str
    substance: str
    value: Decimal
    basis: str
    valid_from: datetime
    valid_to: datetime | None
    source: str
    confirmed_by: str | None

    def holds(self, instant: datetime) -> bool:
        """Tell whether the row is valid at an instant."""
        return self.valid_from <= instant and (self.valid_to is None or instant < self.valid_to)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The value in force in [start, end)."""

    energy: str
    substance: str
    start: datetime
    end: datetime
    value: Decimal


def in_force(
    rows: Iterable[FactorRow], energy: str, substance: str, instant: datetime
) -> FactorRow | None:
    """Answer the accounted factor of an energy at an instant; None without one."""
    fit = [
        row
        for row in rows
        if (row.energy, row.substance) == (energy, substance)
        and row.basis not in NOT_ACCOUNTED
        and row.holds(instant)
    ]
    return max(fit, key=lambda row: row.valid_from, default=None)


def timeline(rows: Sequence[FactorRow]) -> list[Stretch]:
    """Answer which value is in force when, without overlaps, for a join by instant."""
    found: list[Stretch] = []
    for energy, substance in sorted({(row.energy, row.substance) for row in rows}):
        edges = {ALWAYS, FOREVER}
        for row in rows:
            edges |= {row.valid_from, row.valid_to or FOREVER}
        ordered = sorted(edge for edge in edges if ALWAYS <= edge <= FOREVER)
        for start, end in itertools.pairwise(ordered):
            best = in_force(rows, energy, substance, start)
            if best is not None:
                found.append(Stretch(energy, substance, start, end, best.value))
    return found


async def read_factors(tx: ReadSession, project_id: int) -> list[FactorRow]:
    """Answer all factor rows of a project."""
    return await tx.fetch_all(
        "SELECT energy, substance, value, basis, valid_from, valid_to, source, confirmed_by"
        " FROM factor WHERE project_id = %s ORDER BY energy, substance, valid_from, id",
        (project_id,),
        into=FactorRow,
    )
