"""What people know of a register: ratios, exclusions, changes and planned stops, exactly."""

from fractions import Fraction

from backend.aggregation.events import ALWAYS, Events, Exchange, Ratio, Span, Step, mean_factor
from backend.aggregation.registers import judge
from gateway.contract.quality import Quality
from tests.unit.register_book import MIN, H, accounts, kinds, kwh_spec, readings_of, total

GOOD, ESTIMATED, SUSPECT = Quality.GOOD, Quality.ESTIMATED, Quality.SUSPECT
KWH = 10**6
THIRD = Fraction(4, 3)


def test_a_ratio_counts_between_its_ends_to_the_microsecond() -> None:
    spec = kwh_spec(resolution=1.0)
    readings = readings_of(spec, [(0, 0.0), (15 * MIN, 9.0), (30 * MIN, 18.0)])
    # From 00:05 to 00:20: 6 + 3 kWh count 4/3 times, 3 and 6 once.
    trace = judge(readings, spec, Events(ratios=[Ratio(5 * MIN, 20 * MIN, THIRD)]))
    assert [b.qty for b in accounts(trace, 0, 30 * MIN)] == [11 * KWH, 10 * KWH]
    assert total(trace, 0, 5 * MIN) == 3 * KWH
    assert total(trace, 5 * MIN, 20 * MIN) == 12 * KWH
    assert total(trace, 20 * MIN, 30 * MIN) == 6 * KWH
    assert kinds(trace) == []


def test_a_ratio_rounds_in_its_own_frame_so_sums_still_telescope() -> None:
    spec = kwh_spec(resolution=0.000001)
    readings = readings_of(spec, [(0, 0.0), (60 * MIN, 0.0001)])
    trace = judge(readings, spec, Events(ratios=[Ratio(7 * MIN, ALWAYS, Fraction(2, 3))]))
    quarters = [b.qty for b in accounts(trace, 0, H)]
    # R: 0, then 35/3 (12) at 00:07 = 70/9 (8) of the ratio's frame, at 00:15 16.67 (17), ...
    assert quarters == [12 + 17 - 8, 33 - 17, 50 - 33, 67 - 50]
    assert total(trace, 0, H) == sum(quarters)


def test_the_nameplate_judges_energy_and_not_counts() -> None:
    spec = kwh_spec(resolution=1.0, nameplate=12)
    rows = [(0, 0.0), (H, 120.0), (2 * H, 240.0), (3 * H, 360.0), (4 * H, 361.0)]
    assert kinds(judge(readings_of(spec, rows), spec)) == [("held", H)]
    tenth = Events(ratios=[Ratio(0, 3 * H, Fraction(1, 10))])
    trace = judge(readings_of(spec, rows), spec, tenth)
    assert kinds(trace) == []
    assert [b.qty for b in accounts(trace, 0, 4 * H, H)] == [12 * KWH] * 3 + [KWH]


def test_ratios_step_and_multiply_where_they_overlap() -> None:
    events = Events(ratios=[Ratio(10, 30, Fraction(2)), Ratio(20, ALWAYS, Fraction(3))])
    steps = [Step(10, 2), Step(20, 6), Step(30, 3), Step(ALWAYS, 1)]
    assert events.steps() == steps
    assert mean_factor(steps, 0, 5) == 1
    assert mean_factor(steps, 12, 12) == 2
    assert mean_factor(steps, 10, 20) == 2
    assert mean_factor(steps, 0, 40) == Fraction(10 * 1 + 10 * 2 + 10 * 6 + 10 * 3, 40)


def test_a_ratio_that_begins_with_an_exchange_is_the_new_meters() -> None:
    spec = kwh_spec(resolution=1.0)
    readings = readings_of(spec, [(0, 100.0), (30 * MIN, 4.0), (60 * MIN, 7.0)])
    events = Events([Exchange(15 * MIN, 106, 1)], [Ratio(15 * MIN, ALWAYS, Fraction(2))])
    trace = judge(readings, spec, events)
    assert [b.qty for b in accounts(trace, 0, H)] == [6 * KWH, 6 * KWH, 3 * KWH, 3 * KWH]


def test_excluded_readings_leave_a_gap() -> None:
    spec = kwh_spec(resolution=1.0)
    readings = readings_of(spec, [(i * 15 * MIN, float(v)) for i, v in enumerate([0, 2, 9, 1, 4])])
    trace = judge(readings, spec, Events(excluded=[Span(15 * MIN, 60 * MIN)]))
    assert kinds(trace) == []
    assert [b.qty for b in accounts(trace, 0, H)] == [KWH] * 4
    assert {b.quality for b in accounts(trace, 0, H)} == {ESTIMATED}


def test_a_change_makes_what_follows_suspect_but_not_less() -> None:
    spec = kwh_spec(resolution=1.0)
    readings = readings_of(spec, [(i * 15 * MIN, float(i)) for i in range(4)])
    buckets = accounts(judge(readings, spec, Events(changed=[20 * MIN])), 0, 45 * MIN)
    assert [(b.qty, b.quality) for b in buckets] == [(KWH, GOOD), (KWH, SUSPECT), (KWH, SUSPECT)]


def test_a_planned_stop_inside_a_gap_is_flat_and_known() -> None:
    spec = kwh_spec(resolution=1.0)
    readings = readings_of(spec, [(0, 10.0), (4 * H, 16.0), (4 * H + 15 * MIN, 17.0)])
    planned = [Span(H, 2 * H), Span(2 * H, 3 * H)]
    trace = judge(readings, spec, Events(planned=planned))
    hours = accounts(trace, 0, 4 * H, H)
    assert [b.qty for b in hours] == [3 * KWH, 0, 0, 3 * KWH]
    assert [b.quality for b in hours] == [ESTIMATED, GOOD, GOOD, ESTIMATED]
    assert [b.estimated for b in hours] == [3 * KWH, 0, 0, 3 * KWH]


def test_a_gap_that_is_planned_but_for_what_passes_anyway_is_not_estimated() -> None:
    spec = kwh_spec(resolution=1.0)
    readings = readings_of(spec, [(0, 10.0), (4 * H, 11.0)])
    planned = [Span(10 * MIN, 4 * H - 5 * MIN)]
    hours = accounts(judge(readings, spec, Events(planned=planned)), 0, 4 * H, H)
    assert [b.quality for b in hours] == [GOOD] * 4
    assert [b.qty for b in hours] == [666_667, 0, 0, 333_333]


def test_a_plan_that_was_not_kept_is_estimated_like_any_gap() -> None:
    spec = kwh_spec(resolution=1.0)
    readings = readings_of(spec, [(0, 10.0), (4 * H, 14.0)])
    hours = accounts(judge(readings, spec, Events(planned=[Span(-H, 9 * H)])), 0, 4 * H, H)
    assert [(b.qty, b.estimated, b.quality) for b in hours] == [(KWH, KWH, ESTIMATED)] * 4


def test_readings_in_a_planned_stop_count_as_they_come() -> None:
    spec = kwh_spec(resolution=1.0)
    readings = readings_of(spec, [(i * 15 * MIN, float(i)) for i in range(5)])
    trace = judge(readings, spec, Events(planned=[Span(0, H)]))
    assert [b.qty for b in accounts(trace, 0, H)] == [KWH] * 4
