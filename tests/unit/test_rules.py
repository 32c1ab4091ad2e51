"""Local alarm rules: delay, hysteresis, taking, missing values; times in milliseconds."""

from collections.abc import Sequence

import pytest

from gateway.rules import Rule, State, Watch

RULE = Rule("overload", "p", above=100.0, hysteresis=10.0, delay_s=30, off_delay_s=5)


def states(rule: Rule, steps: Sequence[tuple[int, float | None]]) -> list[tuple[int, State]]:
    """(second, new state) of every change."""
    watch = Watch(rule)
    return [(s, watch.state) for s, value in steps if watch.see(value, s * 1000)]


def test_it_rises_after_the_delay_and_falls_beyond_the_hysteresis() -> None:
    steps = [(0, 99.0), (10, 101.0), (39, 120.0), (40, 120.0), (50, 95.0), (60, 90.0), (65, 80.0)]
    assert states(RULE, steps) == [(40, State.ACTIVE), (65, State.NORMAL)]


def test_a_short_excursion_is_none() -> None:
    assert states(RULE, [(0, 120.0), (29, 120.0), (30, 99.0), (31, 120.0), (60, 120.0)]) == []


def test_a_missing_value_decides_nothing() -> None:
    assert states(RULE, [(0, 120.0), (20, None), (30, 120.0)]) == [(30, State.ACTIVE)]
    assert states(RULE, [(0, 120.0), (30, 120.0), (40, None), (50, None)]) == [(30, State.ACTIVE)]


@pytest.mark.parametrize(("value", "raised"), [(4.9, True), (5.0, False), (95.0, False)])
def test_a_lower_limit(value: float, raised: bool) -> None:
    rule = Rule("cold", "t", above=95.0, below=5.0)
    assert bool(states(rule, [(0, value)])) is raised


def test_taken_once_and_normal_again() -> None:
    watch = Watch(Rule("high", "p", above=10.0))
    assert not watch.take()
    watch.see(11.0, 0)
    assert watch.take()
    assert not watch.take()
    assert watch.state is State.TAKEN
    assert watch.see(10.0, 1)
    assert int(watch.state) == State.NORMAL
