"""Plant days in zones with and without clock changes (cases.md 11 and 12)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.calendar import CalendarRow, Period, days, months, plant_time, weeks

DAY = timedelta(days=1)


def rows_of(zone: str, first: str, last: str, start_minute: int = 0) -> list[CalendarRow]:
    plant = plant_time(zone, start_minute)
    bounds = date.fromisoformat(first), date.fromisoformat(last)
    return [*days(plant, *bounds), *months(plant, *bounds)]


def only(rows: list[CalendarRow], period: Period) -> list[CalendarRow]:
    return [row for row in rows if row.period == period]


def hours(row: CalendarRow) -> float:
    return (row.end - row.start) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "first", "lengths", "starts_at"),
    [
        ("America/New_York", "2026-03-07", [24, 23, 24], "2026-03-07T05:00Z"),
        ("America/New_York", "2026-10-31", [24, 25, 24], "2026-10-31T04:00Z"),
        ("America/Bogota", "2026-03-07", [24, 24, 24], "2026-03-07T05:00Z"),
        ("Europe/Berlin", "2026-03-28", [24, 23, 24], "2026-03-27T23:00Z"),
        ("Europe/Berlin", "2026-10-24", [24, 25, 24], "2026-10-23T22:00Z"),
        ("Asia/Kolkata", "2026-03-28", [24, 24, 24], "2026-03-27T18:30Z"),
        ("Asia/Kathmandu", "2026-03-28", [24, 24, 24], "2026-03-27T18:15Z"),
        ("Australia/Darwin", "2026-03-28", [24, 24, 24], "2026-03-27T14:30Z"),
        ("Australia/Lord_Howe", "2026-04-04", [24, 24.5, 24], "2026-04-03T13:00Z"),
        ("Asia/Shanghai", "2026-03-28", [24, 24, 24], "2026-03-27T16:00Z"),
    ],
)
def test_case_11_days(zone: str, first: str, lengths: list[float], starts_at: str) -> None:
    rows = rows_of(zone, first, (date.fromisoformat(first) + 3 * DAY).isoformat())
    found = only(rows, Period.DAY)
    assert [hours(day) for day in found] == lengths
    assert found[0].start == datetime.fromisoformat(starts_at)
    assert [day.label for day in found] == [
        (date.fromisoformat(first) + i * DAY).isoformat() for i in range(3)
    ]
    for day in found:
        inside = [h for h in only(rows, Period.HOUR) if day.start <= h.start < day.end]
        assert inside[0].start == day.start
        assert inside[-1].end == day.end
        assert all(a.end == b.start for a, b in pairwise(inside))
        assert sum(hours(h) for h in inside) == hours(day)


def test_case_11_shift_day_from_eight_to_eight() -> None:
    rows = rows_of("Asia/Shanghai", "2026-02-27", "2026-03-02", start_minute=480)
    found = only(rows, Period.DAY)
    assert found[0] == (
        Period.DAY,
        datetime(2026, 2, 27, 0, tzinfo=UTC),
        datetime(2026, 2, 28, 0, tzinfo=UTC),
        "2026-02-27",
    )
    assert only(rows, Period.MONTH)[1].start == datetime(2026, 3, 1, 0, tzinfo=UTC)
    assert only(rows, Period.HOUR)[0].label == "2026-02-27T08:00+08:00"


def test_case_11_a_viewer_elsewhere_sees_the_plants_day() -> None:
    # The same instant in other zones' notation is the same day of the plant.
    plant = plant_time("Asia/Shanghai", 0)
    for text in ("2026-03-14T16:00Z", "2026-03-14T12:00-04:00", "2026-03-15T01:00+09:00"):
        assert plant.day_of(datetime.fromisoformat(text)) == date(2026, 3, 15)
    assert plant.day_of(datetime.fromisoformat("2026-03-14T15:59:59Z")) == date(2026, 3, 14)


def test_case_11_the_repeated_hour_has_two_names() -> None:
    found = only(rows_of("Europe/Berlin", "2026-10-25", "2026-10-26"), Period.HOUR)
    assert len(found) == 25
    assert [h.label for h in found[2:4]] == ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]


def test_case_12_eleven_at_night_stays_today() -> None:
    for start_minute, day in ((0, date(2026, 3, 15)), (480, date(2026, 3, 15))):
        plant = plant_time("Asia/Shanghai", start_minute)
        assert plant.day_of(datetime.fromisoformat("2026-03-15T23:00+08:00")) == day
    found = rows_of("Asia/Shanghai", "2026-03-15", "2026-03-17")
    stamp = datetime.fromisoformat("2026-03-15T23:00+08:00")
    holding = [row.label for row in found if row.start <= stamp < row.end]
    assert holding == ["2026-03-15", "2026-03-15T23:00+08:00", "2026-03", "2026"]


def test_months_and_years_are_whole() -> None:
    rows = rows_of("Europe/Berlin", "2025-12-30", "2026-02-02")
    assert [m.label for m in only(rows, Period.MONTH)] == ["2025-12", "2026-01", "2026-02"]
    assert [y.label for y in only(rows, Period.YEAR)] == ["2025", "2026"]
    assert hours(only(rows, Period.YEAR)[0]) == 8760
    march = only(rows_of("Europe/Berlin", "2026-03-03", "2026-03-04"), Period.MONTH)
    assert hours(march[0]) == 31 * 24 - 1


@pytest.mark.parametrize("minute", [7, -15, 1440])
def test_a_day_begins_at_a_quarter_hour(minute: int) -> None:
    with pytest.raises(ValueError, match=f"not at minute {minute}"):
        plant_time("Asia/Shanghai", minute)


ZONES = st.sampled_from(
    [
        "America/New_York",
        "America/St_Johns",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Asia/Tokyo",
        "Asia/Beirut",
        "Asia/Tehran",
        "Australia/Darwin",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Europe/Berlin",
        "Europe/London",
        "Pacific/Chatham",
    ]
)


@given(
    ZONES,
    st.integers(0, 95).map(lambda quarter: quarter * 15),
    st.dates(date(2015, 1, 1), date(2030, 1, 1)),
)
def test_levels_are_cut_from_one_another(zone: str, start_minute: int, first: date) -> None:
    plant = plant_time(zone, start_minute)
    rows = list(days(plant, first, first + 5 * DAY))
    found = only(rows, Period.DAY)
    assert all(a.end == b.start for a, b in pairwise(found))
    assert sorted({t.start for t in only(rows, Period.HOUR)} | {found[-1].end}) == sorted(
        {t.end for t in only(rows, Period.HOUR)} | {found[0].start}
    )
    assert all(0 < hours(h) <= 1 for h in only(rows, Period.HOUR))
    assert all(23 <= hours(day) <= 25 for day in found)
    assert all(row.start.timestamp() % 900 == 0 for row in rows)
    for row in months(plant, first, first + 5 * DAY):
        assert all(plant.start_of(plant.day_of(bound)) == bound for bound in (row.start, row.end))
    for day in found:
        assert plant.day_of(day.start).isoformat() == day.label
        assert plant.day_of(day.end - timedelta(seconds=1)).isoformat() == day.label


def test_weeks_begin_on_the_projects_weekday() -> None:
    # 2026-03-04 is a Wednesday.
    for weekday, firsts in ((1, ["2026-03-02", "2026-03-09"]), (7, ["2026-03-01", "2026-03-08"])):
        plant = plant_time("Europe/Berlin", 360, week_start=weekday)
        found = list(weeks(plant, date(2026, 3, 4), date(2026, 3, 10)))
        assert [week.label for week in found] == firsts
        assert found[0].start == datetime.fromisoformat(firsts[0] + "T05:00+00:00")
        assert found[0].end == found[1].start
    over_the_change = weeks(plant_time("Europe/Berlin", 0), date(2026, 3, 25), date(2026, 3, 26))
    assert [hours(week) for week in over_the_change] == [167]


def test_a_months_first_day_and_a_years_first_month() -> None:
    plant = plant_time("Asia/Shanghai", 0, month_start_day=26, year_start_month=4)
    found = list(months(plant, date(2026, 3, 20), date(2026, 3, 27)))
    assert [(row.label, row.start) for row in found] == [
        ("2026-03", datetime(2026, 2, 25, 16, tzinfo=UTC)),
        ("2026-04", datetime(2026, 3, 25, 16, tzinfo=UTC)),
        ("2025/26", datetime(2025, 3, 25, 16, tzinfo=UTC)),
        ("2026/27", datetime(2026, 3, 25, 16, tzinfo=UTC)),
    ]
    early = plant_time("Asia/Shanghai", 0, month_start_day=5)
    assert early.month_of(date(2026, 1, 4)) == date(2025, 12, 5)
    assert early.year_of(date(2026, 1, 4)) == date(2025, 1, 5)
    assert [m.label for m in months(early, date(2026, 1, 4), date(2026, 1, 6))] == [
        "2025-12",
        "2026-01",
        "2025",
        "2026",
    ]


@pytest.mark.parametrize(
    ("week", "month", "year", "told"),
    [
        (0, 1, 1, "a week begins on a weekday from 1 to 7, not on 0"),
        (1, 29, 1, "a month begins on a day from 1 to 28, not on 29"),
        (1, 1, 13, "a year begins with a month from 1 to 12, not with 13"),
    ],
)
def test_a_calendar_that_cannot_be(week: int, month: int, year: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        plant_time("Asia/Shanghai", 0, week, month, year)


@given(
    ZONES,
    st.integers(1, 7),
    st.integers(1, 28),
    st.integers(1, 12),
    st.dates(date(2015, 1, 1), date(2030, 1, 1)),
)
def test_weeks_and_months_follow_one_another(
    zone: str, week: int, month: int, year: int, first: date
) -> None:
    plant = plant_time(zone, 0, week, month, year)
    rows = [*weeks(plant, first, first + 40 * DAY), *months(plant, first, first + 40 * DAY)]
    for period in (Period.WEEK, Period.MONTH, Period.YEAR):
        found = only(rows, period)
        assert found[0].start <= plant.start_of(first)
        assert plant.start_of(first + 40 * DAY) <= found[-1].end
        assert all(a.end == b.start for a, b in pairwise(found))
        assert len({row.label for row in found}) == len(found)
    for row in only(rows, Period.WEEK):
        assert plant.day_of(row.start).isoweekday() == week
        assert plant.day_of(row.end) - plant.day_of(row.start) == 7 * DAY
    starts = {row.start for row in months(plant, first - 800 * DAY, first + 800 * DAY)}
    assert {row.start for row in only(rows, Period.YEAR)} <= starts


def test_a_time_that_clocks_jump_over_is_the_jump() -> None:
    berlin = plant_time("Europe/Berlin", 150)
    assert berlin.start_of(date(2026, 3, 29)) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert berlin.start_of(date(2026, 10, 25)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
