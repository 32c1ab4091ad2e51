"""What spans are compared with: dates move, not seconds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.calendar import plant_time
from backend.aggregation.earlier import Against, Back, back

SHANGHAI = plant_time("Asia/Shanghai", 0)
BERLIN = plant_time("Europe/Berlin", 8 * 60)


def day(text: str, clock: str = "00:00") -> datetime:
    """An instant of Shanghai."""
    return datetime.fromisoformat(f"{text}T{clock}:00+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "end", "against", "expected"),
    [
        ("2026-11-01", "2026-12-01", Against.PREVIOUS, ("2026-10-01", "2026-11-01")),
        ("2026-01-01", "2027-01-01", Against.PREVIOUS, ("2025-01-01", "2026-01-01")),
        ("2026-11-21", "2026-12-21", Against.PREVIOUS, ("2026-10-21", "2026-11-21")),
        ("2026-11-23", "2026-11-30", Against.PREVIOUS, ("2026-11-16", "2026-11-23")),
        ("2026-11-26", "2026-11-27", Against.PREVIOUS, ("2026-11-25", "2026-11-26")),
        ("2026-03-01", "2026-04-01", Against.YEAR, ("2025-03-01", "2025-04-01")),
        ("2024-02-29", "2024-03-01", Against.YEAR, ("2023-02-28", "2023-03-01")),
    ],
)
def test_spans_of_dates(start: str, end: str, against: Against, expected: tuple[str, str]) -> None:
    step = back(SHANGHAI, day(start), day(end), against)
    found = step.of(SHANGHAI, day(start)), step.of(SHANGHAI, day(end))
    assert found == (day(expected[0]), day(expected[1]))


def test_a_running_month_ends_at_the_same_time_of_the_month_before() -> None:
    step = back(SHANGHAI, day("2026-11-01"), day("2026-12-01"), Against.PREVIOUS)
    assert step == Back(months=1)
    assert step.of(SHANGHAI, day("2026-11-26", "13:15")) == day("2026-10-26", "13:15")
    # A day that the month before does not have is its last one.
    assert Back(months=1).of(SHANGHAI, day("2026-03-31", "09:00")) == day("2026-02-28", "09:00")


def test_a_span_within_a_day_is_compared_with_the_day_before() -> None:
    step = back(SHANGHAI, day("2026-11-26"), day("2026-11-26", "13:15"), Against.PREVIOUS)
    assert step == Back(days=1)


@given(
    st.integers(0, 4 * 366 * 24 * 60),
    st.integers(0, 30),
    st.integers(0, 24),
)
def test_a_day_begins_a_day_however_far_back(minute: int, days: int, months: int) -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    start = BERLIN.start_of(BERLIN.day_of(at))
    moved = Back(months=months, days=days).of(BERLIN, start)
    assert moved == BERLIN.start_of(BERLIN.day_of(moved))
    assert moved <= start
    # Whatever the clocks did between them, the time of the business day is the same.
    later = Back(months=months, days=days).of(BERLIN, start + timedelta(hours=3))
    assert later == moved + timedelta(hours=3)
