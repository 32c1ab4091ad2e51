"""Readings that simply go on are taken at once: as exact as one after the other."""

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from backend.aggregation.cells import Cell
from backend.aggregation.events import Events, Span
from backend.aggregation.nodes import Group, Run, runs
from backend.aggregation.registers import SAMPLE, YEAR_2000, RegisterSpec, judge

MINUTE = 60_000_000
ONE_BY_ONE = Events(excluded=[Span(-2, -1)])
"""Something is known of the register, so each of its readings is looked at."""


def spec_of(resolution: float | None, nameplate_per_hour: int | None = None) -> RegisterSpec:
    return RegisterSpec.of(
        smallest_per_point_unit=Fraction(1_000_000),
        resolution=resolution,
        nameplate_per_hour=nameplate_per_hour,
        max_gap_s=900,
    )


@given(
    st.lists(
        st.tuples(st.integers(1, 1000), st.integers(-1, 40), st.sampled_from([0, 0, 0, 0, 1, 4])),
        max_size=12,
    ),
    st.sampled_from([None, 100]),
)
@example([(60, 3, 0)] * 3 + [(60, 200, 0)] + [(60, 3, 0)] * 3, 100)
@example([(60, 3, 0)] * 3 + [(901, 3, 0)], None)
@example([(60, 3, 0)] * 3 + [(60, 3, 1)], None)
@example([(60, 3, 0)] * 3 + [(60, -1, 0)], None)
def test_readings_are_judged_the_same_at_once(
    moves: list[tuple[int, int, int]], nameplate: int | None
) -> None:
    readings, ts, count = [(0, 500, 0)], 0, 500
    for seconds, step, quality in moves:
        ts, count = ts + seconds * 1_000_000, count + step
        readings.append((ts, count, quality))
    spec = spec_of(1.0, nameplate)
    assert judge(readings, spec) == judge(readings, spec, ONE_BY_ONE)


@given(
    st.lists(st.floats(-1e18, 1e18) | st.integers(0, 10**9).map(lambda n: n / 100), max_size=8),
    st.sampled_from([0.01, 0.1, 3.0, None]),
)
@example([0.25, 0.35], 0.1)
@example([1.015], 0.01)
@example([12.34, 1e308], None)
def test_a_blob_of_readings_has_the_count_of_each(
    values: list[float], resolution: float | None
) -> None:
    spec = spec_of(resolution)
    blob = b"".join(SAMPLE.pack(n * MINUTE, value, n % 5) for n, value in enumerate(values))
    assert spec.readings(blob) == [
        (YEAR_2000 + n * MINUTE, round(Fraction(repr(value)) / spec.resolution), n % 5)
        for n, value in enumerate(values)
    ]


def test_quarter_hours_of_a_node_are_runs_of_as_many_meters() -> None:
    groups = {(7, "gas"): [Group(0, 10_000, 3), Group(1800, 10_000, 1)]}
    cells = [Cell(7, "gas", n * 900, n * 900 + 900) for n in (3, 0, 1, 2, 5)]
    assert runs([*cells, Cell(8, "gas", 0, 900)], groups) == [
        Run(7, "gas", 0, 1800, 3),
        Run(7, "gas", 1800, 3600, 4),
        Run(7, "gas", 4500, 5400, 4),
        Run(8, "gas", 0, 900, 0),
    ]


@given(
    st.lists(st.integers(-(2**53) + 1, 2**53 - 1) | st.integers(0, 10**9), min_size=1, max_size=8),
    st.sampled_from([1, 10, 100, 1000, 10**9]),
    st.sampled_from([0.01, 0.1, 1.0, 3.0, 0.025, None]),
)
@example([2**48], 1, 1.0)
@example([8757208318859427], 10, 0.1)
@example([15, 25], 10, 1.0)
def test_whole_numbers_of_arrays_have_the_count_of_their_values(
    numbers: list[int], divisor: int, resolution: float | None
) -> None:
    spec = spec_of(resolution)
    assert list(spec.counts_of(numbers, divisor)) == [spec.count(n / divisor) for n in numbers]
