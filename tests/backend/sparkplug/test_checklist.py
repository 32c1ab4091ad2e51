"""Every assertion of the checklist has a test by its id, or is explained here."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.sparkplug.checklist import Assertion, name_of, read_checklist

TESTS = Path(__file__).resolve().parents[2]
MODULES = {
    "edge": sorted((TESTS / "gateway" / "sparkplug").glob("test_edge_*.py")),
    "host": sorted((TESTS / "backend" / "sparkplug").glob("test_host_*.py")),
}
EXPLAINED = {
    (
        "edge",
        "operational-behavior-primary-application-state-with-multiple-servers-walk",
    ): "A gateway knows one broker. When its primary host goes it ends the session and waits at the"
    " same broker again; a second broker belongs behind the same address.",
    (
        "host",
        "payloads-metric-datatype-not-req",
    ): "SHOULD NOT. Our commands repeat the datatype: npm sparkplug-payload (and with it npm"
    " sparkplug-client) cannot decode a metric of NCMD without it.",
}
MOST_EXPLAINED = 5
PUBLISHED = 288
"""Assertions of Sparkplug 3.0.0 without those about MQTT servers."""


def names_of_tests(side: str) -> Iterator[str]:
    """The names of a side's tests: of functions, and of their parameters."""
    for file in MODULES[side]:
        parts = file.relative_to(TESTS.parent).with_suffix("").parts
        module = importlib.import_module(".".join(parts))
        for name, function in vars(module).items():
            if not name.startswith("test_"):
                continue
            yield name.removeprefix("test_")
            for mark in getattr(function, "pytestmark", []):
                yield from mark.kwargs.get("ids") or ()


def wanted() -> list[tuple[str, Assertion]]:
    return [(side, one) for one in read_checklist() for side in one.sides]


def test_the_checklist_is_whole() -> None:
    checklist = read_checklist()
    assert len({one.name for one in checklist}) == len(checklist) == PUBLISHED
    assert {one.strength for one in checklist} == {"MUST", "SHOULD", "MAY"}


@pytest.mark.parametrize("side", ["edge", "host"])
def test_every_assertion_has_a_test_or_a_reason(side: str) -> None:
    names = set(names_of_tests(side))
    missing = {
        one.name
        for whose, one in wanted()
        if whose == side and name_of(one.name) not in names and (side, one.name) not in EXPLAINED
    }
    assert missing == set()


@pytest.mark.parametrize("side", ["edge", "host"])
def test_no_test_has_the_name_of_an_unknown_assertion(side: str) -> None:
    known = {name_of(one.name) for whose, one in wanted() if whose == side}
    assert {name for name in names_of_tests(side) if name.startswith("tck_id_")} <= known


def test_few_are_explained_and_none_needlessly() -> None:
    assert len(EXPLAINED) <= MOST_EXPLAINED
    assert EXPLAINED.keys() <= {(side, one.name) for side, one in wanted()}
    for side, assertion in EXPLAINED:
        assert name_of(assertion) not in set(names_of_tests(side))
