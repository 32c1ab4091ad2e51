"""Quarter hours on end are kept in one walk."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.keeper import on_end


@given(st.sets(st.integers(0, 12), min_size=1).map(lambda some: [900 * n for n in sorted(some)]))
def test_quarter_hours_on_end_are_each_in_one_stretch(starts: list[int]) -> None:
    found = list(on_end(starts))
    assert [at for first, last in found for at in range(first, last, 900)] == starts
    assert all(last < after for (_, last), (after, _) in pairwise(found))
