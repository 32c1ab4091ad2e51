"""A gauge's account: power or flow integrated over time, each quarter hour exactly. Pure.

The value runs straight between two readings (the trapezoid), so a quarter hour is an exact
fraction, rounded once, half even, on its own: it depends on the readings around it and on nothing
before them, and sums of quarter hours are sums. What no counter would count does not count here:

- A negative value counts as 0: a meter of what flows in does not run backwards.
- A value above nameplate x 1.2 is no reading, as one that is suspect, missing, excluded or no
  number; NaN never becomes a reading.
- A gap (longer than the point's limit) is straight too and estimated; where the feeder was off by
  plan its value is 0 and nothing is estimated.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from backend.aggregation.curve import HOUR, QUARTER, SECOND, Bucket, half_even
from backend.aggregation.events import Events, Sample, Span, Step, mean_factor
from backend.aggregation.legs import planned_within
from backend.aggregation.registers import MARGIN, RegisterSpec
from backend.aggregation.window import Missing, Recomputed, Window, ceil_quarter, floor_quarter
from gateway.contract.quality import Quality


class Piece(NamedTuple):
    """A part of one quarter hour between two readings: microseconds, counts x microseconds.

    `factor` is that of the ratio that holds then; the integral has it.
    """

    start: int
    end: int
    integral: Fraction
    quality: int
    estimated: bool
    factor: int | Fraction = 1


@dataclass(slots=True)
class Sum:
    """What a quarter hour has become so far."""

    integral: Fraction = Fraction(0)
    estimated: Fraction = Fraction(0)
    quality: int = 0
    measured: int = 0

    def add(self, piece: Piece) -> None:
        """Add a piece."""
        self.integral += piece.integral
        self.quality = max(self.quality, piece.quality)
        if piece.estimated:
            self.estimated += piece.integral
        elif not Quality.GOOD < piece.quality < Quality.MANUAL:
            self.measured += piece.end - piece.start


def recompute_gauge(window: Window, spec: RegisterSpec) -> Recomputed | Missing:
    """Answer what the window's stretch becomes, or what is missing to say so."""
    readings = counted(window.readings, spec, window.events)
    before = readings[: bisect_left(readings, (window.first,))]
    after = readings[bisect_right(readings, window.last, key=_ts) :]
    low = floor_quarter(before[-1][0] if before else window.first)
    if window.restart is not None and not (before and before[0][0] <= low):
        return Missing.EARLIER
    high = ceil_quarter(after[0][0] if after else window.last)
    if not window.complete and not (after and after[-1][0] >= high):
        return Missing.LATER
    found = [one for one in integrated(readings, spec, window.events) if low <= one.start < high]
    return Recomputed(low, high, found, None, None, ())


def counted(readings: Sequence[Sample], spec: RegisterSpec, events: Events) -> list[Sample]:
    """Answer the readings that count, none of them negative."""
    steps = events.steps()
    return [
        (ts, max(raw, 0), quality)
        for ts, raw, quality in events.kept(readings)
        if quality < Quality.SUSPECT and not too_high(ts, raw, spec, steps)
    ]


def too_high(ts: int, raw: int, spec: RegisterSpec, steps: Sequence[Step]) -> bool:
    """Tell whether a reading is beyond what the nameplate lets through."""
    return spec.per_hour is not None and raw * mean_factor(steps, ts, ts) > spec.per_hour * MARGIN


def integrated(readings: Sequence[Sample], spec: RegisterSpec, events: Events) -> list[Bucket]:
    """Answer the quarter hours between the first and the last of readings that count."""
    sums: dict[int, Sum] = {}
    for piece in pieces(readings, spec, events):
        sums.setdefault(floor_quarter(piece.start), Sum()).add(piece)
    for since in events.changed:
        for start in (start for start in sums if start + QUARTER > since):
            sums[start].quality = max(sums[start].quality, Quality.SUSPECT)
    return [
        Bucket(
            start,
            start + QUARTER,
            units(one.integral, spec),
            units(one.estimated, spec),
            one.quality,
            half_even(one.measured, SECOND),
        )
        for start, one in sums.items()
    ]


def pieces(readings: Sequence[Sample], spec: RegisterSpec, events: Events) -> Iterator[Piece]:
    """Cut what lies between readings that count at quarter hours and where a ratio begins."""
    steps = events.steps()
    for before, after in pairwise(readings):
        yield from _pieces(before, after, spec, steps, events.planned)


def units(integral: Fraction, spec: RegisterSpec) -> int:
    """Answer counts x microseconds in smallest units, half even."""
    exact = integral * spec.smallest / HOUR
    return half_even(exact.numerator, exact.denominator)


def _pieces(
    before: Sample,
    after: Sample,
    spec: RegisterSpec,
    steps: Sequence[Step],
    planned: Sequence[Span],
) -> Iterator[Piece]:
    """Cut the stretch between two readings where a quarter hour, a plan or a ratio begins."""
    start, end = before[0], after[0]
    worst = max(before[2], after[2])
    gap = end - start > spec.max_gap
    off = planned_within(planned, start, end) if gap else []
    guessed = gap and end - start - sum(b - a for a, b in off) > spec.max_gap
    cuts = {start, end, *(instant for span in off for instant in span)}
    cuts |= set(range(floor_quarter(start) + QUARTER, end, QUARTER))
    cuts |= {step.ts for step in steps if start < step.ts < end}
    for a, b in pairwise(sorted(cuts)):
        if any(low <= a < high for low, high in off):
            yield Piece(a, b, Fraction(0), worst, estimated=False)
            continue
        factor = mean_factor(steps, a, b)
        area = _area(before, after, a, b) * factor
        quality = max(worst, Quality.ESTIMATED) if guessed else worst
        yield Piece(a, b, area, quality, estimated=guessed, factor=factor)


def _area(before: Sample, after: Sample, a: int, b: int) -> Fraction:
    """Counts x microseconds below the straight line between two readings, from a to b."""
    (start, low, _), (end, high, _) = before, after
    twice = 2 * low * (end - start) + (high - low) * (a - start + b - start)
    return Fraction(twice * (b - a), 2 * (end - start))


def _ts(sample: Sample) -> int:
    return sample[0]
