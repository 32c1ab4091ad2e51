"""Reading sheets of any scope and period: registers line by line, all else term by term."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.figures import Sum, sums
from backend.aggregation.metering import Register, micros, read_registers, read_trace
from backend.aggregation.reading_sheet import RegisterSheet, register_sheet
from backend.aggregation.rollup import Scope
from backend.core.db import ReadSession


@dataclass(frozen=True, slots=True)
class Asked:
    """The sheet of one energy of a scope over one period of the calendar."""

    scope: Scope
    scope_id: int
    energy: str
    period: Period
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class SheetTerm:
    """A meter that a node counts in [start, end), and what it came to."""

    meter_id: int
    coefficient: Decimal
    start: datetime
    end: datetime
    qty: int | None

    @property
    def part(self) -> Fraction:
        """What it adds to the node, exact."""
        return Fraction(self.coefficient) * (self.qty or 0)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet and the account it leads to; of a register, or of terms with sheets of their own.

    `rounding` is what the account differs from its terms, because each quarter hour is rounded.
    """

    asked: Asked
    account: Sum | None
    register: RegisterSheet | None
    unit: str | None
    terms: Sequence[SheetTerm]

    @property
    def rounding(self) -> Fraction:
        """What rounding the quarter hours of a node came to."""
        if self.account is None or not self.terms:
            return Fraction(0)
        return self.account.qty - sum((one.part for one in self.terms), Fraction(0))


_POINT: Final = """
SELECT coalesce(m.point_id, p.id), coalesce(q.unit, p.unit) FROM meter m
LEFT JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
     AND p.name = m.register_name
LEFT JOIN point q ON q.project_id = %(project)s AND q.id = m.point_id
WHERE m.project_id = %(project)s AND m.id = %(id)s
"""
# What a node counts the whole period has an account of that period; else its quarter hours say.
_TERMS: Final = """
SELECT n.meter_id, n.coefficient, greatest(n.valid_from, %(start)s) AS start,
       least(coalesce(n.valid_to, %(end)s), %(end)s) AS end,
       CASE WHEN n.valid_from <= %(start)s AND coalesce(n.valid_to, %(end)s) >= %(end)s THEN (
           SELECT a.qty FROM account a WHERE a.project_id = %(project)s AND a.scope = 1
           AND a.scope_id = n.meter_id AND a.energy = %(energy)s AND a.period = %(period)s
           AND a.start_ts = %(start)s)
       ELSE (
           SELECT sum(a.qty)::bigint FROM account a WHERE a.project_id = %(project)s
           AND a.scope = 1 AND a.scope_id = n.meter_id AND a.energy = %(energy)s AND a.period = 1
           AND a.start_ts >= greatest(n.valid_from, %(start)s)
           AND a.start_ts < least(coalesce(n.valid_to, %(end)s), %(end)s))
       END AS qty
FROM node_meter n
JOIN meter m ON m.project_id = %(project)s AND m.id = n.meter_id AND m.energy = %(energy)s
WHERE n.project_id = %(project)s AND n.node_id = %(id)s AND n.valid_from < %(end)s
  AND (n.valid_to IS NULL OR n.valid_to > %(start)s)
ORDER BY m.level, m.slug, n.valid_from
"""


async def read_sheet(tx: ReadSession, project_id: int, asked: Asked) -> Sheet:
    """Answer the sheet of a scope and period as it is now."""
    params = {
        "project": project_id,
        "scope": int(asked.scope),
        "id": asked.scope_id,
        "energy": asked.energy,
        "period": int(asked.period),
        "start": asked.start,
        "end": asked.end,
    }
    found = await sums(
        tx, project_id, asked.scope, [asked.scope_id], asked.period, asked.start, asked.end,
        asked.energy,
    )  # fmt: skip
    account = found[0] if found else None
    if asked.scope is Scope.NODE:
        terms = await tx.fetch_all(_TERMS, params, into=SheetTerm)
        return Sheet(asked, account, None, None, terms)
    [(point, unit)] = await tx.fetch_tuples(_POINT, params)
    registers = {} if point is None else await read_registers(tx, project_id, [point])
    register = registers.get(point)
    if register is None:
        return Sheet(asked, account, None, None, ())
    return Sheet(asked, account, await _register(tx, project_id, register, asked), unit, ())


async def _register(
    tx: ReadSession, project_id: int, register: Register, asked: Asked
) -> RegisterSheet | None:
    start, end = micros(asked.start), micros(asked.end)
    trace, events = await read_trace(tx, project_id, register, start, end)
    return register_sheet(trace, register.spec, events.excluded, start, end)
