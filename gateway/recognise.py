"""Which profile fits a device that answered: by its marks where it has some, else by what its
values look like. Nothing here is proof; a person still compares one value with the display.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from gateway.contract.profile import Kind, Point, Profile
from gateway.contract.units import UNITS
from gateway.validity import limits_of

PHASE_V = (80.0, 300.0)
LINE_V = (130.0, 520.0)
MEDIUM_V = 40_000.0
"""Above this no meter of a plant reads; below it a voltage off the usual ranges is possible."""
MAINS_HZ = (45.0, 65.0)
MOST = 2e9
"""No gauge of a plant reads more than this, in its unit."""
MOST_COUNTED = 1e9
"""Largest believable register, in its unit."""
LEAST = 1e-9
"""A number nearer to zero than this, but not zero, is the half of another one."""

TELLING, POSSIBLE, NOTHING, ODD = 3, 1, 0, -3


class Marks(IntEnum):
    """What a device answered where a profile's marks are; better ones sort higher."""

    OTHER = 0
    SILENT = 1
    NONE = 2
    """The profile has no marks."""
    FIT = 3


@dataclass(frozen=True, slots=True)
class Fit:
    """How well one profile fits a device."""

    profile: Profile
    marks: Marks
    plausible: int
    """Points whose values can be what they are said to be."""
    share: float
    """Evidence for the profile, 1 = all that its points could give."""

    @property
    def rank(self) -> tuple[bool, float, Marks, int]:
        """Better fits sort higher: marks that fit, then the values, then the more it explains."""
        return self.marks is Marks.FIT, round(self.share, 2), self.marks, self.plausible

    @property
    def is_candidate(self) -> bool:
        """Whether the device can be of this type."""
        return self.marks is Marks.FIT or (self.marks is not Marks.OTHER and self.share > 0.5)


def fit_of(profile: Profile, marks: Marks, values: Sequence[float | None]) -> Fit:
    """Judge the values of all points of a profile, in their order."""
    found = [evidence(point, value) for point, value in zip(profile.points, values, strict=True)]
    best = sum(_best(point) for point in profile.points)
    share = max(0, sum(found)) / best if best else 0.0
    return Fit(profile, marks, sum(part > NOTHING for part in found), share)


def ranked(fits: Sequence[Fit]) -> list[Fit]:
    """The fits that can be, best first."""
    candidates = sorted((fit for fit in fits if fit.is_candidate), key=lambda fit: fit.profile.name)
    return sorted(candidates, key=lambda fit: fit.rank, reverse=True)


def evidence(point: Point, value: float | None) -> int:
    """What a value says for (or against) the point being what it is said to be."""
    if value is None or 0 < abs(value) < LEAST:
        return ODD
    if value == 0 or point.kind is Kind.STATUS:
        return NOTHING
    if point.kind is Kind.REGISTER:
        return POSSIBLE if 0 < value < MOST_COUNTED else ODD
    measure = UNITS[point.unit]
    base = value * float(measure.base)
    if measure.dimension == "voltage":
        return _voltage(point, base)
    if measure.dimension == "frequency":
        return TELLING if _within(base, MAINS_HZ) else ODD
    return POSSIBLE if _within(value, limits_of(point) or (-MOST, MOST)) else ODD


def _best(point: Point) -> int:
    telling = point.kind is Kind.GAUGE and UNITS[point.unit].dimension in ("voltage", "frequency")
    return TELLING if telling else NOTHING if point.kind is Kind.STATUS else POSSIBLE


def _voltage(point: Point, volts: float) -> int:
    phases = point.key.partition("_")[2]
    if _within(volts, LINE_V if len(phases) == 2 else PHASE_V):
        return TELLING
    return POSSIBLE if 0 < volts < MEDIUM_V else ODD


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
