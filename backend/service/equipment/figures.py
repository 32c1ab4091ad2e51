"""What equipment did over a span: hours by state, starts, idling, load rate, specific figure.

Sums of hours of UTC that begin in the span; specific figures come from conversions and accounts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.figures import sums
from backend.aggregation.rollup import Scope
from backend.core.db import ReadSession
from backend.service.plant.conversions import list_conversions
from backend.service.plant.efficiency import efficiencies
from gateway.contract.energy import energy_type


class Kind(StrEnum):
    """Kinds of equipment; texts under `equipment.kind.<value>`."""

    FURNACE = "furnace"
    COMPRESSOR = "compressor"
    OVEN = "oven"
    BOILER = "boiler"
    CHILLER = "chiller"
    PUMP = "pump"
    FAN = "fan"
    MACHINE = "machine"
    OTHER = "other"


COP: Final = ("heat", "electricity")
"""What a chiller moves and what that takes."""
_TENTH: Final = Decimal("0.1")
_FINE: Final = Decimal("0.0001")
LONGEST_DAY: Final = timedelta(hours=26)
ENOUGH_S: Final = 20 * 3600
"""A month counts for comparison from so much running time on."""


@dataclass(frozen=True, slots=True)
class Ran:
    """Hours of a span summed. `idle_cost` is None where a part has no price; `hours` are those
    looked at, `samples` the readings they stand on.
    """

    start_ts: datetime
    off_s: int
    idle_s: int
    load_s: int
    unknown_s: int
    starts: int
    run_qty: int
    idle_qty: int
    idle_cost: Decimal | None
    hours: int
    samples: int

    @property
    def running_s(self) -> int:
        """Seconds idle or under load."""
        return self.idle_s + self.load_s

    @property
    def idle_share(self) -> float | None:
        """Idle time by running time; None for what never ran."""
        return self.idle_s / self.running_s if self.running_s else None

    @property
    def resolution_s(self) -> int | None:
        """Seconds between two samples on average: states are no finer than that."""
        seconds = self.off_s + self.running_s
        return round(seconds / self.samples) if self.samples and seconds else None


@dataclass(frozen=True, slots=True)
class Specific:
    """A specific figure and the node that it was measured at."""

    value: Decimal
    unit: str
    node_id: int


_SUMS: Final = """
sum(h.off_s)::bigint AS off_s, sum(h.idle_s)::bigint AS idle_s, sum(h.load_s)::bigint AS load_s,
sum(h.unknown_s)::bigint AS unknown_s, sum(h.starts)::bigint AS starts,
sum(h.run_qty)::bigint AS run_qty, sum(h.idle_qty)::bigint AS idle_qty,
CASE WHEN count(h.idle_cost) = count(*) THEN sum(h.idle_cost) END AS idle_cost,
count(*) AS hours, sum(h.samples)::bigint AS samples
"""
_RAN: Final = f"""
SELECT %(start)s::timestamptz AS start_ts, {_SUMS} FROM equipment_hour h
WHERE h.project_id = %(project)s AND h.node_id = %(node)s
  AND h.start_ts >= %(start)s AND h.start_ts < %(end)s
HAVING count(*) > 0
"""
_MONTHS: Final = f"""
SELECT p.start_ts, {_SUMS} FROM calendar_period p
JOIN equipment_hour h ON h.project_id = %(project)s AND h.node_id = %(node)s
     AND h.start_ts >= p.start_ts AND h.start_ts < p.end_ts
WHERE p.project_id = %(project)s AND p.period = {int(Period.MONTH)} AND p.start_ts < %(until)s
GROUP BY p.start_ts ORDER BY p.start_ts
"""


async def ran(
    tx: ReadSession, project_id: int, node_id: int, start: datetime, end: datetime
) -> Ran | None:
    """Answer what equipment did in [start, end); None where no hour was looked at."""
    keys = {"project": project_id, "node": node_id, "start": start, "end": end}
    return await tx.fetch_one(_RAN, keys, into=Ran)


async def best_month(tx: ReadSession, project_id: int, node_id: int, until: datetime) -> Ran | None:
    """Answer the month before `until` in which the least of the running time was idle."""
    keys = {"project": project_id, "node": node_id, "until": until}
    months = await tx.fetch_all(_MONTHS, keys, into=Ran)
    compared = [month for month in months if month.running_s >= ENOUGH_S]
    return min(compared, key=lambda month: month.idle_share or 0.0, default=None)


def load_rate(found: Ran, rated_kw: Decimal | None) -> float | None:
    """Answer the mean power while running by the rated power."""
    if not rated_kw or not found.running_s:
        return None
    return float(found.run_qty * 3600 / (found.running_s * rated_kw * 1_000_000))


async def specific(
    tx: ReadSession,
    project_id: int,
    kind: str,
    nodes: Sequence[int],
    span: tuple[datetime, datetime],
    now: datetime,
) -> Specific | None:
    """Answer the specific figure of a kind at the first of some nodes that is metered for it.

    Of the day or month `span`: kWh/m3 and boiler efficiency come from the node's conversion, the
    COP of a chiller from its accounts of heat and electricity.
    """
    if kind == Kind.CHILLER:
        return await _cop(tx, project_id, nodes, span)
    known = [
        one
        for one in await list_conversions(tx, project_id)
        if one.kind == kind and one.node_id in nodes
    ]
    whole = Period.MONTH if span[1] - span[0] > LONGEST_DAY else Period.DAY
    for one, found in await efficiencies(tx, project_id, known, whole, span, now):
        if found.specific is not None:
            return Specific(_decimal(found.specific, _FINE), "kWh/m3", one.node_id)
        if found.efficiency is not None:
            return Specific(_decimal(100 * found.efficiency, _TENTH), "%", one.node_id)
    return None


async def _cop(
    tx: ReadSession, project_id: int, nodes: Sequence[int], span: tuple[datetime, datetime]
) -> Specific | None:
    found = await sums(tx, project_id, Scope.NODE, nodes, Period.DAY, *span)
    moved, took = (energy_type(code) for code in COP)
    for node in nodes:
        here = {one.energy: one.qty for one in found if one.scope_id == node}
        if here.get(moved.code) and here.get(took.code, 0) > 0:
            heat = Fraction(here[moved.code], moved.smallest_per_unit) * moved.unit.per(took.unit)
            power = Fraction(here[took.code], took.smallest_per_unit)
            return Specific(_decimal(heat / power, _FINE), "1", node)
    return None


def _decimal(value: Fraction, digits: Decimal) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(digits)
