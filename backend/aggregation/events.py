"""What people know of a register that its readings do not say; the engine obeys it. Pure.

Instants are integer microseconds since 1970 UTC, a span is [start, end).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Final, NamedTuple

Sample = tuple[int, int, int]
"""Instant, counts, quality."""
ALWAYS: Final = 2**200
"""Later than every instant: where what has no end ends."""


class Exchange(NamedTuple):
    """A recorded meter exchange: readings at or after `ts` are the new meter's. Counts."""

    ts: int
    final: int
    initial: int


class Ratio(NamedTuple):
    """What the register counts in [ts, until) is `factor` times as much: a wrong CT or PT ratio."""

    ts: int
    until: int
    factor: Fraction


class Span(NamedTuple):
    """A stretch of time."""

    start: int
    end: int


class Step(NamedTuple):
    """From `ts` on the register counts `factor` times."""

    ts: int
    factor: int | Fraction


@dataclass(frozen=True, slots=True)
class Events:
    """All that is known of a register: exchanges, excluded and planned spans rise in time.

    Readings in `excluded` are no readings. From each instant of `changed` on accounts are suspect.
    In `planned` the feeder is switched off: R is flat there inside a gap.
    """

    exchanges: Sequence[Exchange] = ()
    ratios: Sequence[Ratio] = ()
    excluded: Sequence[Span] = ()
    changed: Sequence[int] = ()
    planned: Sequence[Span] = ()

    def kept(self, readings: Sequence[Sample]) -> Sequence[Sample]:
        """Answer the readings that are not excluded."""
        if not self.excluded:
            return readings
        return [one for one in readings if not any(s <= one[0] < e for s, e in self.excluded)]

    def steps(self) -> list[Step]:
        """Answer the factor as steps that rise in time; it is 1 before the first.

        Where ratios overlap their factors multiply.
        """
        cuts = sorted({one.ts for one in self.ratios} | {one.until for one in self.ratios})
        return [
            Step(cut, prod([r.factor for r in self.ratios if r.ts <= cut < r.until], start=1))
            for cut in cuts
        ]


NOTHING: Final = Events()


def mean_factor(steps: Sequence[Step], start: int, end: int) -> int | Fraction:
    """Answer the factor over [start, end], weighted by time; the one at `start` when it is empty.

    So energy that rose evenly between two readings is `mean` times what the register counted.
    """
    place = bisect_right(steps, start, key=_instant)
    factor = steps[place - 1].factor if place else 1
    if place == len(steps) or steps[place].ts >= end:
        return factor
    total, at = Fraction(0), start
    for step in steps[place:]:
        if step.ts >= end:
            break
        total += factor * (step.ts - at)
        at, factor = step
    return (total + factor * (end - at)) / (end - start)


def _instant(step: Step) -> int:
    return step.ts
