"""Standard primary currents of current transformers, and which mix-up makes which factor.

Primary currents: 10 12.5 15 20 25 30 40 50 60 75 A and their decimal multiples (GB/T 20840.2,
IEC 61869-2, table of standard values).
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

DECADE: Final = tuple(Fraction(one, 2) for one in (20, 25, 30, 40, 50, 60, 80, 100, 120, 150))
SIZES: Final = tuple(size * power for power in (1, 10, 100) for size in DECADE)
"""10 A to 7,500 A."""
STEPS: Final = 3
"""Sizes that lie further apart are not taken for one another."""
SHOWN: Final = 3
LOW, HIGH = Fraction(985, 1000), Fraction(1025, 1000)
"""A branch's own cable losses and two meters' classes make a measured factor this much smaller or
larger than the quotient of the sizes.
"""


@dataclass(frozen=True, slots=True)
class Mixup:
    """A ratio that is set and the one that is installed, as `150/5` and `200/5`."""

    ratio: Fraction
    configured: str
    installed: str


def mixups(factor: float) -> tuple[Mixup, ...]:
    """Answer pairs of sizes whose quotient is nearest to what a meter must be multiplied by.

    The commonest sizes first (100 to 300 A); empty where no quotient lies near.
    """
    near = [(ratio, abs(factor / ratio - 1)) for ratio in _QUOTIENTS if _fits(factor, ratio)]
    if not near:
        return ()
    ratio = min(near, key=lambda pair: pair[1])[0]
    pairs = sorted(_QUOTIENTS[ratio], key=lambda pair: abs(pair[0] + pair[1] - 350))
    return tuple(Mixup(ratio, f"{_amps(one)}/5", f"{_amps(two)}/5") for one, two in pairs[:SHOWN])


def _fits(factor: float, ratio: Fraction) -> bool:
    return LOW <= factor / ratio <= HIGH


def _quotients() -> dict[Fraction, list[tuple[Fraction, Fraction]]]:
    found: dict[Fraction, list[tuple[Fraction, Fraction]]] = {}
    for distance in range(1, STEPS + 1):
        for one, two in zip(SIZES, SIZES[distance:], strict=False):
            found.setdefault(two / one, []).append((one, two))
            found.setdefault(one / two, []).append((two, one))
    return found


_QUOTIENTS: Final = _quotients()
NEAREST: Final = min(two / one for one, two in pairwise(SIZES))
"""The smallest factor that is a mix-up: 6/5."""


def _amps(size: Fraction) -> str:
    return f"{float(size):g}"
