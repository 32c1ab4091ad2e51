"""Values that cannot be: outside what a point can mean they are suspect, kept, and said so.

The limits of a point come from its profile (`valid: [low, high]`); where it has none, gauges have
those of their unit that are used in the field (domain.md 3.1, rule 9).
"""

import math
from collections.abc import Mapping, Sequence

from gateway.contract.profile import Kind, Point
from gateway.contract.quality import Quality
from gateway.messages import NO_DOUBTS, Doubt

LIMITS: Mapping[str, tuple[float, float]] = {
    "V": (0.0, 200_000.0),
    "kV": (0.0, 200.0),
    "A": (-10_000.0, 10_000.0),
    "W": (-2e9, 2e9),
    "kW": (-2e6, 2e6),
    "degC": (-100.0, 1_500.0),
    "Hz": (0.0, 1_000.0),
}
POWER_FACTORS = frozenset({"pf", "pf_a", "pf_b", "pf_c"})
POWER_FACTOR_LIMIT = 1.001
"""One count above 1 is rounding, not a fault."""
REASON = "out of range"


def limits_of(point: Point) -> tuple[float, float] | None:
    """Between which values a point can be, in its unit; None = any number."""
    if point.valid is not None:
        return point.valid
    if point.kind is not Kind.GAUGE:
        return None
    if point.key in POWER_FACTORS:
        return -POWER_FACTOR_LIMIT, POWER_FACTOR_LIMIT
    return LIMITS.get(point.unit)


class Validity:
    """The limits of one device's points."""

    def __init__(self, points: Sequence[Point]) -> None:
        found = [(index, limits_of(point)) for index, point in enumerate(points)]
        self._limits = [(index, *limits) for index, limits in found if limits is not None]
        self._by_index = {index: (low, high) for index, low, high in self._limits}

    def doubts(self, values: Sequence[float | None]) -> Mapping[int, Doubt]:
        """Which of the first values cannot be; empty when all can."""
        count = len(values)
        doubts: dict[int, Doubt] = {}
        for index, low, high in self._limits:
            if index >= count:
                break
            value = values[index]
            if value is not None and not low <= value <= high:
                doubts[index] = (Quality.SUSPECT, REASON)
        return doubts or NO_DOUBTS

    def doubt(self, index: int, value: float | None) -> Doubt | None:
        """Why one point's value cannot be; None when it can."""
        low, high = self._by_index.get(index, (-math.inf, math.inf))
        return None if value is None or low <= value <= high else (Quality.SUSPECT, REASON)
