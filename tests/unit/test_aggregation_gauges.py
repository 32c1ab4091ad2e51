"""Gauges integrated: exact quarter hours, whatever the window, and what does not count."""

from fractions import Fraction
from random import Random

import pytest

from backend.aggregation.curve import QUARTER, Bucket
from backend.aggregation.events import ALWAYS, Events, Ratio, Sample, Span
from backend.aggregation.gauges import counted, integrated, recompute_gauge
from backend.aggregation.registers import RegisterSpec
from backend.aggregation.window import Missing, Recomputed, Window, ceil_quarter
from gateway.contract.energy import energy_type
from gateway.contract.quality import Quality
from gateway.contract.units import WrongDimension
from tests.unit.register_book import MIN, SECOND, H

GOOD, ESTIMATED, SUSPECT = Quality.GOOD, Quality.ESTIMATED, Quality.SUSPECT
KWH = 10**6


def kw_spec(nameplate: int | None = None, resolution: float = 0.1) -> RegisterSpec:
    """A power in kW; accounts are mWh."""
    return RegisterSpec.of(
        smallest_per_point_unit=energy_type("electricity").per_point_unit_hour("kW"),
        resolution=resolution,
        nameplate_per_hour=nameplate,
    )


def account(
    spec: RegisterSpec, rows: list[tuple[int, float]], events: Events | None = None
) -> list[Bucket]:
    """The quarter hours of readings in kW."""
    readings = [(ts, spec.count(value), 0) for ts, value in rows]
    events = events or Events()
    return integrated(counted(readings, spec, events), spec, events)


def test_a_straight_line_is_the_trapezoid_also_across_a_quarter_hour() -> None:
    # 0 -> 60 kW in 10 minutes, then 60 kW until 00:25: 5 kWh + 15 kWh.
    rows = [(0, 0.0), (10 * MIN, 60.0), (25 * MIN, 60.0)]
    assert [b.qty for b in account(kw_spec(), rows)] == [10 * KWH, 10 * KWH]
    # 0 -> 90 kW over 00:00-00:15 with the border inside a stretch of 00:10-00:20 (60 -> 120).
    rows = [(0, 0.0), (10 * MIN, 60.0), (20 * MIN, 120.0)]
    assert [b.qty for b in account(kw_spec(), rows)] == [11_250_000, 8_750_000]


def test_each_quarter_hour_is_rounded_once_and_half_even() -> None:
    spec = RegisterSpec(Fraction(1), Fraction(1), None, None, H)
    buckets = integrated([(0, 2, 0), (H, 2, 0)], spec, Events())
    assert [b.qty for b in buckets] == [0, 0, 0, 0]
    assert [b.qty for b in integrated([(0, 6, 0), (H, 6, 0)], spec, Events())] == [2] * 4


def test_negative_and_impossible_values_do_not_count() -> None:
    rows = [(i * 5 * MIN, value) for i, value in enumerate([12.0, -30.0, 12.0, 12.0])]
    assert [b.qty for b in account(kw_spec(), rows)] == [2 * KWH]
    # 1000 kW of a feeder of 10 kW is no reading; its neighbours are 10 minutes apart.
    rows = [(i * 5 * MIN, value) for i, value in enumerate([12.0, 1000.0, 12.0, 12.0])]
    assert account(kw_spec(nameplate=10), rows) == [Bucket(0, QUARTER, 3 * KWH, 0, GOOD)]
    assert account(kw_spec(nameplate=9), rows) == []


def test_suspect_samples_do_not_count_and_manual_ones_say_so() -> None:
    spec = kw_spec()
    readings = [(0, 120, 0), (5 * MIN, 999, 4), (10 * MIN, 120, 3), (15 * MIN, 120, 0)]
    found = integrated(counted(readings, spec, Events()), spec, Events())
    assert found == [Bucket(0, QUARTER, 3 * KWH, 0, Quality.MANUAL)]


def test_a_gap_is_estimated_but_for_what_was_off_by_plan() -> None:
    rows = [(0, 8.0), (H, 8.0), (H + 5 * MIN, 8.0)]
    guessed = account(kw_spec(), rows)
    assert [(b.qty, b.estimated, b.quality) for b in guessed[:4]] == [
        (2 * KWH, 2 * KWH, ESTIMATED)
    ] * 4
    assert (guessed[4].estimated, guessed[4].quality) == (0, GOOD)
    off = account(kw_spec(), rows, Events(planned=[Span(15 * MIN, 30 * MIN)]))
    assert [(b.qty, b.quality) for b in off[:4]] == [
        (2 * KWH, ESTIMATED),
        (0, GOOD),
        (2 * KWH, ESTIMATED),
        (2 * KWH, ESTIMATED),
    ]
    planned = account(kw_spec(), rows, Events(planned=[Span(5 * MIN, 55 * MIN)]))
    assert {b.quality for b in planned} == {GOOD}
    assert sum(b.qty for b in planned[:4]) == 10 * 8 * KWH // 60 + 1  # 666,667 twice


def test_ratios_exclusions_and_changes_hold_for_gauges_too() -> None:
    rows = [(i * 5 * MIN, 12.0) for i in range(10)]
    ratio = Events(ratios=[Ratio(20 * MIN, ALWAYS, Fraction(4, 3))])
    assert [b.qty for b in account(kw_spec(), rows, ratio)] == [3 * KWH, 3_666_667, 4 * KWH]
    without = Events(excluded=[Span(5 * MIN, 30 * MIN)], changed=[31 * MIN])
    assert [b.quality for b in account(kw_spec(), rows, without)] == [ESTIMATED, ESTIMATED, SUSPECT]


def test_rates_become_what_is_accounted_or_nothing() -> None:
    electricity, gas = energy_type("electricity"), energy_type("natural_gas")
    assert electricity.per_point_unit_hour("W") == 1000
    assert electricity.per_point_unit_hour("kW") == 10**6
    assert gas.per_point_unit_hour("m3/h") == gas.smallest_per_unit
    for wrong in ("m3/h", "kWh", "V"):
        with pytest.raises(WrongDimension):
            electricity.per_point_unit_hour(wrong)


@pytest.mark.parametrize("seed", range(6))
def test_any_window_gives_the_quarter_hours_of_the_whole(seed: int) -> None:
    random = Random(seed)
    spec = kw_spec(nameplate=40)
    ts, readings = random.randrange(H), list[Sample]()
    for _ in range(120):
        ts += random.choice([SECOND, MIN, 5 * MIN, 15 * MIN, 15 * MIN, 3 * H])
        readings.append((ts, random.randrange(-50, 520), random.choice([0] * 9 + [1, 4])))
    events = Events(excluded=[Span(readings[40][0], readings[44][0])])
    whole = integrated(counted(readings, spec, events), spec, events)
    for _ in range(40):
        first, last = sorted(random.sample(range(readings[-1][0] + H), 2))
        done = windowed(readings, spec, events, first, last)
        inside = [b for b in whole if done.low <= b.start < done.high]
        assert list(done.buckets) == inside
        assert done.low <= first
        assert done.high >= last


def windowed(
    readings: list[Sample], spec: RegisterSpec, events: Events, first: int, last: int
) -> Recomputed:
    """What the loader would do."""
    usable = [one[0] for one in events.kept(readings) if one[2] < 4]
    before, beyond = first, 0
    while True:
        restart = max([t for t in usable if t < before], default=None)
        begin = max([t for t in usable if restart and t <= restart - restart % QUARTER], default=0)
        later = min([t for t in usable if t >= ceil_quarter(last) + beyond], default=None)
        high = ALWAYS if later is None else later
        held = [one for one in readings if begin <= one[0] <= high]
        window = Window(first, last, restart, held, events, (), later is None)
        done = recompute_gauge(window, spec)
        if isinstance(done, Recomputed):
            return done
        beyond = beyond * 8 + QUARTER if done is Missing.LATER else beyond
        before = before if done is Missing.LATER else min(held[0][0] + 1, restart or 0)
