"""Golden register cases (cases.md 1-9), rounding, and passes that begin anywhere."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.aggregation.curve import QUARTER, Bucket, buckets, half_even
from backend.aggregation.events import Events, Exchange
from backend.aggregation.registers import Judgement, Reading, RegisterSpec, judge
from gateway.contract.quality import Quality
from tests.unit.register_book import (
    MIN,
    SECOND,
    H,
    accounts,
    at,
    kinds,
    kwh_spec,
    passed,
    total,
)

GOOD, ESTIMATED, SUSPECT = Quality.GOOD, Quality.ESTIMATED, Quality.SUSPECT
KWH = 10**6


def test_case_01_back_after_silence() -> None:
    spec = kwh_spec(nameplate=100)
    gone, back = at("2026-01-01T00:00"), at("2026-04-01T00:00")
    rows = [(gone - 15 * MIN, 11.5), (gone, 12.0)]
    rows += [(back + i * 15 * MIN, value) for i, value in enumerate([0.0, 0.3, 0.8, 1.0])]
    trace = passed(spec, rows)
    assert kinds(trace) == [("reset", back)]
    assert trace.judgements[0] == Judgement(back, "reset", 120, 0, 120, back + 30 * MIN)
    assert total(trace, gone - 15 * MIN, back + 45 * MIN) == 1_500_000
    silence = accounts(trace, gone, back)
    assert len(silence) == 90 * 96
    assert {(b.qty, b.quality) for b in silence} == {(0, ESTIMATED)}
    assert [b.qty for b in accounts(trace, back, back + 45 * MIN)] == [300_000, 500_000, 200_000]


def test_case_01_nothing_is_believed_before_three_readings_rise() -> None:
    spec = kwh_spec(nameplate=100)
    rows = [(0, 12.0), (15 * MIN, 0.0), (30 * MIN, 0.3)]
    trace = passed(spec, rows)
    assert trace.judgements == [Judgement(15 * MIN, "held", 120, 0, 0, None)]
    assert accounts(trace, 0, H) == []
    assert trace.settled(0)
    assert not trace.settled(15 * MIN)


def test_case_02_dip() -> None:
    spec = kwh_spec(nameplate=1000)
    values = [1000.0, 1001.0, 971.0, 1003.0, 1004.0]
    trace = passed(spec, [(i * 15 * MIN, value) for i, value in enumerate(values)])
    assert kinds(trace) == [("dip", 30 * MIN)]
    assert trace.judgements[0].until == 45 * MIN
    assert [b.qty for b in accounts(trace, 0, H)] == [1_000_000] * 4


def test_case_03_single_zero() -> None:
    spec = kwh_spec(nameplate=1000)
    values = [1000.0, 1001.0, 0.0, 1003.0, 1004.0]
    trace = passed(spec, [(i * 15 * MIN, value) for i, value in enumerate(values)])
    assert kinds(trace) == [("zero", 30 * MIN)]
    assert [b.qty for b in accounts(trace, 0, H)] == [1_000_000] * 4
    assert total(trace, 15 * MIN, 45 * MIN) == 2_000_000


@pytest.mark.parametrize(
    ("resolution", "modulus", "before", "after", "energy"),
    [
        # A 32-bit register of Wh, told in kWh; a six-digit display of whole kWh.
        (0.001, 4_294_967.296, 4_294_967.295, 0.0, 1_000),
        (0.001, 4_294_967.296, 4_294_967.0, 0.204, 500_000),
        (1.0, 1_000_000.0, 999_999.0, 0.0, 1_000_000),
        (1.0, 1_000_000.0, 999_998.0, 3.0, 5_000_000),
    ],
)
def test_case_04_wrap(
    resolution: float, modulus: float, before: float, after: float, energy: int
) -> None:
    spec = kwh_spec(resolution=resolution, modulus=modulus, nameplate=100)
    trace = passed(spec, [(0, before), (15 * MIN, after), (30 * MIN, after)])
    assert kinds(trace) == [("wrap", 15 * MIN)]
    assert spec.value(trace.judgements[0].offset) == Fraction(str(modulus))
    assert [b.qty for b in accounts(trace, 0, 30 * MIN)] == [energy, 0]


def test_case_04_a_fall_too_great_for_the_nameplate_is_no_wrap() -> None:
    spec = kwh_spec(resolution=1.0, modulus=1_000_000.0, nameplate=100)
    # 900,000 -> 10 would be 100,010 kWh in a quarter of an hour; 100 kW allow 30.
    trace = passed(spec, [(0, 900_000.0), (15 * MIN, 10.0), (30 * MIN, 900_010.0)])
    assert kinds(trace) == [("dip", 15 * MIN)]
    assert total(trace, 0, 30 * MIN) == 10 * KWH


def test_case_04_below_nine_tenths_of_the_modulus_nothing_wraps() -> None:
    spec = kwh_spec(resolution=1.0, modulus=1_000.0)
    assert spec.wraps(900, 0, 15 * MIN)
    assert not spec.wraps(899, 0, 15 * MIN)
    assert not spec.wraps(900, 1, 15 * MIN)


@pytest.mark.parametrize(("initial", "after"), [(0.7, 1.2), (20_000.0, 20_000.5)])
def test_case_05_meter_exchange(initial: float, after: float) -> None:
    spec = kwh_spec(nameplate=100)
    exchange = Exchange(20 * MIN, spec.count(10_001.0), spec.count(initial))
    rows = [(0, 10_000.0), (15 * MIN, 10_000.8), (30 * MIN, after), (45 * MIN, after + 1)]
    trace = passed(spec, rows, [exchange])
    assert kinds(trace) == [("exchange", 20 * MIN)]
    assert [b.qty for b in accounts(trace, 0, 45 * MIN)] == [800_000, 700_000, 1_000_000]


def test_case_05_an_exchange_after_the_last_reading_counts_the_old_meters_end() -> None:
    spec = kwh_spec()
    trace = passed(spec, [(0, 5.0)], [Exchange(10 * MIN, 60, 7)])
    assert total(trace, 0, QUARTER) == 1_000_000


def test_case_05_a_final_reading_below_the_last_counts_nothing() -> None:
    spec = kwh_spec()
    trace = passed(spec, [(0, 5.0), (QUARTER, 0.3)], [Exchange(5 * MIN, 40, 1)])
    assert total(trace, 0, QUARTER) == 200_000


def test_case_06_big_feeder() -> None:
    spec = kwh_spec(resolution=1.0, nameplate=400)
    passing = passed(spec, [(i * H, 400.0 * i) for i in range(5)])
    assert kinds(passing) == []
    assert [b.qty for b in accounts(passing, 0, 4 * H, H)] == [400 * KWH] * 4
    # 1.2 x nameplate and one count pass, one more is suspect; the register goes on from before.
    assert kinds(passed(spec, [(0, 0.0), (H, 481.0)])) == []
    spike = passed(spec, [(0, 0.0), (H, 482.0), (2 * H, 300.0), (3 * H, 400.0)])
    assert kinds(spike) == [("spike", H)]
    assert [b.qty for b in accounts(spike, 0, 3 * H, H)] == [150 * KWH, 150 * KWH, 100 * KWH]


def test_case_06_a_new_level_that_goes_on_is_a_jump_and_not_energy() -> None:
    spec = kwh_spec(resolution=1.0, nameplate=400)
    rows = [(0, 0.0), (H, 300.0), (2 * H, 90_000.0), (3 * H, 90_100.0), (4 * H, 90_300.0)]
    trace = passed(spec, rows)
    assert kinds(trace) == [("jump", 2 * H)]
    assert [b.qty for b in accounts(trace, 0, 4 * H, H)] == [300 * KWH, 0, 100 * KWH, 200 * KWH]


def five_minutes() -> list[tuple[int, float]]:
    """Case 8: readings of 5 minutes, 1 kWh each, for 3 days: 864 readings, 863 kWh."""
    return [(i * 5 * MIN, 100.0 + i) for i in range(864)]


def test_case_08_outage_then_backfill() -> None:
    spec = kwh_spec(nameplate=60)
    rows = five_minutes()
    trace = passed(spec, rows)
    assert total(trace, 0, 72 * H) == 863 * KWH
    assert sum(b.qty for b in accounts(trace, 0, 72 * H)) == 863 * KWH
    assert {b.quality for b in accounts(trace, 0, 72 * H)} == {GOOD}


def test_case_08_outage_without_backfill() -> None:
    spec = kwh_spec(nameplate=60)
    # 47 hours are gone: the readings of (12:00, 59:00) never arrive.
    rows = [row for row in five_minutes() if not 12 * H < row[0] < 59 * H]
    trace = passed(spec, rows)
    assert kinds(trace) == []
    hours = accounts(trace, 0, 72 * H, H)
    assert sum(b.qty for b in hours) == 863 * KWH
    assert [b.qty for b in hours[:71]] == [12 * KWH] * 71
    assert [b.quality for b in hours] == [GOOD] * 12 + [ESTIMATED] * 47 + [GOOD] * 13
    assert sum(b.estimated for b in hours) == 47 * 12 * KWH
    assert [b.estimated for b in hours[12:59]] == [12 * KWH] * 47
    assert [b.measured_s for b in hours] == [3600] * 12 + [0] * 47 + [3600] * 12 + [3300]


def test_case_09_first_interval() -> None:
    spec = kwh_spec()
    # First reading at 00:07:30; the reading after 00:15 is at 00:22:30, so 00:15 is its middle.
    trace = passed(spec, [(450 * SECOND, 7.0), (1350 * SECOND, 8.0), (1800 * SECOND, 9.0)])
    first, second = accounts(trace, 0, 30 * MIN)
    assert first == Bucket(0, QUARTER, 500_000, 0, GOOD, 450)
    assert second == Bucket(QUARTER, 2 * QUARTER, 1_500_000, 0, GOOD)


def test_one_reading_makes_no_bucket_and_two_make_the_running_one() -> None:
    spec = kwh_spec()
    assert accounts(passed(spec, []), 0, H) == []
    assert accounts(passed(spec, [(5 * MIN, 1.0)]), 0, H) == []
    assert accounts(passed(spec, [(QUARTER, 1.0), (20 * MIN, 1.5)]), 0, H) == [
        Bucket(QUARTER, 2 * QUARTER, 500_000, 0, GOOD, 300)
    ]


def test_suspect_samples_are_not_accounted_and_worse_ones_mark_their_buckets() -> None:
    spec = kwh_spec()
    readings = [
        Reading(0, 10),
        Reading(5 * MIN, 5_000, Quality.SUSPECT),
        Reading(10 * MIN, 30, Quality.MANUAL),
        Reading(20 * MIN, 40),
        Reading(30 * MIN, 50),
        Reading(45 * MIN, 60),
    ]
    trace = judge(readings, spec)
    assert trace.judgements == []
    assert [b.quality for b in accounts(trace, 0, 45 * MIN)] == [
        Quality.MANUAL,
        Quality.MANUAL,
        GOOD,
    ]
    assert [b.estimated for b in accounts(trace, 0, 45 * MIN)] == [0, 0, 0]
    # What a person read is read; what was estimated at the source, or substituted, is not.
    assert [b.measured_s for b in accounts(trace, 0, 45 * MIN)] == [900, 900, 900]
    readings[2] = Reading(10 * MIN, 30, Quality.SUBSTITUTED)
    spoilt = judge(readings, spec)
    assert [b.measured_s for b in accounts(spoilt, 0, 45 * MIN)] == [0, 600, 900]


def test_a_held_register_shows_its_running_bucket_as_suspect() -> None:
    spec = kwh_spec(nameplate=100)
    trace = passed(spec, [(0, 50.0), (5 * MIN, 51.0), (10 * MIN, 3.0)])
    assert accounts(trace, 0, H) == [Bucket(0, QUARTER, 1_000_000, 0, SUSPECT, 300)]


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (9, 4, 2), (11, 4, 3), (6, 3, 2), (7, 1, 7)],
)
def test_half_even(numerator: int, denominator: int, expected: int) -> None:
    assert half_even(numerator, denominator) == expected


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12))
def test_half_even_is_the_exact_rounding(numerator: int, denominator: int) -> None:
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(
    st.integers(0, 10**15),
    st.sampled_from([1.0, 0.1, 0.01, 0.001, 0.05, 2.0, 0.30000000000000004, 1.5e-05]),
)
def test_a_value_snaps_to_its_count(count: int, resolution: float) -> None:
    spec = kwh_spec(resolution=resolution)
    exact = count * spec.resolution
    assert spec.count(float(exact)) == count
    # The value as a driver makes it: counts times a float scale, with its binary noise.
    assert spec.count(count * resolution) == count


def test_a_value_between_two_counts_goes_to_the_even_one() -> None:
    assert kwh_spec(resolution=0.1).count(0.25) == 2
    assert kwh_spec(resolution=0.1).count(0.35) == 4
    assert kwh_spec(resolution=0.1).count(0.3500001) == 4
    with pytest.raises(ValueError, match="nan"):
        kwh_spec().count(float("nan"))


def test_a_register_without_resolution_keeps_its_own_digits() -> None:
    spec = kwh_spec(resolution=None)
    trace = passed(spec, [(0, 12345.677734375), (QUARTER, 12345.9140625)])
    # 236.328125 Wh = 236328.125 mWh; R rounds 12345677734.375 and 12345914062.5 (to even).
    assert total(trace, 0, QUARTER) == 12_345_914_062 - 12_345_677_734


@st.composite
def registers(draw: st.DrawFn) -> tuple[RegisterSpec, list[Reading], list[Exchange]]:
    """A register's life: rises, gaps, dips, zeros, spikes, resets, wraps, exchanges."""
    modulus = draw(st.sampled_from([None, 2_000, 10**6]))
    nameplate = draw(st.sampled_from([None, 50, 2_000]))
    spec = RegisterSpec(
        resolution=Fraction(1),
        smallest=draw(st.sampled_from([Fraction(1), Fraction(100_000), Fraction(7, 3)])),
        modulus=modulus,
        per_hour=None if nameplate is None else Fraction(nameplate),
        max_gap=15 * MIN,
    )
    ts, raw = 0, draw(st.integers(0, 2_500))
    readings: list[Reading] = []
    exchanges: list[Exchange] = []
    for _ in range(draw(st.integers(1, 40))):
        ts += draw(st.sampled_from([7 * SECOND, MIN, 5 * MIN, 15 * MIN, 50 * MIN, 30 * H]))
        kind = draw(st.sampled_from(["rise"] * 6 + ["still", "zero", "dip", "reset", "spike"]))
        if draw(st.integers(0, 25)) == 0:
            top = max([raw, *(r.raw for r in readings)])
            initial = draw(st.integers(0, 3_000))
            exchanges.append(Exchange(ts - 3 * SECOND, top + 5, initial))
            raw = initial
        raw += draw(st.integers(0, 60)) if kind == "rise" else 0
        raw = draw(st.integers(0, 5)) if kind == "reset" else raw
        raw = raw % modulus if modulus else raw
        shown = {"zero": 0, "dip": raw * 97 // 100, "spike": raw + 5_000}.get(kind, raw)
        quality = draw(st.sampled_from([0] * 8 + [1, 4]))
        readings.append(Reading(ts, shown, quality))
    return spec, readings, exchanges


@settings(max_examples=60, deadline=None)
@given(registers())
def test_a_pass_may_begin_at_any_settled_reading(
    life: tuple[RegisterSpec, list[Reading], list[Exchange]],
) -> None:
    spec, readings, exchanges = life
    whole = judge(readings, spec, Events(exchanges))
    bounds = whole.curve.bounds()
    if bounds is None:
        return
    for i, reading in enumerate(readings):
        if reading.quality >= Quality.SUSPECT or not whole.settled(reading.ts):
            continue
        rest = judge(readings[i:], spec, Events([e for e in exchanges if e.ts > reading.ts]))
        grid = range(reading.ts, bounds[1] + QUARTER, QUARTER)
        assert buckets(rest.curve, grid) == buckets(whole.curve, grid)
        assert rest.judgements == [j for j in whole.judgements if j.ts > reading.ts]
