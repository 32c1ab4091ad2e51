"""Units of measure and the small `Quantity` that carries one; conversions are exact ratios.

A unit belongs to one dimension and is an exact number of that dimension's base unit. Converting
between dimensions is an error: a gas volume becomes energy only by a factor row, never here.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final


class UnknownUnit(ValueError):
    """No such unit in the table; the text names it."""


class WrongDimension(ValueError):
    """Two units that measure different things; the text names both."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its code as written on the wire and how many base units of its dimension it is."""

    code: str
    dimension: str
    base: Fraction

    def per(self, other: "Unit") -> Fraction:
        """Answer how many of `other` one of this unit is, exactly. Raises WrongDimension."""
        if self.dimension != other.dimension:
            raise WrongDimension(
                f"{self.code} measures {self.dimension}, {other.code} measures {other.dimension}"
            )
        return self.base / other.base

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured number with its unit. Accounts are not quantities but integers (EnergyType)."""

    value: float
    unit: Unit

    def to(self, unit: Unit) -> "Quantity":
        """Answer the same quantity in another unit of its dimension. Raises WrongDimension."""
        ratio = self.unit.per(unit)
        return Quantity(float(Fraction(self.value) * ratio), unit)

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit.code}"


# code, dimension, base units: energy J, power W, volume ml, mass mg, flow ml/h or mg/h.
_ROWS: Final[tuple[tuple[str, str, str], ...]] = (
    ("mWh", "energy", "18/5"),
    ("Wh", "energy", "3600"),
    ("kWh", "energy", "3600000"),
    ("MWh", "energy", "3600000000"),
    ("GWh", "energy", "3600000000000"),
    ("J", "energy", "1"),
    ("kJ", "energy", "1000"),
    ("MJ", "energy", "1000000"),
    ("GJ", "energy", "1000000000"),
    ("varh", "reactive energy", "1"),
    ("kvarh", "reactive energy", "1000"),
    ("Mvarh", "reactive energy", "1000000"),
    ("VAh", "apparent energy", "1"),
    ("kVAh", "apparent energy", "1000"),
    ("W", "power", "1"),
    ("kW", "power", "1000"),
    ("MW", "power", "1000000"),
    ("var", "reactive power", "1"),
    ("kvar", "reactive power", "1000"),
    ("Mvar", "reactive power", "1000000"),
    ("VA", "apparent power", "1"),
    ("kVA", "apparent power", "1000"),
    ("MVA", "apparent power", "1000000"),
    ("V", "voltage", "1"),
    ("kV", "voltage", "1000"),
    ("mV", "voltage", "1/1000"),
    ("A", "current", "1"),
    ("mA", "current", "1/1000"),
    ("kA", "current", "1000"),
    ("Hz", "frequency", "1"),
    ("ml", "volume", "1"),
    ("l", "volume", "1000"),
    ("m3", "volume", "1000000"),
    # Gas at reference conditions; gas is accounted at the conditions its meter is corrected to.
    ("Nm3", "volume", "1000000"),
    ("l/h", "volume flow", "1000"),
    ("l/min", "volume flow", "60000"),
    ("l/s", "volume flow", "3600000"),
    ("m3/h", "volume flow", "1000000"),
    ("m3/min", "volume flow", "60000000"),
    ("Nm3/h", "volume flow", "1000000"),
    ("mg", "mass", "1"),
    ("g", "mass", "1000"),
    ("kg", "mass", "1000000"),
    ("t", "mass", "1000000000"),
    ("kg/h", "mass flow", "1000000"),
    ("t/h", "mass flow", "1000000000"),
    ("Pa", "pressure", "1"),
    ("hPa", "pressure", "100"),
    ("kPa", "pressure", "1000"),
    ("bar", "pressure", "100000"),
    ("MPa", "pressure", "1000000"),
    ("degC", "temperature", "1"),
    ("%", "ratio", "1/100"),
    ("1", "ratio", "1"),
    ("deg", "angle", "1"),
    ("count", "count", "1"),
    ("pcs", "count", "1"),
    ("ms", "time", "1/1000"),
    ("s", "time", "1"),
    ("min", "time", "60"),
    ("h", "time", "3600"),
    ("d", "time", "86400"),
    ("kgce", "coal equivalent", "1"),
    ("tce", "coal equivalent", "1000"),
    ("kgCO2", "carbon dioxide", "1"),
    ("tCO2", "carbon dioxide", "1000"),
)

UNITS: Final[dict[str, Unit]] = {
    code: Unit(code, dimension, Fraction(base)) for code, dimension, base in _ROWS
}


def unit(code: str) -> Unit:
    """Answer the unit of this code. Raises UnknownUnit with the codes there are."""
    try:
        return UNITS[code]
    except KeyError:
        raise UnknownUnit(f"unknown unit {code!r}; known are {', '.join(UNITS)}") from None
