"""Curves of accounts: one measure of one scope in steps of one period; missing is None, never 0."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.rollup import Scope
from backend.core.db import ReadSession
from gateway.contract.energy import EnergyType, energy_type
from gateway.contract.quality import Quality

QUARTER: Final = timedelta(minutes=15)


class Measure(Enum):
    """What a curve shows."""

    QTY = "qty"
    KGCE = "kgce"
    KGCO2 = "kgco2"
    COST = "cost"


@dataclass(frozen=True, slots=True)
class SeriesData:
    """A curve, oldest first; `exact` as stored (qty in smallest units), `unit` of display values.

    The unit of a cost is empty: it is the project's currency.
    """

    starts: Sequence[datetime]
    ends: Sequence[datetime]
    exact: Sequence[Decimal | None]
    qualities: Sequence[Quality]
    unit: str
    decimals: int

    @property
    def values(self) -> list[float | None]:
        """Display values: the last layer, where exactness ends."""
        return [None if v is None else float(v.scaleb(-self.decimals)) for v in self.exact]


_STEPS: Final = """
SELECT c.start_ts, c.end_ts, a.qty, a.kgce, a.kgco2, a.cost, a.quality
FROM ({steps}) AS c LEFT JOIN account a ON a.project_id = %(project)s AND a.scope = %(scope)s
    AND a.scope_id = %(id)s AND a.energy = %(energy)s AND a.period = %(period)s
    AND a.start_ts = c.start_ts
ORDER BY c.start_ts
"""
_QUARTERS: Final = _STEPS.format(
    steps="SELECT g AS start_ts, g + interval '15 minutes' AS end_ts FROM generate_series("
    "date_bin('15 minutes', %(start)s::timestamptz, 'epoch'),"
    " %(end)s::timestamptz - interval '1 microsecond', interval '15 minutes') AS g"
).encode()
_CALENDAR: Final = _STEPS.format(
    steps="SELECT start_ts, end_ts FROM calendar_period WHERE project_id = %(project)s"
    " AND period = %(period)s AND end_ts > %(start)s AND start_ts < %(end)s"
).encode()


async def read_series(
    tx: ReadSession,
    project_id: int,
    scope: Scope,
    scope_id: int,
    energy: str,
    measure: Measure,
    period: Period,
    start: datetime,
    end: datetime,
) -> SeriesData:
    """Answer the whole periods that touch [start, end). Raises EnergyTypeError."""
    kind = energy_type(energy)
    rows = await tx.fetch_tuples(
        _QUARTERS if period is Period.QUARTER_HOUR else _CALENDAR,
        {
            "project": project_id,
            "scope": int(scope),
            "id": scope_id,
            "energy": energy,
            "period": int(period),
            "start": start,
            "end": end,
        },
    )
    column = 2 + list(Measure).index(measure)
    return SeriesData(
        starts=[row[0] for row in rows],
        ends=[row[1] for row in rows],
        exact=[None if row[column] is None else Decimal(row[column]) for row in rows],
        qualities=[Quality.MISSING if row[6] is None else Quality(row[6]) for row in rows],
        unit=_unit(kind, measure),
        decimals=kind.decimals if measure is Measure.QTY else 0,
    )


def _unit(energy: EnergyType, measure: Measure) -> str:
    units = {Measure.QTY: energy.unit.code, Measure.KGCE: "kgce", Measure.KGCO2: "kgCO2"}
    return units.get(measure, "")
