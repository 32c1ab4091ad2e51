"""Expressions of virtual meters: exact arithmetic with units, and clear refusals."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.expression import MOST_NESTED, check, names, parse, value
from backend.aggregation.virtual import MOST_DEEP, Place, Row, Virtual, depths, quarter, resolved
from backend.core.errors import InvalidInput
from gateway.contract.energy import energy_type
from gateway.contract.quality import Quality

POWER, GAS = energy_type("electricity"), energy_type("natural_gas")
ENERGIES = {"a": POWER, "b": POWER, "c-1": POWER, "10kv": POWER, "gas": GAS}
GOOD, ESTIMATED = Quality.GOOD, Quality.ESTIMATED
numbers = st.fractions(-1000, 1000, max_denominator=60)


@given(a=numbers, b=numbers, c=numbers)
def test_arithmetic_is_what_it_says(a: Fraction, b: Fraction, c: Fraction) -> None:
    given = {"a": a, "b": b, "c-1": c}
    for text, wanted in {
        "a - b - c-1": a - b - c,
        "a - (b - c-1)": a - b + c,
        "2 * a + b / 4 * 3": 2 * a + b * Fraction(3, 4),
        "-a * -2": 2 * a,
        "0.1 * a + 0.2 * a": Fraction(3, 10) * a,
        "min(a, b, c-1) + max(a, b) - abs(c-1)": min(a, b, c) + max(a, b) - abs(c),
    }.items():
        assert value(parse(text), given) == wanted, text


def test_names_are_those_it_is_over() -> None:
    tree = parse("10kv - (c-1 + min(a, 0 * b)) - max")
    assert names(tree) == {"10kv", "c-1", "a", "b", "max"}
    # A minus stands between spaces, else it belongs to the name.
    assert names(parse("a--b")) == {"a--b"}


@pytest.mark.parametrize(
    "text",
    [
        "a + b - 10kv",
        "a * 0.5",
        "a * (b / (b + c-1))",
        "gas * 9.8 [kWh/m3] + a",
        "a + 0.25 [kWh] + 1 [MJ]",
        "gas * a / (gas * 1 [m3/m3]) * 1 [m3/m3]",
        "max(a, gas * 35 [MJ/Nm3])",
        "abs(a - b) / 2",
    ],
)
def test_units_that_fit(text: str) -> None:
    check(parse(text), ENERGIES, POWER)


@pytest.mark.parametrize(
    ("text", "code", "params"),
    [
        ("a + gas", "expression_units", {"left": "electricity", "right": "natural_gas"}),
        ("a + 5", "expression_units", {"left": "electricity", "right": "1"}),
        ("min(a, 0)", "expression_units", {"left": "electricity", "right": "1"}),
        ("gas", "expression_result", {"found": "natural_gas", "wanted": "electricity"}),
        ("gas * 3", "expression_result", {"found": "natural_gas", "wanted": "electricity"}),
        ("a / b", "expression_result", {"found": "1", "wanted": "electricity"}),
        ("a * b", "expression_result", {"found": "energy^2", "wanted": "electricity"}),
        ("gas * 9.8 [kWh/t]", "expression_result",
         {"found": "energy mass^-1 volume", "wanted": "electricity"}),
    ],
)  # fmt: skip
def test_units_that_do_not_fit(text: str, code: str, params: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(parse(text), ENERGIES, POWER)
    assert (refused.value.error_code, dict(refused.value.params)) == (code, params)


def test_two_energies_of_one_unit_are_not_added() -> None:
    water = energy_type("water")
    with pytest.raises(InvalidInput, match="expression_units"):
        check(parse("gas + water"), {"gas": GAS, "water": water}, GAS)
    check(parse("gas + water * 1 [m3/m3]"), {"gas": GAS, "water": water}, GAS)


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("", "expression_end", 1),
        ("a +", "expression_end", 4),
        ("(a", "expression_end", 3),
        ("a b", "expression_syntax", 3),
        ("a + * b", "expression_syntax", 5),
        ("a ** 2", "expression_syntax", 4),
        ("A", "expression_syntax", 1),
        ("a.real", "expression_syntax", 2),
        ("__import__('os')", "expression_syntax", 1),
        ("a; b", "expression_syntax", 2),
        ("abs(a, b)", "expression_syntax", 6),
        ("min()", "expression_syntax", 5),
        ("a * 1.5.2", "expression_syntax", 6),
        ("a [kWh]", "expression_syntax", 3),
        ("a * ∞", "expression_syntax", 5),
    ],
)
def test_what_cannot_be_read_says_where(text: str, code: str, at: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert (refused.value.error_code, refused.value.params["at"]) == (code, at)


def test_limits() -> None:
    parse("(" * MOST_NESTED + "a" + ")" * MOST_NESTED)
    with pytest.raises(InvalidInput, match="expression_nested"):
        parse("(" * (MOST_NESTED + 1) + "a" + ")" * (MOST_NESTED + 1))
    with pytest.raises(InvalidInput, match="expression_nested"):
        parse("-" * 100 + "a")
    with pytest.raises(InvalidInput, match="expression_long"):
        parse("a + " * 500 + "a")
    long = parse(" + ".join(["a"] * 500))
    assert value(long, {"a": Fraction(1, 3)}) == Fraction(500, 3)
    for unit in ("nm", "kWh/", "/m3", "", "kWh/m3/kg"):
        with pytest.raises(InvalidInput, match="expression_unit"):
            parse(f"1 [{unit}]")


def test_circles_and_depth_are_refused_by_name() -> None:
    assert depths({"x": ["y", "m"], "y": ["m"], "z": ["x", "y"]}) == {"x": 1, "y": 0, "z": 2}
    with pytest.raises(InvalidInput) as circle:
        depths({"x": ["y"], "y": ["z"], "z": ["m", "x"]})
    assert circle.value.params == {"meter": "x", "path": "x → y → z → x"}
    tower = {f"v{n}": [f"v{n - 1}"] for n in range(1, MOST_DEEP + 2)}
    assert depths({"v0": ["m"]} | dict(list(tower.items())[:-1]))[f"v{MOST_DEEP}"] == MOST_DEEP
    for order in (list(tower), list(reversed(tower))):
        with pytest.raises(InvalidInput) as deep:
            depths({"v0": ["m"]} | {name: tower[name] for name in order})
        assert deep.value.params == {"meter": f"v{MOST_DEEP + 1}", "most": MOST_DEEP}


FAR = float("inf")


def place(number: int, slug: str, first: float = -FAR, last: float = FAR) -> Place:
    return Place(number, slug, ENERGIES[slug], first, last)


def virtual(text: str, *inputs: Place, first: float = -FAR) -> Virtual:
    tree = parse(text)
    places = {one.slug: one for one in inputs}
    return Virtual(Place(99, "v", POWER, first, FAR), tree, resolved("v", tree, POWER, places))


def test_a_quarter_hour_is_rounded_once_half_even() -> None:
    half = virtual("a * 0.5", place(1, "a"))
    for counted, wanted in ((5, 2), (7, 4), (-5, -2), (6, 3)):
        found = quarter(half, 0, {1: Row(counted, 0, GOOD, 900)})
        assert found == (99, "electricity", 0, wanted, 0, GOOD, 900)
    # Three thirds, each of which would be rounded down on its own.
    thirds = virtual("a / 3 + a / 3 + a / 3", place(1, "a"))
    found = quarter(thirds, 0, {1: Row(100, 0, GOOD, 900)})
    assert found is not None
    assert found.qty == 100
    # 1 m3 of gas is 10^6 ml; 35.5 MJ are 9.8611... kWh.
    gas = virtual("gas * 35.5 [MJ/m3]", place(5, "gas"))
    found = quarter(gas, 0, {5: Row(10**6, 0, GOOD, 900)})
    assert found is not None
    assert found.qty == 9_861_111


def test_missing_is_never_zero() -> None:
    both = virtual("a + b", place(1, "a"), place(2, "b"))
    assert quarter(both, 0, {1: Row(5, 0, GOOD, 900)}) is None
    assert quarter(both, 0, {}) is None
    rows = {1: Row(50, 20, ESTIMATED, 300), 2: Row(7, 0, GOOD, 900)}
    assert quarter(both, 900, rows) == (99, "electricity", 900, 57, 20, ESTIMATED, 300)
    minus = virtual("b - a", place(1, "a"), place(2, "b"))
    assert quarter(minus, 900, rows) == (99, "electricity", 900, -43, -20, ESTIMATED, 300)
    share = virtual("a * (a / (a + b))", place(1, "a"), place(2, "b"))
    assert quarter(share, 0, {1: Row(0, 0, GOOD, 900), 2: Row(0, 0, GOOD, 900)}) is None


def test_a_meter_that_is_not_there_counts_nothing() -> None:
    later = virtual("a + b", place(1, "a"), place(2, "b", first=1800, last=3600))
    rows = {1: Row(5, 0, GOOD, 900)}
    assert quarter(later, 900, rows) == (99, "electricity", 900, 5, 0, GOOD, 900)
    assert quarter(later, 1800, rows) is None
    assert quarter(later, 3600, rows) == (99, "electricity", 3600, 5, 0, GOOD, 900)
    assert quarter(virtual("a", place(1, "a"), first=900), 0, rows) is None
    assert quarter(virtual("b", place(2, "b", last=0)), 0, {}) is None


def test_the_meters_of_an_expression_are_known_and_others() -> None:
    places = {"a": place(1, "a")}
    for text, code in (
        ("a + nowhere", "expression_unknown"),
        ("1e308 * a", "expression_unknown"),
        ("nan + inf", "expression_unknown"),
        ("v + a", "expression_circle"),
        ("5 [kWh]", "expression_no_meter"),
    ):
        with pytest.raises(InvalidInput, match=code) as refused:
            resolved("v", parse(text), POWER, places)
        assert refused.value.params["meter"] == "v"
