"""The grid of poll instants: every quarter hour belongs to it, whatever the period."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.grid import QUARTER_MS, following, is_boundary, next_instant, on_grid

START = 1_790_000_100_000
periods = st.integers(50, 2_000_000)


@given(st.integers(0, 2**42), periods)
def test_the_next_instant_is_later_on_the_grid_and_not_beyond_the_quarter(
    now: int, period: int
) -> None:
    instant = next_instant(now, period)
    assert now < instant <= now + min(period, QUARTER_MS)
    assert on_grid(instant, period)
    assert now // QUARTER_MS == (instant - 1) // QUARTER_MS


@given(periods)
def test_walking_the_grid_meets_every_quarter_hour(period: int) -> None:
    instant, end = START, START + 2 * QUARTER_MS
    met = []
    while instant < end:
        instant = next_instant(instant, max(period, 5_000))
        met.append(instant)
    assert [at for at in met if is_boundary(at)] == [
        START - START % QUARTER_MS + QUARTER_MS * n for n in (1, 2)
    ]


def test_instants_by_hand() -> None:
    quarter = 1_790_000_100_000 - 1_790_000_100_000 % QUARTER_MS
    assert next_instant(quarter, 1_000) == quarter + 1_000
    assert next_instant(quarter + 999, 1_000) == quarter + 1_000
    assert next_instant(quarter + 896_000, 7_000) == quarter + QUARTER_MS
    assert next_instant(quarter + 5, 3_600_000) == quarter + QUARTER_MS


def test_late_instants_are_skipped_but_never_a_quarter_hour() -> None:
    quarter = 1_790_000_100_000 - 1_790_000_100_000 % QUARTER_MS
    assert following(quarter + 1_000, quarter + 4_500, 1_000) == quarter + 5_000
    assert following(quarter - 1_000, quarter + 400, 1_000) == quarter
    assert following(quarter, quarter + 400, 1_000) == quarter + 1_000
