"""R(t), the energy up to t, and the exact integer buckets between its values. Pure.

R is the register's value, joined over wraps, resets and exchanges, straight between readings, in
the energy's smallest unit, rounded once, half even. A bucket is R(end) - R(start), so sums
telescope and every level is equal as integers.

Rounding happens in the register's own frame (the stretch between two joints), and a joint adds the
difference of two rounded numbers: R's differences never depend on what happened before the frame,
so the curve may begin at any settled reading.
Times are integer microseconds since 1970 UTC, values integer counts of the register's resolution.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from operator import sub
from typing import Final, NamedTuple

from gateway.contract.quality import Quality

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
QUARTER: Final = 15 * MINUTE
HOUR: Final = 60 * MINUTE


class Bucket(NamedTuple):
    """An account of [start, end): integers of the energy's smallest unit, worst quality.

    `measured_s` of its seconds stand on readings: not before the first, not after the last, not
    interpolated over an outage.
    """

    start: int
    end: int
    qty: int
    estimated: int
    quality: int
    measured_s: int = 900


class Mark(NamedTuple):
    """A stretch that is not simply good; `gap`: its energy was interpolated over an outage."""

    start: int
    end: int
    quality: int
    gap: bool


@dataclass(slots=True)
class Frame:
    """Knots of R in one frame of the register: times and counts, both rising.

    `smallest` units a count. A knot that is no reading (a ratio or a planned stop begins there) may
    be a fraction of a count.
    """

    times: list[int]
    counts: list[int | Fraction]
    smallest: Fraction


@dataclass(slots=True)
class Curve:
    """R as frames of knots, and what is not simply good in it."""

    frames: list[Frame] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def bounds(self) -> tuple[int, int] | None:
        """First and last instant that R is known at; None without readings."""
        return (self.frames[0].times[0], self.frames[-1].times[-1]) if self.frames else None

    def at(self, instants: Sequence[int]) -> list[int]:
        """R at rising instants, constant up to the first instant and after the last knot."""
        values: list[int] = []
        offset, frame = 0, 0
        frames = self.frames
        first = frames[0].times[0]
        for at in instants:
            instant = max(at, first)
            while frame + 1 < len(frames) and frames[frame + 1].times[0] <= instant:
                before, after = frames[frame], frames[frame + 1]
                offset += rounded(before.counts[-1], before.smallest)
                offset -= rounded(after.counts[0], after.smallest)
                frame += 1
            values.append(offset + _inside(frames[frame], instant))
        return values


def rounded(count: int | Fraction, smallest: Fraction) -> int:
    """Counts in smallest units, half even."""
    return half_even(count * smallest.numerator, smallest.denominator)


def half_even(numerator: int | Fraction, denominator: int) -> int:
    """Divide exactly and round half to even; the denominator is positive."""
    if denominator == 1 and isinstance(numerator, int):
        return numerator
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and whole & 1):
        return whole + 1
    return whole


def _inside(frame: Frame, instant: int) -> int:
    """R of a frame: of two knots at one instant (an exchange, then a reading) the later counts."""
    times, counts, smallest = frame.times, frame.counts, frame.smallest
    after = bisect_right(times, instant)
    if after == len(times) or after == 0 or times[after - 1] == instant:
        return rounded(counts[max(after - 1, 0)], smallest)
    start, span = times[after - 1], times[after] - times[after - 1]
    below = counts[after - 1]
    numerator = below * span + (counts[after] - below) * (instant - start)
    return half_even(numerator * smallest.numerator, span * smallest.denominator)


def buckets(curve: Curve, edges: Sequence[int]) -> list[Bucket]:
    """Answer the accounts between rising `edges`, without those that R says nothing about."""
    known = curve.bounds()
    if known is None or known[0] == known[1]:
        return []
    first, last = known
    low = max(bisect_right(edges, first) - 1, 0)
    high = min(bisect_left(edges, last), len(edges) - 1)
    if high <= low:
        return []
    inner = edges[low : high + 1]
    values = curve.at(inner)
    estimated, quality = _marked(curve, inner)
    measured = _measured(curve, inner, first, last)
    return [
        Bucket(inner[i], inner[i + 1], qty, estimated[i], quality[i], measured[i])
        for i, qty in enumerate(map(sub, values[1:], values))
        if inner[i] < last and inner[i + 1] > first
    ]


def _measured(curve: Curve, edges: Sequence[int], first: int, last: int) -> list[int]:
    """Answer the seconds of each bucket that stand on readings; R is known in [first, last]."""
    micros = list(map(sub, edges[1:], edges))
    micros[0] -= max(first - edges[0], 0)
    micros[-1] -= max(edges[-1] - last, 0)
    for mark in curve.marks:
        if not (mark.gap or Quality.GOOD < mark.quality < Quality.MANUAL):
            continue
        start, stop = max(mark.start, edges[0]), min(mark.end, edges[-1], last)
        place = bisect_right(edges, start) - 1
        while start < stop:
            cut = min(edges[place + 1], stop)
            micros[place] -= cut - start
            start, place = cut, place + 1
    return [half_even(one, SECOND) for one in micros]


def _marked(curve: Curve, edges: Sequence[int]) -> tuple[list[int], list[int]]:
    """Answer the estimated part and the worst quality of each bucket between `edges`."""
    estimated = [0] * (len(edges) - 1)
    quality = [int(Quality.GOOD)] * (len(edges) - 1)
    for mark in curve.marks:
        first = max(bisect_right(edges, mark.start) - 1, 0)
        end = min(bisect_left(edges, mark.end), len(edges) - 1)
        if end <= first:
            continue
        quality[first:end] = [max(q, mark.quality) for q in quality[first:end]]
        if mark.gap:
            cuts = [max(edges[first], mark.start), *edges[first + 1 : end]]
            values = curve.at([*cuts, min(edges[end], mark.end)])
            for i in range(first, end):
                estimated[i] += values[i - first + 1] - values[i - first]
    return estimated, quality
