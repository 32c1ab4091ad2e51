"""The share of the last minute in which a line was busy."""

import pytest

from gateway.load import LineLoad


def busy(load: LineLoad, begin: int, seconds: int, share: float) -> None:
    """One second after the other, the first part of each busy."""
    for second in range(begin, begin + seconds):
        load.add(second, second + share)


def test_a_line_that_was_never_used_is_idle() -> None:
    assert LineLoad().share(100.0) == 0.0


def test_a_young_line_counts_from_its_first_use() -> None:
    load = LineLoad()
    load.add(1000.0, 1002.0)
    assert load.share(1004.0) == 0.5
    assert load.share(1000.0) == 0.0


def test_only_the_last_minute_counts() -> None:
    load = LineLoad()
    busy(load, 0, 600, 0.9)
    assert load.share(600.0) == pytest.approx(0.9, abs=0.01)
    busy(load, 600, 70, 0.2)
    assert load.share(670.0) == pytest.approx(0.2, abs=0.01)
    assert load.share(672.0) < load.share(670.0)


def test_a_line_that_is_never_free_is_full() -> None:
    load = LineLoad()
    busy(load, 0, 100, 1.0)
    assert load.share(100.0) == 1.0
