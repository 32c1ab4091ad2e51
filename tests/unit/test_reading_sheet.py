"""The reading sheet adds up to the account exactly, and names what lies between two readings."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from backend.aggregation.curve import QUARTER, buckets
from backend.aggregation.events import ALWAYS, Events, Exchange, Ratio, Span
from backend.aggregation.reading_sheet import (
    Adjustment,
    Boundary,
    Knot,
    RegisterSheet,
    Remark,
    Why,
    register_sheet,
)
from backend.aggregation.registers import Reading, RegisterSpec, Trace, judge
from tests.unit.register_book import MIN, H, at, kwh_spec, readings_of

KWH = 10**6
NOON = at("2026-03-10T12:00")


def sheet_of(trace: Trace, spec: RegisterSpec, start: int, end: int) -> RegisterSheet:
    found = register_sheet(trace, spec, (), start, end)
    assert found is not None
    return found


def test_two_readings_and_their_difference() -> None:
    spec = kwh_spec()
    rows = [(NOON + n * 15 * MIN, 100.0 + 2 * n) for n in range(9)]
    sheet = sheet_of(judge(readings_of(spec, rows), spec), spec, NOON, NOON + 2 * H)
    opening, closing = Knot(NOON, Decimal(100)), Knot(NOON + 2 * H, Decimal(116))
    assert sheet == RegisterSheet(
        Boundary(NOON, Decimal(100), opening, opening),
        Boundary(NOON + 2 * H, Decimal(116), closing, closing),
        Fraction(KWH),
        16 * KWH,
        [],
        [],
    )
    assert not sheet.opening.interpolated


def test_a_boundary_between_two_readings_names_both() -> None:
    spec = kwh_spec()
    rows = [(NOON - 5 * MIN, 100.0), (NOON + 10 * MIN, 101.0), (NOON + 20 * MIN, 102.0)]
    sheet = sheet_of(judge(readings_of(spec, rows), spec), spec, NOON, NOON + 15 * MIN)
    assert sheet.opening == Boundary(
        NOON,
        Decimal("100.3333333333"),
        Knot(NOON - 5 * MIN, Decimal(100)),
        Knot(NOON + 10 * MIN, Decimal(101)),
    )
    assert sheet.opening.interpolated
    assert sheet.total == 1_166_667


def test_each_joint_has_its_adjustment() -> None:
    """A wrap at 1000, an exchange, and a reset to zero: all in one afternoon."""
    spec = kwh_spec(modulus=1000, nameplate=100)
    values = [990.0, 995.0, 0.0, 5.0]
    rows = [(NOON + n * 15 * MIN, value) for n, value in enumerate(values)]
    swap = NOON + 52 * MIN
    rows += [(NOON + n * 15 * MIN, 500.0 + n) for n in range(4, 8)]
    rows += [(NOON + n * 15 * MIN, float(n - 8)) for n in range(8, 13)]
    exchange = Exchange(swap, spec.count(6.0), spec.count(503.5))
    trace = judge(readings_of(spec, rows), spec, Events([exchange]))
    sheet = sheet_of(trace, spec, NOON, NOON + 3 * H)
    assert [(one.why, one.at, one.before, one.after, one.qty) for one in sheet.adjustments] == [
        (Why.WRAP, NOON + 30 * MIN, Decimal(1000), Decimal(0), 1000 * KWH),
        (Why.EXCHANGE, swap, Decimal(6), Decimal("503.5"), round(-497.5 * KWH)),
        (Why.RESET, NOON + 120 * MIN, Decimal(507), Decimal(0), 507 * KWH),
    ]
    assert sheet.raw == (4 - 990) * KWH
    assert sheet.total == 10 * KWH + 6 * KWH + round(3.5 * KWH) + 4 * KWH


def test_a_ratio_says_what_it_adds() -> None:
    spec = kwh_spec()
    rows = [(NOON + n * 15 * MIN, 100.0 + n) for n in range(9)]
    events = Events(ratios=[Ratio(NOON + H, ALWAYS, Fraction(4, 3))])
    sheet = sheet_of(judge(readings_of(spec, rows), spec, events), spec, NOON, NOON + 2 * H)
    assert sheet.adjustments == [
        Adjustment(Why.RATIO, NOON + H, NOON + 2 * H, 1_333_333, factor=Fraction(4, 3))
    ]
    assert sheet.total == 8 * KWH + 1_333_333


def test_what_was_judged_is_remarked() -> None:
    spec = kwh_spec()
    rows = [(NOON + n * 15 * MIN, 100.0 + n) for n in range(20) if n not in (9, 10)]
    rows[4] = (rows[4][0], 0.0)
    rows[6] = (rows[6][0], 3.0)
    sheet = register_sheet(
        judge(readings_of(spec, rows), spec),
        spec,
        [(NOON + 133 * MIN, NOON + 160 * MIN)],
        NOON,
        NOON + 5 * H,
    )
    assert sheet is not None
    assert sheet.remarks == [
        Remark(Why.ZERO, rows[4][0], rows[5][0], Decimal(0)),
        Remark(Why.DIP, rows[6][0], rows[7][0], Decimal(3)),
        Remark(Why.EXCLUDED, NOON + 133 * MIN, NOON + 160 * MIN),
        Remark(Why.ESTIMATED, NOON + 45 * MIN, NOON + 105 * MIN, qty=4 * KWH),
        Remark(Why.ESTIMATED, NOON + 120 * MIN, NOON + 165 * MIN, qty=3 * KWH),
    ]


def random_history(random: Random) -> tuple[RegisterSpec, Trace]:
    """A register that wraps, resets, is exchanged, dips, is silent and has wrong ratios."""
    spec = RegisterSpec.of(
        smallest_per_point_unit=Fraction(random.choice((10**6, 10**3, 997)), random.choice((1, 7))),
        resolution=random.choice((None, 0.1, 0.01, 1.0)),
        modulus=1000.0,
        nameplate_per_hour=random.choice((None, 400)),
        max_gap_s=900,
    )
    readings, exchanges, ts, value = [], [], NOON, random.uniform(0, 1000)
    for _ in range(random.randrange(5, 60)):
        ts += random.choice((MIN, 5 * MIN, 15 * MIN, 15 * MIN, 2 * H, random.randrange(1, H)))
        value += random.uniform(0, 20)
        match random.randrange(25):
            case 0:
                value = 0.0
            case 1:
                exchanges.append((ts - random.randrange(1, MIN), value, value := random.random()))
            case 2:
                readings.append(Reading(ts, spec.count(value * 0.9)))
                continue
        if value >= 1000:
            value -= 1000
        readings.append(Reading(ts, spec.count(round(value, 3))))
    marks = sorted(random.sample(range(NOON, ts, MIN // 2), 4))
    ratios = [
        Ratio(marks[0], marks[1], Fraction(random.randrange(1, 9), random.randrange(1, 9))),
        Ratio(marks[2], random.choice((marks[3], ALWAYS)), Fraction(4, 3)),
    ]
    events = Events(
        [Exchange(at, spec.count(old), spec.count(new)) for at, old, new in exchanges],
        ratios[: random.randrange(3)],
        [Span(marks[1], marks[1] + random.randrange(1, H))],
    )
    return spec, judge(readings, spec, events)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happened_the_sheet_is_the_account(seed: int) -> None:
    random = Random(seed)
    for _ in range(20):
        spec, trace = random_history(random)
        bounds = trace.curve.bounds()
        if bounds is None:
            continue
        first, last = bounds[0] // QUARTER - 2, bounds[1] // QUARTER + 3
        for _ in range(10):
            start, end = sorted(random.sample(range(first, last), 2))
            span = (start * QUARTER, end * QUARTER)
            sheet = sheet_of(trace, spec, *span)
            grid = range(span[0], span[1] + 1, QUARTER)
            assert sheet.total == sum(one.qty for one in buckets(trace.curve, grid))
            estimated = sum(one.estimated for one in buckets(trace.curve, grid))
            remarked = sum(one.qty or 0 for one in sheet.remarks)
            assert remarked == estimated
