"""Report by exception: deadbands, heartbeat, quarter hours, missing values."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.change import ChangeFilter
from gateway.contract.profile import Deadband, Kind, Point
from tests.unit.test_plan import make_point


def gauge(absolute: float = 0.0, percent: float = 0.0) -> Point:
    return replace(make_point(0, 1), deadband=Deadband(absolute, percent))


REGISTER = replace(make_point(2, 2), kind=Kind.REGISTER, deadband=Deadband(percent=50))


def run(point: Point, steps: Sequence[tuple[int, float | None]], **options: float) -> list[int]:
    """The times at which one point was reported."""
    filter_ = ChangeFilter([point], **options)
    return [at for at, value in steps if filter_.select([value], at, boundary=False)]


def test_the_first_value_is_always_reported() -> None:
    assert run(gauge(absolute=100), [(0, 0.0), (1, 0.0)]) == [0]


def test_an_absolute_deadband_measures_from_the_last_report() -> None:
    steps = [(0, 10.0), (1, 10.5), (2, 10.9), (3, 11.1), (4, 10.2), (5, 10.0)]
    assert run(gauge(absolute=1.0), steps) == [0, 3, 5]


def test_a_percent_deadband_grows_with_the_value() -> None:
    steps = [(0, 1000.0), (1, 1009.0), (2, 1011.0), (3, 990.0), (4, 0.0), (5, 0.0001)]
    assert run(gauge(percent=1.0), steps) == [0, 2, 3, 4, 5]


def test_a_missing_value_is_reported_once_and_so_is_its_end() -> None:
    steps = [(0, 5.0), (1, None), (2, None), (3, 5.0), (4, 5.0)]
    assert run(gauge(), steps) == [0, 1, 3]


def test_silence_ends_with_the_heartbeat() -> None:
    steps: list[tuple[int, float | None]] = [(at * 1000, 7.0) for at in range(25)]
    assert run(gauge(), steps, heartbeat_s=10) == [0, 10_000, 20_000]
    nothing: list[tuple[int, float | None]] = [(at * 1000, None) for at in range(25)]
    assert run(gauge(), nothing, heartbeat_s=10) == [0, 10_000, 20_000]


def test_points_that_fell_silent_at_different_times_share_their_heartbeats() -> None:
    filter_ = ChangeFilter([gauge(), gauge(), gauge(), gauge()], heartbeat_s=60)
    filter_.select([0.0] * 4, 0, boundary=False)
    filter_.select([0.0, 1.0, 0.0, 0.0], 7_000, boundary=False)
    filter_.select([0.0, 1.0, 1.0, 0.0], 23_000, boundary=False)
    filter_.select([0.0, 1.0, 1.0, 1.0], 31_000, boundary=False)
    said = {
        at_s: chosen
        for at_s in range(32, 181)
        if (chosen := filter_.select([0.0, 1.0, 1.0, 1.0], at_s * 1000, boundary=False))
    }
    assert said == {60: [0, 1, 2], 90: [3], 120: [0, 1, 2], 150: [3], 180: [0, 1, 2]}


def test_a_register_has_no_deadband_and_reports_at_every_quarter_hour() -> None:
    assert run(REGISTER, [(0, 100.0), (1, 100.001), (2, 100.001)]) == [0, 1]
    filter_ = ChangeFilter([REGISTER, gauge()], heartbeat_s=1000)
    assert filter_.select([100.0, 1.0], 0, boundary=False) == [0, 1]
    assert filter_.select([100.0, 1.0], 900_000 - 1, boundary=True) == [0]


def test_registers_can_be_thinned_out_between_quarter_hours() -> None:
    steps: list[tuple[int, float | None]] = [(at * 1000, float(at)) for at in range(31)]
    assert run(REGISTER, steps, register_every_s=10) == [0, 10_000, 20_000, 30_000]
    filter_ = ChangeFilter([REGISTER], register_every_s=10)
    filter_.select([1.0], 0, boundary=False)
    assert filter_.select([2.0], 1000, boundary=True) == [0]


def test_after_a_death_everything_is_said_again() -> None:
    filter_ = ChangeFilter([gauge()])
    assert filter_.select([1.0], 0, boundary=False) == [0]
    filter_.forget()
    assert filter_.select([1.0], 1, boundary=False) == [0]


@pytest.mark.parametrize("count", [1, 3])
def test_a_prefix_of_the_points_may_be_sampled(count: int) -> None:
    filter_ = ChangeFilter([gauge(), gauge(), gauge()])
    assert filter_.select([1.0] * count, 0, boundary=False) == list(range(count))
