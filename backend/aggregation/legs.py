"""One leg of R: how it rises between two accepted readings. Pure.

Straight, but flat while the feeder was switched off by plan, if the leg is a gap: what the register
counted over the gap then flowed in the rest of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from backend.aggregation.events import Span


@dataclass(frozen=True, slots=True)
class Leg:
    """R from `low` at `start` to `high` at `end` (counts), flat in `flat`; microseconds."""

    start: int
    end: int
    low: int
    high: int
    flat: Sequence[Span] = ()

    def at(self, instant: int) -> int | Fraction:
        """Answer the count at an instant of the leg, exactly."""
        if self.low == self.high:
            return self.low
        flat = sum(max(0, min(end, instant) - start) for start, end in self.flat)
        return self.low + Fraction(
            (self.high - self.low) * (instant - self.start - flat), self.lasting
        )

    @property
    def lasting(self) -> int:
        """Microseconds in which R may rise."""
        return self.end - self.start - sum(end - start for start, end in self.flat)

    def rising(self) -> list[Span]:
        """Answer the stretches between the flat ones."""
        spans, at = [], self.start
        for start, end in self.flat:
            if start > at:
                spans.append(Span(at, start))
            at = end
        if at < self.end:
            spans.append(Span(at, self.end))
        return spans


def leg_over(
    start: int, end: int, low: int, high: int, *, gap: bool, planned: Sequence[Span]
) -> Leg:
    """Answer the leg between two readings.

    Where a register counted although the whole gap was planned off, the plan was not kept.
    """
    if not gap or not planned:
        return Leg(start, end, low, high)
    leg = Leg(start, end, low, high, planned_within(planned, start, end))
    return leg if leg.lasting or high == low else Leg(start, end, low, high)


def planned_within(planned: Sequence[Span], start: int, end: int) -> list[Span]:
    """Answer the parts of rising spans that lie in [start, end], those that touch as one."""
    found: list[Span] = []
    for span in planned:
        low, high = max(span.start, start), min(span.end, end)
        if low >= high:
            continue
        if found and low <= found[-1].end:
            found[-1] = Span(found[-1].start, max(high, found[-1].end))
        else:
            found.append(Span(low, high))
    return found
