"""States of equipment: thresholds, dwell, gaps; hours with starts and idling."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.service.equipment.hours import hour
from backend.service.equipment.states import Rule, Sample, State, Stretch, starts, stretches

OFF, IDLE, LOAD, UNKNOWN = State
RULE = Rule(standby=5, load=50, dwell_s=60, max_gap_s=1800)
H = 3600
START = 100 * H


def at(*pairs: tuple[float, float]) -> list[Sample]:
    """Samples (seconds after START, kW)."""
    return [Sample(START + second, kw) for second, kw in pairs]


def told(samples: list[Sample], end: int = H) -> list[tuple[float, float, State]]:
    found = stretches(samples, RULE, START, START + end)
    return [(one.start - START, one.end - START, one.state) for one in found]


def test_thresholds_and_dwell() -> None:
    samples = at((-60, 0), (600, 20), (1200, 80), (1230, 20), (2400, 300), (3000, 4.99))
    assert told(samples) == [
        (0, 600, OFF),
        (600, 2400, IDLE),  # 30 s of load are too short
        (2400, 3000, LOAD),
        (3000, 3600, OFF),
    ]


def test_a_state_at_the_end_counts_by_what_comes_after_it() -> None:
    begun = ((-60, 0), (1700, 0), (3000, 0), (3570, 80))
    assert told(at(*begun, (3590, 0))) == [(0, 3600, OFF)]
    assert told(at(*begun, (3700, 80)))[-1] == (3570, 3600, LOAD)


def test_a_gap_longer_than_a_sample_holds_is_unknown() -> None:
    assert told(at((-60, 20), (2400, 20)), 2 * H) == [
        (0, 1740, IDLE),
        (1740, 2400, UNKNOWN),
        (2400, 4200, IDLE),
        (4200, 7200, UNKNOWN),
    ]
    assert told([]) == [(0, 3600, UNKNOWN)]


def test_a_start_is_from_off_to_anything_that_runs() -> None:
    run = [Stretch(0, 1, state) for state in (IDLE, OFF, LOAD, IDLE, UNKNOWN, LOAD, OFF, IDLE)]
    assert starts(run, OFF) == 3
    assert starts(run, UNKNOWN) == 2


def test_idling_is_energy_and_money_by_quarter_hours() -> None:
    samples = at((-60, 0), (300, 0), (600, 20), (1500, 10), (2100, 80), (3300, 0), (3900, 0))
    prices = {START: Decimal("1e-6"), START + 900: Decimal("2e-6")}
    found = hour(samples, samples, RULE, prices.get, START, START + H)
    assert (found.off_s, found.idle_s, found.load_s, found.unknown_s) == (900, 1500, 1200, 0)
    assert (found.starts, found.samples) == (1, 5)
    # 20 kW for 300 s and 600 s, 10 kW for 300 s and 300 s over the border at 1800 s.
    first, second, third = 1_666_667, 3_333_333 + 833_333, 833_333
    assert abs(found.idle_qty - (first + second + third)) <= 2
    assert found.idle_cost is None, "the third quarter hour has no price"
    prices[START + 1800] = Decimal(0)
    priced = hour(samples, samples, RULE, prices.get, START, START + H).idle_cost
    assert priced is not None
    assert abs(priced - (first * Decimal("1e-6") + second * Decimal("2e-6"))) < Decimal("1e-5")


def test_a_state_that_began_before_is_no_start_of_this_hour() -> None:
    running = at((-3000, 0), (-1500, 20), (-100, 20), (1600, 20), (3300, 20))
    assert hour(running, running, RULE, lambda _: None, START, START + H).starts == 0
    begun = at((-3000, 0), (-1500, 0), (0, 20), (1600, 20), (3300, 20))
    assert hour(begun, begun, RULE, lambda _: None, START, START + H).starts == 1


def test_a_signal_tells_states_while_power_tells_energy() -> None:
    signal = [Sample(START, 1.0)]
    powers = at((0, 100))
    rule = Rule(standby=1, load=2, dwell_s=0, max_gap_s=H)
    found = hour(signal, powers, rule, lambda _: Decimal(0), START, START + H)
    assert (found.idle_s, found.idle_qty) == (3600, 100_000_000)


POWERS = st.sampled_from([0.0, 4.0, 6.0, 40.0, 60.0, 300.0])


@given(st.lists(st.tuples(st.integers(1, 2400), POWERS), max_size=30), st.integers(0, 300))
def test_hours_cover_time_and_add_up(steps: list[tuple[int, float]], dwell: int) -> None:
    second, samples = START - H, []
    for step, kw in steps:
        second += step
        samples.append(Sample(second, kw))
    rule = Rule(5, 50, dwell, 1800)
    whole = stretches(samples, rule, START, START + 4 * H)
    assert whole[0].start == START
    assert whole[-1].end == START + 4 * H
    for one, other in pairwise(whole):
        assert one.end == other.start
    for number in range(4):
        begin = START + number * H
        found = hour(samples, samples, rule, lambda _: None, begin, begin + H)
        assert found.off_s + found.idle_s + found.load_s + found.unknown_s == H
        assert min(found.off_s, found.idle_s, found.load_s, found.unknown_s) >= 0
