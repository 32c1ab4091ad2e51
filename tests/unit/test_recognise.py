"""Which profile fits: evidence of single values, and the order of fits."""

from argparse import ArgumentTypeError

import pytest

from gateway.contract.profile_file import find_profile
from gateway.recognise import NOTHING, ODD, POSSIBLE, TELLING, Fit, Marks, evidence, fit_of, ranked
from gateway.scan import unit_range

PROFILE = find_profile("sfere/pd194e-9s4")
ORDINARY = {"V": 230.0, "Hz": 50.0, "1": 0.9, "%": 1.0}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("u_a", 230.0, TELLING),
        ("u_a", 400.0, POSSIBLE),
        ("u_a", 5780.0, POSSIBLE),
        ("u_a", -230.0, ODD),
        ("u_a", 1e6, ODD),
        ("u_ab", 400.0, TELLING),
        ("u_ab", 100.0, POSSIBLE),
        ("f", 50.0, TELLING),
        ("f", 60.0, TELLING),
        ("f", 5.0, ODD),
        ("pf", -0.95, POSSIBLE),
        ("pf", 1.5, ODD),
        ("i_a", 12.0, POSSIBLE),
        ("i_a", 20_000.0, ODD),
        ("p", -800.0, POSSIBLE),
        ("p", 1e9, ODD),
        ("ep_imp", 123456.7, POSSIBLE),
        ("ep_imp", -1.0, ODD),
        ("ep_imp", 1e12, ODD),
        ("p", 1e-38, ODD),
        ("p", 0.0, NOTHING),
        ("u_a", None, ODD),
    ],
)
def test_what_a_value_says(name: str, value: float | None, expected: int) -> None:
    assert evidence(PROFILE.point(name), value) == expected


def fit(name: str, marks: Marks, known: int = 100) -> Fit:
    """A fit whose first `known` points read what they should, the others nothing."""
    profile = find_profile(name)
    values = [ORDINARY.get(point.unit, 5.0) for point in profile.points[:known]]
    missing = [None] * (len(profile.points) - len(values))
    return fit_of(profile, marks, [*values, *missing])


def test_a_fit_says_how_much_of_the_evidence_is_there() -> None:
    profile = find_profile("eastron/sdm120")
    assert fit("eastron/sdm120", Marks.NONE) == Fit(profile, Marks.NONE, 11, 1.0)
    # Voltage and frequency tell 3, nine other points 1 each; what is missing speaks against it.
    assert fit("eastron/sdm120", Marks.NONE, 10).share == (3 + 3 + 8 - 3) / 15
    assert fit("eastron/sdm120", Marks.NONE, 2).share == 0.0


def test_marks_go_before_values_and_values_before_their_number() -> None:
    fits = [
        fit("chint/ddsu666", Marks.OTHER),
        fit("eastron/sdm630", Marks.NONE),
        fit("eastron/sdm120", Marks.NONE),
        fit("chint/dtsu666", Marks.NONE, 2),
        fit("abb/b23", Marks.SILENT),
        fit("eastron/sdm72d", Marks.FIT, 1),
    ]
    names = [found.profile.name for found in ranked(fits)]
    assert names == ["eastron/sdm72d", "eastron/sdm630", "eastron/sdm120", "abb/b23"]


@pytest.mark.parametrize(
    ("text", "units"),
    [("3", [3]), ("1-4", [1, 2, 3, 4]), ("7,1-2,247", [1, 2, 7, 247]), ("5-5", [5])],
)
def test_unit_addresses_are_written_as_ranges(text: str, units: list[int]) -> None:
    assert unit_range(text) == units


@pytest.mark.parametrize("text", ["", "0", "1-248", "a", "3-", "-3", "9-7", "1,,2"])
def test_what_is_no_unit_address_is_told(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"write 3, 1-20|1 to 247"):
        unit_range(text)
