"""The codec of compacted days: exact to the bit and the microsecond, whatever the values are."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.acquisition.day_codec import (
    DayArrays,
    Sample,
    decode,
    encode,
    pack,
    unpack,
    width,
)

DAY_US = 86_400_000_000
START = 1_790_208_000_000_000
KINDS = {
    "any": st.floats(allow_nan=False),
    "display": st.integers(-(10**12), 10**12).map(lambda n: n / 100),
    "single": st.floats(allow_nan=False, width=32),
    "odd": st.sampled_from([1e308, -1e308, 5e-324, -0.0, 0.0, math.inf, 0.1, 2.0**53, 1e22]),
    "whole": st.integers(-(1 << 60), 1 << 60).map(float),
}


def days(kind: str) -> st.SearchStrategy[list[Sample]]:
    """Days of one sample and more at irregular times."""
    return st.lists(
        st.builds(Sample, st.integers(START, START + DAY_US - 1), KINDS[kind], st.integers(0, 4)),
        min_size=1,
        max_size=60,
        unique_by=lambda sample: sample.us,
    ).map(sorted)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(data=st.data())
def test_what_goes_in_comes_out_to_the_bit(kind: str, data: st.DataObject) -> None:
    samples = data.draw(days(kind))
    assert pack(decode(encode(samples))) == pack(samples)


@given(days("any"))
def test_the_wire_form_is_the_samples(samples: list[Sample]) -> None:
    assert unpack(pack(samples)) == samples


def test_a_regular_register_is_two_bytes_a_sample_and_no_times() -> None:
    samples = [Sample(START + n * 60_000_000, (123_456_78 + n * 17) / 100, 0) for n in range(1440)]
    day = encode(samples)
    assert (day.unit_us, day.times, day.quality) == (60_000_000, None, None)
    assert (day.base, day.divisor, day.double, day.single) == (12_345_678, 100, None, None)
    assert day.scaled is not None
    assert width(day.scaled) == 2
    assert decode(day) == samples


def test_single_precision_of_a_gauge_is_kept_as_such() -> None:
    values = [struct.unpack("!f", struct.pack("!f", 231.7 + n / 7))[0] for n in range(20)]
    day = encode([Sample(START + n, value, 0) for n, value in enumerate(values)])
    assert (day.single, day.scaled, day.double) == (tuple(values), None, None)


def test_qualities_are_runs() -> None:
    marks = [0, 0, 1, 1, 4, 0]
    day = encode([Sample(START + n * n, 1.0, mark) for n, mark in enumerate(marks)])
    assert (day.quality_from, day.quality) == ((1, 3, 5, 6), (0, 1, 4, 0))
    assert [sample.quality for sample in decode(day)] == marks


def test_times_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        encode([Sample(START, 1.0, 0), Sample(START, 2.0, 0)])


def test_one_sample_alone() -> None:
    day = encode([Sample(START + 1, -7.25, 2)])
    assert day == DayArrays(1, START + 1, 1, None, -725, 100, (0,), None, None, (1,), (2,))
    assert decode(day) == [Sample(START + 1, -7.25, 2)]
