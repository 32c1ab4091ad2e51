"""The reading sheet of a register: from its opening to its closing reading, line by line. Pure.

closing - opening + adjustments = account, as integers of the energy's smallest unit. Where the
register begins anew (wrap, reset, exchange, jump) an adjustment adds what lies between the two
values; where a ratio holds another adds what it changes. Everything is rounded where the account
rounds it, so the sum is not nearly but exactly the account.
Times are integer microseconds since 1970 UTC.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

from backend.aggregation.curve import QUARTER, Bucket, Frame, buckets, half_even, rounded
from backend.aggregation.registers import Judgement, RegisterSpec, Trace


class Knot(NamedTuple):
    """An accepted reading: instant, and value in the register's unit."""

    at: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Boundary:
    """The register at the opening or closing instant, in its unit, rounded to ten decimals.

    A reading of that very instant, or interpolated between the readings `before` and `after`; with
    only one of them the register is not known then and the nearest reading stands for it.
    """

    at: int
    value: Decimal
    before: Knot | None
    after: Knot | None

    @property
    def interpolated(self) -> bool:
        """Whether it is no reading but lies between two."""
        return self.before is not None and self.after is not None and self.before != self.after


class Why(StrEnum):
    """What an adjustment or a remark comes from; texts under `sheet.why.<value>`."""

    WRAP = "wrap"
    RESET = "reset"
    EXCHANGE = "exchange"
    JUMP = "jump"
    RATIO = "ratio"
    DIP = "dip"
    ZERO = "zero"
    SPIKE = "spike"
    HELD = "held"
    EXCLUDED = "excluded"
    ESTIMATED = "estimated"
    ABOVE = "above"
    NEGATIVE = "negative"
    ROUNDING = "rounding"


JOINTS: Final = frozenset({Why.WRAP, Why.RESET, Why.EXCHANGE, Why.JUMP})
"""What makes a register begin anew."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is added to closing - opening, in smallest units, and why.

    `before` and `after` are the register's values at a joint; `factor` of a ratio.
    """

    why: Why
    at: int
    until: int
    qty: int
    before: Decimal | None = None
    after: Decimal | None = None
    factor: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What was judged inside the period without a quantity of its own.

    `qty` is the part of the account that is estimated.
    """

    why: Why
    at: int
    until: int | None
    value: Decimal | None = None
    qty: int | None = None


@dataclass(frozen=True, slots=True)
class RegisterSheet:
    """A register's sheet of one period; `smallest` units of a register's unit without ratios.

    Of a gauge `raw` is its `mean` in its unit times the `hours` that it is known for, both shown
    with ten decimals; of a register it is closing - opening.
    """

    opening: Boundary
    closing: Boundary
    smallest: Fraction
    raw: int
    adjustments: Sequence[Adjustment]
    remarks: Sequence[Remark]
    mean: Decimal | None = None
    hours: Decimal | None = None

    @property
    def total(self) -> int:
        """The account."""
        return self.raw + sum(one.qty for one in self.adjustments)


def register_sheet(
    trace: Trace, spec: RegisterSpec, excluded: Iterable[tuple[int, int]], start: int, end: int
) -> RegisterSheet | None:
    """Answer the sheet of [start, end), both at quarter hours; None without accepted readings."""
    frames = trace.curve.frames
    if not frames:
        return None
    first, last = _frame_at(frames, start), _frame_at(frames, end)
    opening, closing = _count(frames[first], start), _count(frames[last], end)
    parts = _parts(frames[first : last + 1], opening, closing)
    raw = _base(spec, closing) - _base(spec, opening)
    joints = [
        _joint(trace, spec, before, after) for before, after in pairwise(frames[first : last + 1])
    ]
    return RegisterSheet(
        opening=_boundary(frames[first], spec, start, opening),
        closing=_boundary(frames[last], spec, end, closing),
        smallest=spec.smallest / spec.resolution,
        raw=raw,
        adjustments=[
            *(one for one in joints if one is not None),
            *_ratios(parts, spec, start, end),
        ],
        remarks=list(_remarks(trace, spec, excluded, start, end)),
    )


class _Part(NamedTuple):
    """What one frame counts inside the period: from `low` to `high` counts, `smallest` each."""

    at: int
    low: int | Fraction
    high: int | Fraction
    smallest: Fraction


def _frame_at(frames: Sequence[Frame], instant: int) -> int:
    return max(bisect_right(frames, instant, key=lambda one: one.times[0]) - 1, 0)


def _count(frame: Frame, instant: int) -> int | Fraction:
    """Answer the register's exact count at an instant; that of the nearest knot outside."""
    times, counts = frame.times, frame.counts
    after = bisect_left(times, instant)
    if after == len(times):
        return counts[-1]
    if times[after] == instant or after == 0:
        return counts[after]
    share = Fraction(instant - times[after - 1], times[after] - times[after - 1])
    return counts[after - 1] + (counts[after] - counts[after - 1]) * share


def _parts(
    frames: Sequence[Frame], opening: int | Fraction, closing: int | Fraction
) -> list[_Part]:
    return [
        _Part(
            frame.times[0],
            opening if n == 0 else frame.counts[0],
            closing if n == len(frames) - 1 else frame.counts[-1],
            frame.smallest,
        )
        for n, frame in enumerate(frames)
    ]


def _base(spec: RegisterSpec, count: int | Fraction) -> int:
    """Answer counts in smallest units as if there were no ratio."""
    return _rounded(count, spec.smallest)


def _rounded(count: int | Fraction, smallest: Fraction) -> int:
    if isinstance(count, int):
        return rounded(count, smallest)
    exact = count * smallest
    return half_even(exact.numerator, exact.denominator)


def _joint(trace: Trace, spec: RegisterSpec, before: Frame, after: Frame) -> Adjustment | None:
    """Answer what a new frame adds; None where only a ratio begins."""
    low, high = before.counts[-1], after.counts[0]
    at = after.times[0]
    why = _judged(trace.judgements, at)
    if why is None or low == high:
        return None
    qty = _base(spec, low) - _base(spec, high)
    return Adjustment(why, at, at, qty, in_unit(spec, low), in_unit(spec, high))


def _judged(judgements: Iterable[Judgement], at: int) -> Why | None:
    for one in judgements:
        if one.kind in JOINTS and one.ts <= at <= (at if one.until is None else one.until):
            return Why(one.kind)
    return None


def _ratios(parts: Sequence[_Part], spec: RegisterSpec, start: int, end: int) -> list[Adjustment]:
    """Answer what ratios add, neighbouring frames of one factor together."""
    found: list[Adjustment] = []
    for n, part in enumerate(parts):
        factor = part.smallest / spec.smallest
        if factor == 1:
            continue
        counted = _rounded(part.high, part.smallest) - _rounded(part.low, part.smallest)
        qty = counted - (_base(spec, part.high) - _base(spec, part.low))
        at = max(part.at, start)
        until = parts[n + 1].at if n + 1 < len(parts) else end
        if found and found[-1].factor == factor and found[-1].until == at:
            at, qty = found[-1].at, found.pop().qty + qty
        found.append(Adjustment(Why.RATIO, at, until, qty, factor=factor))
    return found


def _boundary(frame: Frame, spec: RegisterSpec, instant: int, count: int | Fraction) -> Boundary:
    place = bisect_left(frame.times, instant)
    after = _knot(frame, spec, place) if place < len(frame.times) else None
    exact = after is not None and after.at == instant
    before = after if exact else _knot(frame, spec, place - 1) if place > 0 else None
    return Boundary(instant, in_unit(spec, count), before, after)


def _knot(frame: Frame, spec: RegisterSpec, place: int) -> Knot:
    return Knot(frame.times[place], in_unit(spec, frame.counts[place]))


def in_unit(spec: RegisterSpec, count: int | Fraction) -> Decimal:
    """Answer counts in the point's unit, rounded to ten decimals."""
    return decimal(Fraction(count) * spec.resolution)


def decimal(exact: Fraction) -> Decimal:
    """Answer a number rounded to ten decimals, half even, without trailing zeros."""
    scaled = exact * 10**10
    whole = half_even(scaled.numerator, scaled.denominator)
    return Decimal(whole).scaleb(-10).normalize() + 0


def _remarks(
    trace: Trace,
    spec: RegisterSpec,
    excluded: Iterable[tuple[int, int]],
    start: int,
    end: int,
) -> Iterable[Remark]:
    for one in trace.judgements:
        until = end if one.until is None else one.until
        if one.kind not in JOINTS and one.ts < end and until > start:
            yield Remark(Why(one.kind), one.ts, one.until, in_unit(spec, one.after))
    for low, high in excluded:
        if low < end and high > start:
            yield Remark(Why.EXCLUDED, low, min(high, end))
    yield from estimates(buckets(trace.curve, range(start, end + 1, QUARTER)))


def estimates(found: Iterable[Bucket]) -> Iterable[Remark]:
    """Answer stretches with estimated quantities, neighbouring quarter hours together."""
    running: Remark | None = None
    for one in found:
        if not one.estimated:
            continue
        if running is not None and running.until == one.start:
            running = Remark(
                Why.ESTIMATED, running.at, one.end, qty=(running.qty or 0) + one.estimated
            )
            continue
        if running is not None:
            yield running
        running = Remark(Why.ESTIMATED, one.start, one.end, qty=one.estimated)
    if running is not None:
        yield running
