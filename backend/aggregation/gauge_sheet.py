"""The reading sheet of a gauge: from its mean over a period to the account, line by line. Pure.

mean x hours x multiplier + what ratios change + rounding = account, as integers of the energy's
smallest unit: each quarter hour is rounded on its own (backend/aggregation/gauges.py), and what
that comes to is a line. Times are integer microseconds since 1970 UTC.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby

from backend.aggregation.curve import HOUR
from backend.aggregation.events import Events, Sample, Step
from backend.aggregation.gauges import Piece, counted, integrated, pieces, too_high, units
from backend.aggregation.reading_sheet import (
    Adjustment,
    Boundary,
    Knot,
    RegisterSheet,
    Remark,
    Why,
    decimal,
    estimates,
    in_unit,
)
from backend.aggregation.registers import RegisterSpec
from gateway.contract.quality import Quality


def gauge_sheet(
    readings: Sequence[Sample], spec: RegisterSpec, events: Events, start: int, end: int
) -> RegisterSheet | None:
    """Answer the sheet of [start, end), both at quarter hours; None without readings that count.

    `readings` reach from before the period to after it, as far as there are any.
    """
    good = counted(readings, spec, events)
    if not good:
        return None
    inside = [one for one in pieces(good, spec, events) if start <= one.start < end]
    quarters = [one for one in integrated(good, spec, events) if start <= one.start < end]
    plain = sum((one.integral / one.factor for one in inside), Fraction(0))
    known = sum(one.end - one.start for one in inside)
    raw = units(plain, spec)
    ratios = list(_ratios(inside, spec))
    left = sum(one.qty for one in quarters) - raw - sum(one.qty for one in ratios)
    rounding = [Adjustment(Why.ROUNDING, start, end, left)] if left else []
    return RegisterSheet(
        opening=_boundary(good, spec, start),
        closing=_boundary(good, spec, end),
        smallest=spec.smallest / spec.resolution,
        raw=raw,
        adjustments=[*ratios, *rounding],
        remarks=[*_left_out(readings, spec, events, start, end), *estimates(quarters)],
        mean=in_unit(spec, plain / known if known else Fraction(0)),
        hours=decimal(Fraction(known, HOUR)),
    )


def _ratios(inside: Sequence[Piece], spec: RegisterSpec) -> Iterator[Adjustment]:
    """Answer what each stretch of a ratio adds."""
    for factor, found in groupby(inside, key=lambda one: one.factor):
        if factor == 1:
            continue
        stretch = list(found)
        whole = sum((one.integral for one in stretch), Fraction(0))
        qty = units(whole, spec) - units(whole / factor, spec)
        at, until = stretch[0].start, stretch[-1].end
        yield Adjustment(Why.RATIO, at, until, qty, factor=Fraction(factor))


def _boundary(readings: Sequence[Sample], spec: RegisterSpec, instant: int) -> Boundary:
    """Answer the gauge at an instant: read then, straight between two, or the nearest reading."""
    before = next((one for one in reversed(readings) if one[0] <= instant), None)
    after = next((one for one in readings if one[0] >= instant), None)
    if before is None or after is None or before == after:
        only = before or after or readings[0]
        value = Fraction(only[1])
    else:
        share = Fraction(instant - before[0], after[0] - before[0])
        value = before[1] + (after[1] - before[1]) * share
    return Boundary(instant, in_unit(spec, value), _knot(before, spec), _knot(after, spec))


def _knot(reading: Sample | None, spec: RegisterSpec) -> Knot | None:
    return None if reading is None else Knot(reading[0], in_unit(spec, reading[1]))


def _left_out(
    readings: Sequence[Sample], spec: RegisterSpec, events: Events, start: int, end: int
) -> Iterator[Remark]:
    """Answer what does not count as it was read: runs beyond the nameplate, runs below 0."""
    inside = [one for one in readings if start <= one[0] < end and one[2] < Quality.SUSPECT]
    kept = events.kept(inside)
    steps = events.steps()
    yield from _runs(Why.ABOVE, kept, spec, steps, max)
    yield from _runs(Why.NEGATIVE, kept, spec, steps, min)
    for low, high in events.excluded:
        if low < end and high > start:
            yield Remark(Why.EXCLUDED, low, min(high, end))


def _runs(
    why: Why,
    readings: Sequence[Sample],
    spec: RegisterSpec,
    steps: Sequence[Step],
    worst: Callable[[Sequence[int]], int],
) -> Iterator[Remark]:
    def judged(one: Sample) -> bool:
        return one[1] < 0 if why is Why.NEGATIVE else too_high(one[0], one[1], spec, steps)

    for found, run in groupby(readings, key=judged):
        if found:
            stretch = list(run)
            value = in_unit(spec, worst([one[1] for one in stretch]))
            yield Remark(why, stretch[0][0], stretch[-1][0], value)
