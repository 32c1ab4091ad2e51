"""What the months of a span show, put together: who was suspected from which month to which. Pure.

Months in a row that suspect the same of the same meter are one pattern; one in which too little is
known to tell divides none. A month in which a fault began or ended shows a part of what its factor
explains, and looks like a consumer without a meter: it belongs to the pattern beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from backend.service.balance.suspects import SAME, Suspicion

ROUGHLY: Final = 1.1
"""What a factor explains of a month, and losses on the way."""


@dataclass(frozen=True, slots=True)
class Month:
    """What one month shows: a suspicion, or None; `told` whether enough was known to suspect.

    `missing` is its residual, `counted` what each part counted (None: the place itself), integers
    of the energy's smallest unit.
    """

    start: datetime
    end: datetime
    suspicion: Suspicion | None
    told: bool
    missing: int
    counted: Mapping[int | None, int]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A suspicion with the numbers of the month that shows it best, and the months that show it.

    [start, end) are those in which it shows all the time.
    """

    suspicion: Suspicion
    start: datetime
    end: datetime


def patterns(months: Sequence[Month]) -> list[Pattern]:
    """Answer what months in time's order show, newest first."""
    found: list[Pattern] = []
    for month in _without_edges(months):
        last = found[-1] if found else None
        one = month.suspicion
        if one is None:
            continue
        if last and _same(last.suspicion, one) and _on_end(months, last.end, month.start):
            better = max(one, last.suspicion, key=lambda each: each.evidence.quarters)
            found[-1] = replace(last, suspicion=better, end=month.end)
        else:
            found.append(Pattern(one, month.start, month.end))
    return found[::-1]


def _without_edges(months: Sequence[Month]) -> list[Month]:
    """Months without those suspicions that the factor of the month before or after explains."""
    cleared = []
    for number, month in enumerate(months):
        beside = [*months[max(0, number - 1) : number], *months[number + 1 : number + 2]]
        explained = any(_explains(other.suspicion, month) for other in beside)
        cleared.append(replace(month, suspicion=None) if explained else month)
    return cleared


def _explains(other: Suspicion | None, month: Month) -> bool:
    """Whether a month's missing meter is no more than a part of what a factor beside it does."""
    one = month.suspicion
    if one is None or one.evidence.factor is not None:
        return False
    if other is None or other.evidence.factor is None:
        return False
    whole = (other.evidence.factor - 1) * month.counted.get(other.part, 0) * ROUGHLY
    return abs(month.missing) <= abs(whole) and (month.missing > 0) == (whole > 0)


def _same(one: Suspicion, other: Suspicion) -> bool:
    """Whether two months suspect the same of the same meter."""
    if (one.fault, one.part) != (other.fault, other.part):
        return False
    first, second = one.evidence.factor, other.evidence.factor
    if first is None or second is None:
        return first is second
    return abs(first - second) <= SAME * abs(first)


def _on_end(months: Sequence[Month], end: datetime, start: datetime) -> bool:
    """Whether nothing between could have shown it."""
    return not any(month.told for month in months if end <= month.start < start)
