"""Shift patterns become rows without gaps: over midnight, over clock changes, over a new one."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.calendar import plant_time
from backend.aggregation.shifts import (
    DatedPattern,
    Pattern,
    PatternError,
    ShiftRow,
    expand,
    read_pattern,
    ready_made,
)

DAY = timedelta(days=1)
EVER = date(2000, 1, 1)


def always(_pattern: Pattern, _day: date) -> bool:
    return True


def never(_pattern: Pattern, _day: date) -> bool:
    return False


def told(rows: list[ShiftRow], offset: int = 8) -> list[str]:
    """Rows by the clock of a zone without clock changes."""
    return [
        f"{row.start + timedelta(hours=offset):%d %H:%M}-{row.end + timedelta(hours=offset):%H:%M}"
        f" {row.shift}{row.team} {row.day:%d}"
        for row in rows
    ]


def test_four_teams_on_three_shifts() -> None:
    plant = plant_time("Asia/Shanghai", 0)
    pattern = ready_made()["four-teams-three-shifts"][1]
    # 2026-03-15 is day 20,527 since 1970: the eighth day of the rota.
    rows = list(
        expand(plant, [DatedPattern(pattern, EVER)], always, date(2026, 3, 15), date(2026, 3, 17))
    )
    assert told(rows) == [
        "15 00:00-08:00 night丁 15",
        "15 08:00-16:00 day乙 15",
        "15 16:00-00:00 evening丙 15",
        "16 00:00-08:00 night丙 16",
        "16 08:00-16:00 day甲 16",
        "16 16:00-00:00 evening乙 16",
    ]
    year = list(
        expand(plant, [DatedPattern(pattern, EVER)], always, date(2026, 1, 1), date(2026, 12, 27))
    )
    assert Counter(row.team for row in year) == dict.fromkeys("甲乙丙丁", 270)


def test_over_midnight_a_shift_counts_to_the_day_it_begins_in() -> None:
    pattern = ready_made()["two-shift"][1]
    first, last = date(2026, 3, 15), date(2026, 3, 17)
    by_midnight = list(
        expand(plant_time("Asia/Shanghai", 0), [DatedPattern(pattern, EVER)], always, first, last)
    )
    assert told(by_midnight) == [
        "15 00:00-08:00 nightA 15",
        "15 08:00-20:00 dayB 15",
        "15 20:00-08:00 nightA 15",
        "16 08:00-20:00 dayA 16",
        "16 20:00-00:00 nightB 16",
    ]
    by_shift = list(
        expand(plant_time("Asia/Shanghai", 480), [DatedPattern(pattern, EVER)], always, first, last)
    )
    assert told(by_shift) == [
        "15 08:00-20:00 dayB 15",
        "15 20:00-08:00 nightA 15",
        "16 08:00-20:00 dayA 16",
        "16 20:00-08:00 nightB 16",
    ]


def test_where_days_begin_at_eight_the_night_after_midnight_is_the_last_of_its_day() -> None:
    pattern = ready_made()["four-teams-three-shifts"][1]
    worked = {date(2026, 3, 15)}
    rows = list(
        expand(
            plant_time("Asia/Shanghai", 480),
            [DatedPattern(pattern, EVER)],
            lambda _, day: day in worked,
            date(2026, 3, 14),
            date(2026, 3, 17),
        )
    )
    assert told(rows) == [
        "14 08:00-08:00  14",
        "15 08:00-16:00 day乙 15",
        "15 16:00-00:00 evening丙 15",
        "16 00:00-08:00 night丁 15",
        "16 08:00-08:00  16",
    ]


def test_between_shifts_nobody_works() -> None:
    plant = plant_time("Asia/Shanghai", 0)
    pattern = ready_made()["day-shift"][1]
    worked = {date(2026, 3, 16)}
    rows = list(
        expand(
            plant,
            [DatedPattern(pattern, EVER)],
            lambda _, day: day in worked,
            date(2026, 3, 15),
            date(2026, 3, 17),
        )
    )
    assert told(rows) == [
        "15 00:00-00:00  15",
        "16 00:00-08:00  16",
        "16 08:00-17:00 dayA 16",
        "16 17:00-00:00  16",
    ]


def test_a_new_pattern_ends_the_shift_it_overtakes() -> None:
    plant = plant_time("Asia/Shanghai", 0)
    old, new = ready_made()["two-shift"][1], ready_made()["four-teams-three-shifts"][1]
    patterns = [DatedPattern(old, EVER, date(2026, 3, 16)), DatedPattern(new, date(2026, 3, 16))]
    rows = list(expand(plant, patterns, always, date(2026, 3, 15), date(2026, 3, 17)))
    assert told(rows)[2:4] == ["15 20:00-00:00 nightA 15", "16 00:00-08:00 night丙 16"]
    # The other way round the old evening ends before the new day begins: off between them.
    back = [DatedPattern(new, EVER, date(2026, 3, 16)), DatedPattern(old, date(2026, 3, 16))]
    rows = list(expand(plant, back, always, date(2026, 3, 15), date(2026, 3, 17)))
    assert told(rows)[3:5] == ["16 00:00-08:00  16", "16 08:00-20:00 dayA 16"]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/Berlin", "2026-03-29", 23), ("Europe/Berlin", "2026-10-25", 25)],
)
def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer(
    zone: str, day: str, hours: int
) -> None:
    plant = plant_time(zone, 0)
    pattern = ready_made()["four-teams-three-shifts"][1]
    first = date.fromisoformat(day)
    rows = list(expand(plant, [DatedPattern(pattern, EVER)], always, first, first + DAY))
    lengths = [(row.shift, (row.end - row.start) / timedelta(hours=1)) for row in rows]
    assert lengths == [("night", hours - 16), ("day", 8), ("evening", 8)]


CLOCKS = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02d}:{quarter % 4 * 15:02d}")


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    """Any pattern: slots between cuts of the day's circle, some worked on some days."""
    cuts = sorted(draw(st.sets(CLOCKS, min_size=2, max_size=5)))
    names = [f"s{place}" for place in range(len(cuts))]
    slots = [
        {"name": name, "start": start, "end": end}
        for name, start, end in zip(names, cuts, [*cuts[1:], cuts[0]], strict=True)
    ]
    days = st.sets(st.sampled_from(names)).map(lambda some: dict.fromkeys(sorted(some), "A"))
    cycle = draw(st.lists(days, min_size=1, max_size=5))
    return read_pattern({"slots": slots, "cycle": cycle, "anchor": "2020-01-01"})


ZONES = st.sampled_from(
    ["America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Berlin", "Africa/Cairo"]
)


@given(
    ZONES,
    st.integers(0, 95).map(lambda quarter: quarter * 15),
    st.dates(date(2024, 1, 5), date(2027, 1, 1)),
    st.lists(patterns(), min_size=1, max_size=3),
    st.sets(st.integers(0, 14)),
)
def test_rows_never_overlap_and_leave_no_holes(
    zone: str, start_minute: int, first: date, some: list[Pattern], rest: set[int]
) -> None:
    plant = plant_time(zone, start_minute)
    changes = [EVER, *(first + n * 4 * DAY for n in range(1, len(some))), None]
    dated = [
        DatedPattern(pattern, begins or EVER, ends)
        for pattern, begins, ends in zip(some, changes, changes[1:], strict=False)
    ]
    last = first + 14 * DAY
    rows = list(expand(plant, dated, lambda _, day: (day - first).days not in rest, first, last))
    assert rows[0].start == plant.start_of(first)
    assert rows[-1].end == plant.start_of(last)
    assert all(one.end == other.start for one, other in pairwise(rows))
    assert all(row.start < row.end and row.start.timestamp() % 900 == 0 for row in rows)
    assert all(plant.day_of(row.start) == row.day for row in rows)
    assert all(
        plant.day_of(row.end - timedelta(seconds=1)) == row.day for row in rows if not row.shift
    )
    assert all((row.shift == "") == (row.team == "") for row in rows)


def test_without_working_days_all_is_off() -> None:
    plant = plant_time("Europe/Berlin", 0)
    pattern = ready_made()["two-shift"][1]
    rows = list(
        expand(plant, [DatedPattern(pattern, EVER)], never, date(2026, 3, 28), date(2026, 3, 30))
    )
    assert [(row.start, row.shift) for row in rows] == [
        (datetime(2026, 3, 27, 23, tzinfo=UTC), ""),
        (datetime(2026, 3, 28, 23, tzinfo=UTC), ""),
    ]


SLOT = {"name": "day", "start": "08:00", "end": "16:00"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"slots": []}, "length >= 1"),
        ({"slots": [SLOT, SLOT]}, "two slots have the same name"),
        ({"slots": [SLOT, SLOT | {"name": "late", "start": "15:45"}]}, "slots overlap"),
        ({"slots": [SLOT, SLOT | {"name": "n", "start": "20:00", "end": "08:15"}]}, "overlap"),
        ({"slots": [SLOT | {"start": "08:07"}]}, r"\$.slots\[0\].start"),
        ({"slots": [SLOT | {"end": "25:00"}]}, r"\$.slots\[0\].end"),
        ({"cycle": [{"day": "A"}, {"nigth": "A"}]}, r"'nigth' is no slot - `\$.cycle\[1\]`"),
        ({"cycle": []}, "length >= 1"),
        ({"anchor": "2026-02-30"}, "anchor"),
        ({"weekdays": [1]}, "unknown field `weekdays`"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(change: dict[str, object], told: str) -> None:
    good = {"slots": [SLOT], "cycle": [{"day": "A"}], "anchor": "2026-01-01"}
    read_pattern(good)
    with pytest.raises(PatternError, match=told):
        read_pattern(good | change)
