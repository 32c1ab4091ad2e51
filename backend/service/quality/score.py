"""The data quality score: a published formula of five shares, each with its count and its whole.

100 * (0.4 completeness + 0.2 timeliness + 0.2 plausible share + 0.1 calibration in date + 0.1
balance ok). The weights are our choice. A share whose whole is nothing (no balance above or below)
is left out and the other weights are scaled up to 1; a meter whose calibration date nobody entered
counts as not in date.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Aspect(StrEnum):
    """One of the five; texts under `quality.<value>`."""

    COMPLETENESS = "completeness"
    TIMELINESS = "timeliness"
    PLAUSIBLE = "plausible"
    CALIBRATION = "calibration"
    BALANCE = "balance"


WEIGHTS: Final[Mapping[Aspect, Decimal]] = MappingProxyType(
    {
        Aspect.COMPLETENESS: Decimal("0.4"),
        Aspect.TIMELINESS: Decimal("0.2"),
        Aspect.PLAUSIBLE: Decimal("0.2"),
        Aspect.CALIBRATION: Decimal("0.1"),
        Aspect.BALANCE: Decimal("0.1"),
    }
)
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Share:
    """`numerator` of `denominator`: seconds, quarter hours, days or balances."""

    numerator: int
    denominator: int

    def plus(self, other: "Share") -> "Share":
        """Answer both together, as a node counts its meters."""
        return Share(self.numerator + other.numerator, self.denominator + other.denominator)


Shares = Mapping[Aspect, Share]
NOTHING: Final = Share(0, 0)


def total(parts: Iterable[Shares]) -> dict[Aspect, Share]:
    """Answer the shares of several meters as one."""
    found = dict.fromkeys(Aspect, NOTHING)
    for part in parts:
        found = {aspect: share.plus(part[aspect]) for aspect, share in found.items()}
    return found


def score(shares: Shares) -> Decimal | None:
    """Answer the score, 0.0 to 100.0 with one decimal, half even; None without anything known."""
    known = {aspect: share for aspect, share in shares.items() if share.denominator}
    weight = sum((WEIGHTS[aspect] for aspect in known), Decimal(0))
    if not weight:
        return None
    points = sum(
        (WEIGHTS[aspect] * share.numerator / share.denominator for aspect, share in known.items()),
        Decimal(0),
    )
    return (100 * points / weight).quantize(_TENTH, ROUND_HALF_EVEN)
