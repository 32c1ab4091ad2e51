"""Reading sheets of any scope and period: registers line by line, all else term by term.

All figures of a sheet are of one version of accounts, while another is being applied too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.figures import Sum, sums
from backend.aggregation.gauge_sheet import gauge_sheet
from backend.aggregation.mapping import points_between
from backend.aggregation.metering import (
    Register,
    micros,
    read_registers,
    read_trace,
    read_window,
)
from backend.aggregation.reading_sheet import RegisterSheet, register_sheet
from backend.aggregation.rollup import Scope
from backend.aggregation.stock_sheet import StockSheet, read_stock_sheet
from backend.aggregation.versions import shown
from backend.aggregation.virtual_sheet import VirtualSheet, read_virtual_sheet
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
class SheetPart:
    """What a meter was read from in [start, end): the point as device/name, its unit and lines."""

    start: datetime
    end: datetime
    point: str
    unit: str
    lines: RegisterSheet | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet and the account it leads to; of a register, or of terms with sheets of their own.

    A meter's that was moved has `parts`, one for each point it was read from; a gauge's is told as
    a register's. A virtual meter's has what its expression adds up, a stock's its papers.
    `rounding` is what the
    account differs from its terms, because each quarter hour is rounded.
    """

    asked: Asked
    account: Sum | None
    register: RegisterSheet | None = None
    unit: str | None = None
    parts: Sequence[SheetPart] = ()
    terms: Sequence[SheetTerm] = ()
    virtual: VirtualSheet | None = None
    stock: StockSheet | None = None

    @property
    def rounding(self) -> Fraction:
        """What rounding the quarter hours of a node or virtual meter came to."""
        if self.account is None or not (self.terms or self.virtual):
            return Fraction(0)
        terms = sum((one.part for one in self.terms), Fraction(0))
        return self.account.qty - terms - (self.virtual.total if self.virtual else 0)


# What a node counts the whole period has an account of that period; else its quarter hours say.
_TERMS: Final = """
SELECT n.meter_id, n.coefficient, greatest(n.valid_from, %(start)s) AS start,
       least(coalesce(n.valid_to, %(end)s), %(end)s) AS end,
       CASE WHEN n.valid_from <= %(start)s AND coalesce(n.valid_to, %(end)s) >= %(end)s THEN (
           SELECT a.qty FROM {accounts} a WHERE a.project_id = %(project)s AND a.scope = 1
           AND a.scope_id = n.meter_id AND a.energy = %(energy)s AND a.period = %(period)s
           AND a.start_ts = %(start)s)
       ELSE (
           SELECT sum(a.qty)::bigint FROM {accounts} a WHERE a.project_id = %(project)s
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
    where = await shown(tx, project_id)
    params = {
        "project": project_id,
        "as_of": where.as_of,
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
        terms = await tx.fetch_all(where.sql(_TERMS), params, into=SheetTerm)
        return Sheet(asked, account, terms=terms)
    source = await tx.fetch_value(
        "SELECT source FROM meter WHERE project_id = %s AND id = %s",
        (project_id, asked.scope_id),
        into=str,
    )
    if source == "virtual":
        virtual = await read_virtual_sheet(tx, project_id, asked.scope_id, where, params)
        return Sheet(asked, account, virtual=virtual)
    if source == "stock":
        stock = await read_stock_sheet(
            tx, project_id, asked.scope_id, asked.energy, asked.start, asked.end
        )
        return Sheet(asked, account, stock=stock)
    return await _of_points(tx, project_id, asked, account)


async def _of_points(tx: ReadSession, project_id: int, asked: Asked, account: Sum | None) -> Sheet:
    """Answer the sheet of what a meter was read from in the period, one after the other."""
    spans = await points_between(tx, project_id, asked.scope_id, asked.start, asked.end)
    registers = await read_registers(tx, project_id, sorted({point for *_, point in spans}))
    points = await _points(tx, project_id, registers)
    parts = []
    for start, end, point in spans:
        if point in registers:
            lines = await _lines(tx, project_id, registers[point], micros(start), micros(end))
            parts.append(SheetPart(start, end, *points[point], lines))
    if len(parts) == 1 and len(spans) == 1:
        return Sheet(asked, account, parts[0].lines, parts[0].unit)
    return Sheet(asked, account, parts=parts)


async def _points(
    tx: ReadSession, project_id: int, points: Iterable[int]
) -> dict[int, tuple[str, str]]:
    """Answer how points are called, as device/name, and their units."""
    rows = await tx.fetch_tuples(
        "SELECT p.id, coalesce(d.slug || '/', '') || p.name, p.unit FROM point p"
        " LEFT JOIN device d ON d.project_id = %(project)s AND d.id = p.device_id"
        " WHERE p.project_id = %(project)s AND p.id = ANY(%(points)s)",
        {"project": project_id, "points": sorted(points)},
    )
    return {point: (name, unit) for point, name, unit in rows}


async def _lines(
    tx: ReadSession, project_id: int, register: Register, start: int, end: int
) -> RegisterSheet | None:
    if register.kind == "gauge":
        window = await read_window(tx, project_id, register, start, end)
        return gauge_sheet(window.readings, register.spec, window.events, start, end)
    trace, events = await read_trace(tx, project_id, register, start, end)
    return register_sheet(trace, register.spec, events.excluded, start, end)
