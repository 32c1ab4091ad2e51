"""How well a node converts, per period: pure arithmetic on exact sums, then the reading of these.

Boiler: m x (h2 - h1) / (B x LHV), or what the factors say that output and input stand for.
Transformer: load rate beta = S / Sn and loss P0 + beta^2 x Pk at every quarter hour (domain.md 7).
Compressor station: kWh per m3. None where nothing went in or came out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.figures import Sum, main_energy, sums
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput
from backend.service.plant.conversions import Conversion
from gateway.contract.energy import energy_type
from gateway.contract.quality import Quality

LONGEST: Final = timedelta(days=400)
GRAMS: Final = 1000
HOURS: Final = Fraction(1, 4)
"""A quarter hour."""


@dataclass(frozen=True, slots=True)
class Through:
    """What went through a transformer, by quarter hours: their number, sum, square sum, greatest.

    Quantities in the energy's smallest unit.
    """

    slots: int
    total: int
    squares: int
    most: int


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Figures of one conversion over [start, end), exact; None where they mean nothing.

    `efficiency` = out / in; `specific` = kWh per m3; of a transformer `load_rate` is the mean of
    its quarter hours, `peak_load_rate` the greatest, `best_load_rate` = sqrt(P0 / Pk) rounded to
    four digits, and `loss` in kWh.
    """

    start: datetime
    end: datetime
    efficiency: Fraction | None = None
    specific: Fraction | None = None
    load_rate: Fraction | None = None
    peak_load_rate: Fraction | None = None
    best_load_rate: Decimal | None = None
    loss: Fraction | None = None


def by_enthalpy(
    fuel: Fraction, steam_kg: Fraction, lhv_mj: Decimal, rise: Decimal
) -> Fraction | None:
    """Answer m x (h2 - h1) / (B x LHV); fuel in its display unit, rise in kJ/kg."""
    burnt = fuel * Fraction(lhv_mj) * 1000
    return steam_kg * Fraction(rise) / burnt if burnt > 0 else None


def by_factors(into: Sequence[Sum], out: Sequence[Sum]) -> Fraction | None:
    """Answer coal equivalent out per in; None where a part has no factor."""
    if any(one.kgce is None for one in (*into, *out)):
        return None
    burnt = sum((Fraction(one.kgce or 0) for one in into), Fraction(0))
    made = sum((Fraction(one.kgce or 0) for one in out), Fraction(0))
    return made / burnt if burnt > 0 and out else None


def transformer(through: Through, one: Conversion, start: datetime, end: datetime) -> Efficiency:
    """Answer load rates and loss of a transformer from what left it."""
    numbers = [one.number(name) for name in ("p0_kw", "pk_kw", "sn_kva", "cos_phi")]
    p0, pk, rated, cos_phi = (Fraction(number or 1) for number in numbers)
    per_unit = main_energy().smallest_per_unit
    # Load rate of a quarter hour in which one smallest unit leaves.
    rate = 1 / (HOURS * per_unit * cos_phi * rated)
    if through.slots == 0:
        return Efficiency(start, end, best_load_rate=_root(p0 / pk))
    loss = HOURS * (through.slots * p0 + pk * rate * rate * through.squares)
    out = Fraction(through.total, per_unit)
    return Efficiency(
        start,
        end,
        efficiency=out / (out + loss) if out > 0 else None,
        load_rate=rate * through.total / through.slots,
        peak_load_rate=rate * through.most,
        best_load_rate=_root(p0 / pk),
        loss=loss,
    )


def _root(square: Fraction) -> Decimal:
    exact = Decimal(square.numerator) / Decimal(square.denominator)
    return exact.sqrt().quantize(Decimal("0.0001"))


def boiler(
    one: Conversion, into: Sequence[Sum], out: Sequence[Sum], start: datetime, end: datetime
) -> Efficiency:
    """Answer a boiler's efficiency."""
    lhv, steam, feed = (one.number(name) for name in ("lhv_mj", "h_steam", "h_feed"))
    if lhv is None or steam is None or feed is None:
        return Efficiency(start, end, efficiency=by_factors(into, out))
    fuel = sum((_display(one) for one in into), Fraction(0))
    # Steam is counted in grams.
    mass = Fraction(sum(one.qty for one in out), GRAMS)
    return Efficiency(start, end, efficiency=by_enthalpy(fuel, mass, lhv, steam - feed))


def compressor(
    _: Conversion, into: Sequence[Sum], out: Sequence[Sum], start: datetime, end: datetime
) -> Efficiency:
    """Answer kWh per m3."""
    air = sum((_display(one) for one in out), Fraction(0))
    power = sum((_display(one) for one in into), Fraction(0))
    return Efficiency(start, end, specific=power / air if air > 0 else None)


OF_METERS: Final = {"boiler": boiler, "compressor": compressor}


def _display(one: Sum) -> Fraction:
    return Fraction(one.qty, energy_type(one.energy).smallest_per_unit)


_PERIODS: Final = """
SELECT start_ts, end_ts FROM calendar_period
WHERE project_id = %(project)s AND period = %(period)s AND end_ts > %(start)s AND start_ts < %(end)s
  AND start_ts < %(now)s ORDER BY start_ts
"""
# What is missing or suspect says nothing of a load: such quarter hours are left out.
_THROUGH: Final = f"""
SELECT count(*) AS slots, coalesce(sum(qty), 0)::numeric AS total,
       coalesce(sum(qty::numeric * qty), 0) AS squares, coalesce(max(qty), 0) AS most
FROM {{accounts}} a
WHERE project_id = %(project)s AND scope = 2 AND scope_id = %(node)s AND energy = %(energy)s
  AND period = 1 AND start_ts >= %(start)s AND start_ts < %(end)s
  AND quality < {int(Quality.SUSPECT)}
"""


async def efficiencies(
    tx: ReadSession,
    project_id: int,
    conversions: Sequence[Conversion],
    period: Period,
    span: tuple[datetime, datetime],
    now: datetime,
) -> list[tuple[Conversion, Efficiency]]:
    """Answer the figures of each conversion for each period in which it is in force, oldest first.

    A period in which a definition changes is answered for each, from when to when it held.
    """
    start, end = span
    if end <= start:
        raise InvalidInput("span_empty")
    if end - start > LONGEST:
        raise InvalidInput("span_too_long")
    keys = {"project": project_id, "period": int(period), "start": start, "end": end, "now": now}
    bounds = await tx.fetch_tuples(_PERIODS, keys)
    found = []
    for one in conversions:
        for first, last in bounds:
            since = max(first, one.valid_from)
            until = last if one.valid_to is None else min(last, one.valid_to)
            if since < until:
                found.append((one, await _figures(tx, project_id, one, since, until)))
    return found


async def _figures(
    tx: ReadSession, project_id: int, one: Conversion, start: datetime, end: datetime
) -> Efficiency:
    evaluate = OF_METERS.get(one.kind)
    if evaluate is None:
        return transformer(await _through(tx, project_id, one, start, end), one, start, end)
    quarters = Period.QUARTER_HOUR
    ids = [*one.inputs, *one.outputs]
    counted = await sums(tx, project_id, Scope.METER, ids, quarters, start, end)
    by_meter: Mapping[int, Sum] = {row.scope_id: row for row in counted}
    into = [by_meter[number] for number in one.inputs if number in by_meter]
    out = [by_meter[number] for number in one.outputs if number in by_meter]
    if len(into) < len(one.inputs) or len(out) < len(one.outputs):
        return Efficiency(start, end)
    return evaluate(one, into, out, start, end)


async def _through(
    tx: ReadSession, project_id: int, one: Conversion, start: datetime, end: datetime
) -> Through:
    energy = main_energy().code
    named: dict[str, object] = {"project": project_id, "node": one.node_id, "energy": energy}
    where = await shown(tx, project_id)
    named |= {"start": start, "end": end, "as_of": where.as_of}
    [row] = await tx.fetch_tuples(where.sql(_THROUGH), named)
    return Through(*(int(number) for number in row))
