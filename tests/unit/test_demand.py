"""Demand: sliding and block maxima differ as computed by hand; the forecast and its shedding."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.demand import Method, Sample, demand_at, forecast, maximum

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SLIDING = Method()
BLOCK = Method(sliding=False)


def integrated(powers: list[float]) -> list[Sample]:
    """Cumulative energy (kWh) of a power (kW) given per minute from START."""
    samples, energy = [(START, 0.0)], 0.0
    for minute, power in enumerate(powers, start=1):
        energy += power / 60
        samples.append((START + timedelta(minutes=minute), energy))
    return samples


def test_case_22_a_surge_astride_a_quarter_hour() -> None:
    """1,000 kW base; 1,500 kW more from 08:10 to 08:20: block 1,500, sliding 2,000 by hand."""
    powers = [1000.0] * 10 + [2500.0] * 10 + [1000.0] * 25
    samples = integrated(powers)
    end = START + timedelta(minutes=45)
    block, sliding = maximum(samples, START, end, BLOCK), maximum(samples, START, end, SLIDING)
    # 08:00-08:15 and 08:15-08:30 hold five surge minutes each: 1000 + 1500 x 5/15.
    assert block is not None
    assert block[1] == pytest.approx(1500.0, abs=1e-9)
    # The best sliding window holds all ten surge minutes: 1000 + 1500 x 10/15.
    assert sliding is not None
    assert sliding[0] == START + timedelta(minutes=20)
    assert sliding[1] == pytest.approx(2000.0, abs=1e-9)


def test_forecast_says_when_the_limit_falls_and_what_to_shed() -> None:
    """15 min at 3,600 kW, then 5,400 kW: each minute adds 120 kW; 4,410 is passed after 7 min."""
    now = START + timedelta(minutes=15)
    told = forecast(integrated([3600.0] * 15), now, 5400.0, 4410.0, SLIDING)
    assert told is not None
    assert told.current_kw == pytest.approx(3600.0)
    assert told.forecast_kw == pytest.approx(5400.0)
    assert told.minutes_to_limit == pytest.approx(7.0)
    # At the end of the window the power of now alone counts: 5,400 - 4,410.
    assert told.shed_kw == pytest.approx(990.0)


def test_shedding_what_the_forecast_names_keeps_the_limit_exactly() -> None:
    """With the named power off, the forecast's highest value is the limit."""
    samples = integrated([3000.0, 4600.0, 4800.0] * 5)
    now = START + timedelta(minutes=15)
    told = forecast(samples, now, 5200.0, 4410.0, SLIDING)
    assert told is not None
    after = forecast(samples, now, 5200.0 - told.shed_kw, 4410.0, SLIDING)
    assert after is not None
    assert after.forecast_kw == pytest.approx(4410.0)


def test_nothing_is_said_without_a_whole_window() -> None:
    """Fourteen minutes of samples give no demand of fifteen."""
    samples = integrated([1000.0] * 14)
    assert demand_at(samples, START + timedelta(minutes=14), SLIDING) is None
    assert forecast(samples, START + timedelta(minutes=14), 1.0, 2.0, SLIDING) is None


@given(st.lists(st.integers(0, 6000), min_size=15, max_size=60))
def test_sliding_maximum_is_the_best_mean_of_fifteen_minutes(powers: list[int]) -> None:
    """Against brute force over all windows of fifteen whole minutes; block is never above it."""
    samples = integrated([float(power) for power in powers])
    end = START + timedelta(minutes=len(powers))
    best = max(sum(powers[i : i + 15]) / 15 for i in range(len(powers) - 14))
    sliding, block = maximum(samples, START, end, SLIDING), maximum(samples, START, end, BLOCK)
    assert sliding is not None
    assert sliding[1] == pytest.approx(best, abs=1e-6)
    assert block is None or block[1] <= sliding[1] + 1e-6
