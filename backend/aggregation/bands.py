"""Tariff registers of a meter beside its total: do sharp, peak, flat, valley and deep make it up?

A meter's band registers are the points of its device named as its register with a band behind it
(`ep_imp_peak`). Nothing is accounted from them: bands are priced by the calendar. But where they do
not sum to the total, a clock or a tariff table in the meter is wrong, or a register is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

from backend.acquisition.readings import between
from backend.aggregation.curve import Curve
from backend.aggregation.mapping import OWN
from backend.aggregation.metering import micros
from backend.aggregation.registers import Reading, RegisterSpec, judge
from backend.core.db import ReadSession


class Mismatch(NamedTuple):
    """In [start, end), microseconds, the total and the sum of its bands, in the register's unit."""

    start: int
    end: int
    total: Fraction
    bands: Fraction


@dataclass(slots=True)
class BandRegister:
    """One register of the meter: its spec (accounts are billionths of its unit) and readings."""

    spec: RegisterSpec
    unit: str
    readings: list[Reading] = field(default_factory=list)


BANDS: Final = ("sharp", "peak", "flat", "valley", "deep")
FINE: Final = 10**9
"""Smallest units of one of the register's unit: so fine that rounding never decides."""
_REGISTERS: Final = f"""
SELECT o.meter, p.id, p.id = o.point AS total, p.unit, p.modulus, p.resolution, p.max_gap_s
FROM ({OWN.format(condition="m.id = %(meter)s")}) AS o
JOIN point t ON t.project_id = %(project)s AND t.id = o.point
JOIN point p ON p.project_id = %(project)s AND p.device_id = t.device_id AND p.kind = 'register'
     AND p.unit = t.unit AND (p.id = t.id OR p.name = ANY(SELECT t.name || '_' || b
                                                   FROM unnest(%(bands)s::text[]) AS b))
ORDER BY total DESC, p.id
"""
_SAMPLES: Final = f"""
SELECT u.point, r.ts, r.value, r.quality FROM unnest(%(points)s::bigint[]) AS u (point)
CROSS JOIN LATERAL ({
    between(
        "u.point",
        "(%(first)s::timestamptz - interval '1 day')",
        "(%(last)s::timestamptz + interval '1 day')",
        "r.value > '-Infinity' AND r.value < 'Infinity'",
    )
}) AS r ORDER BY u.point, r.ts
"""


def mismatches(
    total: Curve, bands: Sequence[Curve], edges: Sequence[int], tolerance: Fraction
) -> list[Mismatch]:
    """Answer where the total and its bands differ by more than `tolerance` (smallest units).

    Only stretches between `edges` that every register has readings for are looked at.
    """
    found: list[Mismatch] = []
    for start, end in pairwise(edges):
        if not all(_covers(curve, start, end) for curve in (total, *bands)):
            continue
        whole = _rise(total, start, end)
        parts = sum(_rise(curve, start, end) for curve in bands)
        if abs(whole - parts) > tolerance:
            found.append(Mismatch(start, end, Fraction(whole, FINE), Fraction(parts, FINE)))
    return found


def _covers(curve: Curve, start: int, end: int) -> bool:
    known = curve.bounds()
    return known is not None and known[0] <= start and end <= known[1]


def _rise(curve: Curve, start: int, end: int) -> int:
    low, high = curve.at([start, end])
    return high - low


async def check_bands(
    tx: ReadSession, project_id: int, meter: int, edges: Sequence[datetime]
) -> tuple[str, list[Mismatch]]:
    """Answer the registers' unit, and between which of the rising `edges` bands are not the total.

    A register shows whole counts, so one count of each is no mismatch. A meter without band
    registers has none.
    """
    registers = await _registers(tx, project_id, meter, edges[0], edges[-1])
    if len(registers) < 2:
        return "", []
    curves = [judge(one.readings, one.spec).curve for one in registers]
    tolerance = sum((one.spec.smallest for one in registers), start=Fraction(0))
    found = mismatches(curves[0], curves[1:], [micros(one) for one in edges], tolerance)
    return registers[0].unit, found


async def _registers(
    tx: ReadSession, project_id: int, meter: int, first: datetime, last: datetime
) -> list[BandRegister]:
    """Answer a meter's total and its bands with the readings around [first, last]."""
    rows = await tx.fetch_tuples(
        _REGISTERS, {"project": project_id, "meter": meter, "bands": list(BANDS)}
    )
    found: dict[int, BandRegister] = {}
    for _, point, _, unit, modulus, resolution, max_gap_s in rows:
        spec = RegisterSpec.of(
            smallest_per_point_unit=Fraction(FINE),
            resolution=resolution,
            modulus=modulus,
            max_gap_s=max_gap_s,
        )
        found[point] = BandRegister(spec, unit)
    samples = await tx.fetch_tuples(
        _SAMPLES, {"project": project_id, "points": list(found), "first": first, "last": last}
    )
    for point, ts, value, quality in samples:
        one = found[point]
        one.readings.append(Reading(micros(ts), one.spec.count(value), quality))
    return list(found.values())
