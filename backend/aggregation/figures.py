"""Exact sums of accounts for people, rankings, and the bounds of the plant's day and month.

Quantities are integers of the energy's smallest unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from backend.aggregation.calendar import DAY, Period, PlantTime, period_of
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import accounts, version_to_read
from backend.core.db import ReadSession
from gateway.contract.energy import EnergyType, energy_types


@dataclass(frozen=True, slots=True)
class Sum:
    """One energy of one scope over one span, exact; None where a part has no factor or price."""

    scope_id: int
    energy: str
    qty: int
    estimated_qty: int
    quality: int
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Nodes by quantity in [start, end), the greatest first, and the quantity of their parent."""

    start: datetime
    end: datetime
    whole: int
    rows: Sequence[Sum]


@dataclass(frozen=True, slots=True)
class Today:
    """The business day and month that hold an instant."""

    day: datetime
    day_end: datetime
    yesterday: datetime
    month: datetime
    month_end: datetime


def with_share(whole: Sum | None, running: Sum | None, share: Fraction) -> Sum | None:
    """Answer `whole` plus a linear share (0 to 1) of the bucket that runs on after it.

    So a span that ends inside a quarter hour compares with one that is still running. Quantities
    are rounded once, half even; the rest to ten decimals.
    """
    if running is None or share == 0:
        return whole
    if whole is None:
        whole = replace(
            running, qty=0, estimated_qty=0, kgce=Decimal(0), kgco2=Decimal(0), cost=Decimal(0)
        )
    return replace(
        whole,
        qty=whole.qty + round(running.qty * share),
        estimated_qty=whole.estimated_qty + round(running.estimated_qty * share),
        quality=max(whole.quality, running.quality),
        kgce=_shared(whole.kgce, running.kgce, share),
        kgco2=_shared(whole.kgco2, running.kgco2, share),
        cost=_shared(whole.cost, running.cost, share),
    )


def _shared(whole: Decimal | None, running: Decimal | None, share: Fraction) -> Decimal | None:
    if whole is None or running is None:
        return None
    part = running * share.numerator / share.denominator
    return whole + part.quantize(Decimal("1e-10"))


def main_energy() -> EnergyType:
    """Answer the energy the first screen is about: the first row of the energy types."""
    return next(iter(energy_types().values()))


def today_of(plant: PlantTime, now: datetime) -> Today:
    """Answer the bounds of the plant's day and month at `now`."""
    day = plant.day_of(now)
    first = plant.month_of(day)
    following = plant.month_of(first + timedelta(days=32))
    return Today(
        day=plant.start_of(day),
        day_end=plant.start_of(day + DAY),
        yesterday=plant.start_of(day - DAY),
        month=plant.start_of(first),
        month_end=plant.start_of(following),
    )


# A cost that is known for a part only would look like the whole: null then.
_SUMS: Final = {
    as_of: f"""
SELECT scope_id, energy, sum(qty)::bigint AS qty, sum(estimated_qty)::bigint AS estimated_qty,
       max(quality)::int AS quality,
       CASE WHEN count(kgce) = count(*) THEN sum(kgce) END AS kgce,
       CASE WHEN count(kgco2) = count(*) THEN sum(kgco2) END AS kgco2,
       CASE WHEN count(cost) = count(*) THEN sum(cost) END AS cost
FROM {accounts(as_of=as_of)} a
WHERE project_id = %(project)s AND scope = %(scope)s AND scope_id = ANY(%(ids)s)
  AND period = %(period)s AND start_ts >= %(start)s AND start_ts < %(end)s
  AND (%(energy)s::text IS NULL OR energy = %(energy)s)
GROUP BY scope_id, energy
""".encode()
    for as_of in (False, True)
}


async def sums(
    tx: ReadSession,
    project_id: int,
    scope: Scope,
    ids: Sequence[int],
    period: Period,
    start: datetime,
    end: datetime,
    energy: str | None = None,
    as_of: int | None = None,
) -> list[Sum]:
    """Answer what accounts that begin in [start, end) add up to, for each scope and energy.

    As of a version, or as it is now.
    """
    as_of = await version_to_read(tx, project_id, as_of)
    return await tx.fetch_all(
        _SUMS[as_of is not None],
        {
            "project": project_id,
            "scope": int(scope),
            "ids": list(ids),
            "period": int(period),
            "start": start,
            "end": end,
            "energy": energy,
            "as_of": as_of,
        },
        into=Sum,
    )


async def ranking(
    tx: ReadSession,
    project_id: int,
    parent: int,
    among: Sequence[int],
    period: Period,
    at: datetime,
    energy: str,
    as_of: int | None = None,
) -> Ranking | None:
    """Answer what some nodes below a parent took in the period that holds `at`, greatest first.

    Nodes without an account are not in it. None outside the calendar.
    """
    bounds = await period_of(tx, project_id, period, at)
    if bounds is None:
        return None
    found = await sums(tx, project_id, Scope.NODE, [parent, *among], period, *bounds, energy, as_of)
    whole = next((row.qty for row in found if row.scope_id == parent), 0)
    below = [row for row in found if row.scope_id != parent]
    return Ranking(*bounds, whole, sorted(below, key=lambda row: (-row.qty, row.scope_id)))
