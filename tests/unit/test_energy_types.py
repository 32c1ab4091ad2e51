"""Every energy type keeps the promises that accounts rely on; rows need no test of their own."""

import math
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import pytest

from gateway.contract.energy import (
    ROWS,
    SCOPES,
    STATES,
    EnergyType,
    EnergyTypeError,
    energy_type,
    energy_types,
    load,
)
from gateway.contract.units import UNITS, Quantity, UnknownUnit, WrongDimension, unit

ALL = tuple(energy_types().values())
BIGINT = 2**63 - 1


@pytest.mark.parametrize("energy", ALL, ids=lambda e: e.code)
def test_a_row_is_whole(energy: EnergyType) -> None:
    assert set(energy.name) == {"en", "zh-CN"}
    assert all(energy.name.values())
    assert energy.i18n == f"energy.{energy.code}"
    assert energy.unit.per(energy.smallest_unit) == energy.smallest_per_unit
    assert Decimal(energy.smallest_per_unit) == Decimal(10) ** energy.decimals


@pytest.mark.parametrize("energy", ALL, ids=lambda e: e.code)
def test_ten_years_of_a_giant_plant_fit_a_bigint(energy: EnergyType) -> None:
    # 100,000 units an hour: 100 MW, 100,000 m3/h of gas, 100,000 pieces an hour.
    assert 100_000 * 87_660 * energy.smallest_per_unit < BIGINT


@pytest.mark.parametrize("energy", ALL, ids=lambda e: e.code)
def test_factors_are_positive_sourced_and_unconfirmed_until_a_person_does(
    energy: EnergyType,
) -> None:
    for factor in energy.factors:
        biogenic = factor.source.startswith("biogenic")
        assert (factor.value == 0) if biogenic else (factor.value > 0)
        assert factor.source
        assert factor.scope == SCOPES.get(factor.basis)
        assert factor.confirmed_by is None
    keys = [(f.substance, f.basis, f.valid_from) for f in energy.factors]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("energy", ALL, ids=lambda e: e.code)
def test_display_is_exact_both_ways(energy: EnergyType) -> None:
    qty = 123_456_789_012_345_678
    assert int(energy.display(qty) * energy.smallest_per_unit) == qty
    assert energy.per_point_unit(energy.unit.code) == energy.smallest_per_unit
    assert energy.display(energy.smallest_per_unit) == 1


def test_at_least_sixteen_energies_of_every_state() -> None:
    assert len({e.code for e in ALL}) == len(ALL)
    assert len([e for e in ALL if e.state != "product"]) >= 16
    assert {e.state for e in ALL} == set(STATES)
    for energy in ALL:
        coal = any(f.substance == "kgce" for f in energy.factors)
        assert coal == (energy.state != "product"), energy.code


LIGHT, DARK = "#ffffff", "#151a21"
"""Surfaces of the app (pwa/src/app.css)."""


def linear(colour: str) -> list[float]:
    """Red, green and blue as light, 0 to 1 (sRGB)."""
    shown = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in shown]


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast of two colours."""
    dark, light = sorted(
        sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True)) + 0.05
        for colour in (one, other)
    )
    return light / dark


def lab(colour: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65), where distances are about what eyes tell apart."""
    red, green, blue = linear(colour)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    a, b, c = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


@pytest.mark.parametrize("energy", ALL, ids=lambda e: e.code)
def test_a_colour_is_seen_on_light_and_dark(energy: EnergyType) -> None:
    assert contrast(energy.colour, LIGHT) >= 3
    assert contrast(energy.colour, DARK) >= 3


def test_colours_are_told_apart() -> None:
    for one, other in combinations(ALL, 2):
        assert math.dist(lab(one.colour), lab(other.colour)) >= 15, (one.code, other.code)


def test_point_units_convert_exactly() -> None:
    assert energy_type("electricity").per_point_unit("MWh") == 10**9
    assert energy_type("electricity").per_point_unit("MJ") == Fraction(10**6 * 10, 36)
    assert energy_type("heat").per_point_unit("kWh") == 3600
    assert energy_type("natural_gas").per_point_unit("l") == 1000
    with pytest.raises(WrongDimension, match="kWh measures energy, m3 measures volume"):
        energy_type("natural_gas").per_point_unit("kWh")


def test_published_coefficients() -> None:
    values = {(e.code, f.substance, f.basis): f.value for e in ALL for f in e.factors}
    assert values["electricity", "kgce", "calorific"] == Decimal("0.1229")
    assert values["electricity", "kgco2", "location"] == Decimal("0.5306")
    assert values["lpg", "kgce", "calorific"] == Decimal("1.7143")
    assert values["diesel", "kgco2", "combustion"] == Decimal("3.0959")
    # 41.816 GJ/t x 0.02110 tC/GJ x 0.98 x 44/12, and 1 kg of CH4 a TJ x GWP 28.
    assert values["fuel_oil", "kgco2", "combustion"] == Decimal("3170.5")
    assert values["natural_gas", "kgco2e_ch4", "combustion"] == Decimal("0.00109")
    assert values["softened_water", "kgce", "equivalent"] == Decimal("0.4857")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("smallest_per_unit: 1000000", "smallest_per_unit: 1000", "one kWh is not 1000 mWh"),
        ("unit: kWh", "unit: kWx", "unknown unit 'kWx'"),
        ('"#2f6fde"', '"blue"', "is not #rrggbb"),
        ("substance: kgce", "substance: kgso2", "unknown substance 'kgso2'"),
        ("basis: location, scope: 2", "basis: location, scope: 1", "is of scope 2, not 1"),
        ("basis: calorific", "basis: market", "kgce has no basis 'market'"),
        ("state: electric", "state: plasma", "unknown state 'plasma'"),
        ("  unit: kWh\n", "", "'unit' is missing"),
        ("dimension: energy", "dimension: volume", "kWh measures energy, not 'volume'"),
        ('"0.1229"', "0.1229", "0.1229 is not a text"),
    ],
)
def test_a_wrong_row_says_what_is_wrong(old: str, new: str, message: str) -> None:
    text = ROWS.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(EnergyTypeError, match=message) as caught:
        load(text.replace(old, new, 1))
    assert "row 1 (electricity)" in str(caught.value)


def test_unknown_codes_name_the_known() -> None:
    with pytest.raises(EnergyTypeError, match=r"unknown energy type 'ether'; known are elec"):
        energy_type("ether")
    with pytest.raises(UnknownUnit, match="unknown unit 'furlong'"):
        unit("furlong")


def test_a_quantity_carries_its_unit() -> None:
    assert Quantity(4217.5, unit("W")).to(unit("kW")) == Quantity(4.2175, unit("kW"))
    assert str(Quantity(4217.5, unit("W"))) == "4217.5 W"
    with pytest.raises(WrongDimension):
        Quantity(1, unit("W")).to(unit("kWh"))


def test_unit_codes_are_their_own_names() -> None:
    assert all(code == one.code for code, one in UNITS.items())
    assert unit("MWh").per(unit("kWh")) == 1000
    assert unit("GJ").per(unit("kWh")) == Fraction(2500, 9)
