"""Calorific values of batches: kilograms of coal equivalent of one smallest unit, from what a
supplier writes (MJ/kg, kcal/kg, GJ/t, kgce/t ...).

1 kgce = 29.3076 MJ = 7000 kcal (GB/T 2589-2020). The coefficient per the supplier's unit is rounded
once, half even, to ten decimals; everything after is exact.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Final

from gateway.contract.energy import EnergyType
from gateway.contract.units import UnknownUnit, WrongDimension, unit

KGCE: Final = {
    "kJ": Decimal(1000) * Decimal("29.3076"),
    "MJ": Decimal("29.3076"),
    "GJ": Decimal("29.3076") / 1000,
    "kcal": Decimal(7000),
    "kgce": Decimal(1),
    "tce": Decimal(1) / 1000,
}
"""How many of a heat unit are one kgce."""
TEN_DECIMALS: Final = Decimal(1).scaleb(-10)


class CalorificError(ValueError):
    """A calorific value in a unit that does not fit its energy; the text names both."""


def kgce_per_smallest(value: Decimal, written: str, energy: EnergyType) -> Decimal:
    """Answer kgce of one smallest unit of an energy from `value` in heat per quantity (`MJ/kg`).

    Raises CalorificError.
    """
    heat, _, per = written.replace(" ", "").partition("/")
    try:
        per_smallest = power_of_ten(energy.per_point_unit(unit(per).code))
    except (UnknownUnit, WrongDimension) as error:
        raise CalorificError(f"{written} does not fit {energy.unit}") from error
    if heat not in KGCE or per_smallest is None:
        raise CalorificError(f"{written} does not begin with one of {', '.join(KGCE)}")
    coefficient = (value / KGCE[heat]).quantize(TEN_DECIMALS, ROUND_HALF_EVEN)
    return coefficient.scaleb(-per_smallest)


def power_of_ten(ratio: Fraction) -> int | None:
    """Answer n where a ratio is 10^n; None for any other, which no decimal could carry exactly."""
    great, small = str(ratio.numerator), str(ratio.denominator)
    if great.rstrip("0") != "1" or small.rstrip("0") != "1":
        return None
    return len(great) - len(small)
