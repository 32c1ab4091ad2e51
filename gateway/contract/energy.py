"""Energy types as frozen rows of `energy_types.yaml`; everything that has one iterates these.

Accounts count integers of the type's smallest unit. `EnergyType.per_point_unit` is the exact number
of them in one of a point's unit, `EnergyType.display` the way back in the last layer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

from gateway.contract.documents import SafeLoader
from gateway.contract.units import Unit, UnknownUnit, WrongDimension, unit

ROWS: Final = Path(__file__).with_name("energy_types.yaml")
INTEGRALS: Final = {
    "power": ("energy", 3600),
    "reactive power": ("reactive energy", 1),
    "apparent power": ("apparent energy", 1),
    "volume flow": ("volume", 1),
    "mass flow": ("mass", 1),
}
"""What a rate makes in time, and how many base units of it one base unit makes in an hour."""
SUBSTANCES: Final = ("kgce", "kgco2", "kgco2e_ch4", "kgco2e_n2o")
"""Coal equivalent, CO2, and methane and nitrous oxide in kg of CO2 equivalent."""
STATES: Final = ("electric", "solid", "liquid", "gas", "heat", "medium", "product")
COAL_BASES: Final = frozenset({"calorific", "equivalent"})
SCOPES: Final = {"combustion": 1, "location": 2, "market": 2, "purchased": 2}
"""Scope of an emission by its factor's basis: 1 combustion on site, 2 bought power and heat."""


class EnergyTypeError(ValueError):
    """A row that cannot be used; the text names the row and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class DefaultFactor:
    """A published factor per display unit, a project's first row until a person sets its own."""

    substance: str
    value: Decimal
    basis: str
    scope: int | None
    source: str
    valid_from: date
    confirmed_by: str | None


@dataclass(frozen=True, slots=True)
class EnergyType:
    """What is metered and accounted: its state, units, colour, text key and factors."""

    code: str
    name: Mapping[str, str]
    i18n: str
    state: str
    unit: Unit
    smallest_unit: Unit
    smallest_per_unit: int
    colour: str
    factors: tuple[DefaultFactor, ...]

    def per_point_unit(self, point_unit: str) -> Fraction:
        """Answer how many smallest units one of a point's unit is, exactly.

        Raises UnknownUnit or WrongDimension.
        """
        return unit(point_unit).per(self.unit) * self.smallest_per_unit

    def per_point_unit_hour(self, gauge_unit: str) -> Fraction:
        """Answer how many smallest units one of a gauge's unit makes in an hour, exactly.

        Power makes energy, flow makes volume or mass. Raises UnknownUnit or WrongDimension.
        """
        rate = unit(gauge_unit)
        integral, base_units_an_hour = INTEGRALS.get(rate.dimension, (rate.dimension, 1))
        if integral != self.unit.dimension or integral == rate.dimension:
            raise WrongDimension(
                f"{rate.code} measures {rate.dimension}, in time no {self.unit.dimension}"
            )
        return rate.base * base_units_an_hour / self.smallest_unit.base

    def display(self, qty: int) -> Decimal:
        """Answer an account in the display unit, exactly (smallest_per_unit is a power of ten)."""
        return Decimal(qty).scaleb(-self.decimals)

    @property
    def decimals(self) -> int:
        """Digits of the smallest unit behind the display unit's point."""
        return len(str(self.smallest_per_unit)) - 1


@cache
def energy_types() -> Mapping[str, EnergyType]:
    """Answer all energy types by code, in the file's order. Raises EnergyTypeError."""
    return load(ROWS.read_text(encoding="utf-8"))


def energy_type(code: str) -> EnergyType:
    """Answer the energy type of this code. Raises EnergyTypeError with the codes there are."""
    types = energy_types()
    if code not in types:
        raise EnergyTypeError(f"unknown energy type {code!r}; known are {', '.join(types)}")
    return types[code]


def load(text: str) -> Mapping[str, EnergyType]:
    """Read rows from YAML. Raises EnergyTypeError."""
    rows: object = yaml.load(text, SafeLoader)  # noqa: S506 - a safe loader, in C where there is one
    if not isinstance(rows, list):
        raise EnergyTypeError("energy types are a list of rows")
    types: dict[str, EnergyType] = {}
    for number, row in enumerate(rows, start=1):
        energy = _row(number, row)
        if energy.code in types:
            raise EnergyTypeError(f"row {number}: {energy.code} is there twice")
        types[energy.code] = energy
    return MappingProxyType(types)


def _row(number: int, row: object) -> EnergyType:
    if not isinstance(row, dict):
        raise EnergyTypeError(f"row {number}: not a mapping")
    where = f"row {number} ({row.get('code')})"
    try:
        energy = EnergyType(
            code=_text(row["code"]),
            name=MappingProxyType({str(k): _text(v) for k, v in row["name"].items()}),
            i18n=_text(row["i18n"]),
            state=_text(row["state"]),
            unit=unit(_text(row["unit"])),
            smallest_unit=unit(_text(row["smallest_unit"])),
            smallest_per_unit=int(row["smallest_per_unit"]),
            colour=_text(row["colour"]),
            factors=tuple(_factor(one) for one in row["factors"]),
        )
    except KeyError as missing:
        raise EnergyTypeError(f"{where}: {missing} is missing") from missing
    except (UnknownUnit, TypeError, ValueError, ArithmeticError) as error:
        raise EnergyTypeError(f"{where}: {error}") from error
    wrong = _contradiction(energy, _text(row.get("dimension", "")))
    if wrong:
        raise EnergyTypeError(f"{where}: {wrong}")
    return energy


def _contradiction(energy: EnergyType, dimension: str) -> str | None:
    """Answer what in a row contradicts itself; None when nothing does."""
    if energy.unit.dimension != dimension:
        return f"{energy.unit} measures {energy.unit.dimension}, not {dimension!r}"
    if energy.unit.per(energy.smallest_unit) != energy.smallest_per_unit:
        return f"one {energy.unit} is not {energy.smallest_per_unit} {energy.smallest_unit}"
    if not re.fullmatch("10*", str(energy.smallest_per_unit)):
        return "smallest_per_unit is not a power of ten"
    if not re.fullmatch("#[0-9a-f]{6}", energy.colour):
        return f"colour {energy.colour!r} is not #rrggbb"
    if energy.state not in STATES:
        return f"unknown state {energy.state!r}; known are {', '.join(STATES)}"
    return next((wrong for one in energy.factors if (wrong := _wrong_factor(one))), None)


def _wrong_factor(factor: DefaultFactor) -> str | None:
    if factor.substance not in SUBSTANCES:
        return f"unknown substance {factor.substance!r}"
    if factor.basis not in bases_of(factor.substance):
        return f"{factor.substance} has no basis {factor.basis!r}"
    wanted = SCOPES.get(factor.basis)
    if factor.scope != wanted:
        return f"{factor.substance} by {factor.basis} is of scope {wanted}, not {factor.scope}"
    return None


def bases_of(substance: str) -> frozenset[str]:
    """Answer what a substance's factors may stand on."""
    return COAL_BASES if substance == "kgce" else frozenset(SCOPES)


def _factor(row: Mapping[str, object]) -> DefaultFactor:
    confirmed = row["confirmed_by"]
    return DefaultFactor(
        substance=_text(row["substance"]),
        value=Decimal(_text(row["value"])),
        basis=_text(row["basis"]),
        scope=_scope(row.get("scope")),
        source=_text(row["source"]),
        valid_from=date.fromisoformat(_text(row["valid_from"])),
        confirmed_by=None if confirmed is None else _text(confirmed),
    )


def _scope(value: object) -> int | None:
    if value is not None and not isinstance(value, int):
        raise TypeError(f"scope {value!r} is not a number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text (quote it)")
    return value
