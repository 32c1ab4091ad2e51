"""Which state counts: own entry, ancestor's entry, statutory calendar, weekday rule."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.calendar import plant_time
from backend.aggregation.operating import (
    Entry,
    Origin,
    Rules,
    State,
    joined,
    resolve,
    worked_days,
)
from backend.aggregation.shifts import ready_made
from backend.aggregation.statutory import CALENDARS, spring_festivals, statutory

PLANT = plant_time("Asia/Shanghai", 0)
DAY = timedelta(days=1)
LINE, SHOP, SITE = 3, 2, 1
CHAIN = (LINE, SHOP, SITE)
WEEKEND = frozenset({6, 7})
CN = Rules(WEEKEND, statutory("cn"))
PLAIN = Rules(WEEKEND)


def entry(
    node: int, state: State, start: str, end: str, *, id: int = 1, dead: bool = False
) -> Entry:
    """An entry by Shanghai's clock; whole days where both ends are midnight."""
    bounds = [datetime.fromisoformat(f"{one}+08:00").astimezone(UTC) for one in (start, end)]
    whole = start.endswith("00:00") and end.endswith("00:00")
    return Entry(id, UUID(int=id), node, state, bounds[0], bounds[1], whole, dead, "")


def told(entries: Sequence[Entry], day: str, rules: Rules = PLAIN) -> list[str]:
    """The stretches of one day, by Shanghai's clock."""
    first = date.fromisoformat(day)
    return [
        f"{one.start + timedelta(hours=8):%H:%M} {one.state} {one.origin}"
        for one in joined(resolve(PLANT, CHAIN, entries, rules, first, first + DAY))
    ]


STOP = entry(LINE, State.STOP, "2026-03-16T00:00", "2026-03-18T00:00", id=1)
SHOP_WORKS = entry(SHOP, State.MAKEUP, "2026-03-14T00:00", "2026-03-17T00:00", id=2)
SITE_RESTS = entry(SITE, State.REST, "2026-03-13T00:00", "2026-03-19T00:00", id=3)
FIX = entry(LINE, State.MAINTENANCE, "2026-03-16T08:00", "2026-03-16T12:00", id=4)


@pytest.mark.parametrize(
    ("entries", "day", "rules", "expected"),
    [
        ((), "2026-03-16", PLAIN, ["00:00 work weekday"]),
        ((), "2026-03-15", PLAIN, ["00:00 rest weekday"]),
        ((), "2026-02-28", PLAIN, ["00:00 rest weekday"]),
        ((), "2026-02-28", CN, ["00:00 makeup statutory"]),
        ((), "2026-02-17", PLAIN, ["00:00 work weekday"]),
        ((), "2026-02-17", CN, ["00:00 rest statutory"]),
        ((), "2027-02-08", CN, ["00:00 work weekday"]),
        ((STOP,), "2026-03-16", PLAIN, ["00:00 stop own"]),
        ((STOP,), "2026-03-18", PLAIN, ["00:00 work weekday"]),
        ((SITE_RESTS,), "2026-03-16", PLAIN, ["00:00 rest ancestor"]),
        ((SITE_RESTS, SHOP_WORKS), "2026-03-16", PLAIN, ["00:00 makeup ancestor"]),
        ((SITE_RESTS, SHOP_WORKS), "2026-03-17", PLAIN, ["00:00 rest ancestor"]),
        ((SITE_RESTS, SHOP_WORKS, STOP), "2026-03-16", PLAIN, ["00:00 stop own"]),
        ((STOP, replace(STOP, id=9, state=State.WORK)), "2026-03-16", PLAIN, ["00:00 work own"]),
        (
            (STOP, FIX),
            "2026-03-16",
            PLAIN,
            ["00:00 stop own", "08:00 maintenance own", "12:00 stop own"],
        ),
        ((replace(SHOP_WORKS, node_id=77),), "2026-03-15", PLAIN, ["00:00 rest weekday"]),
        (
            (entry(SITE, State.RATIONED, "2026-02-17T14:00", "2026-02-17T17:00"),),
            "2026-02-17",
            CN,
            ["00:00 rest statutory", "14:00 rationed ancestor", "17:00 rest statutory"],
        ),
    ],
)
def test_precedence(entries: Sequence[Entry], day: str, rules: Rules, expected: list[str]) -> None:
    assert told(entries, day, rules) == expected


def test_a_nearer_entry_may_say_that_power_flows() -> None:
    dead = replace(SITE_RESTS, de_energised=True)
    assert [
        s.de_energised
        for s in resolve(PLANT, CHAIN, [dead], PLAIN, date(2026, 3, 16), date(2026, 3, 17))
    ] == [True]
    found = resolve(PLANT, CHAIN, [dead, FIX], PLAIN, date(2026, 3, 16), date(2026, 3, 17))
    assert [one.de_energised for one in found] == [True, False, True]


@pytest.mark.parametrize(
    ("entries", "day", "calendar", "everyday"),
    [
        ((), "2026-03-16", True, True),
        ((), "2026-03-15", False, True),
        ((), "2026-02-17", False, True),
        ((), "2026-02-28", True, True),
        ((SITE_RESTS,), "2026-03-16", False, False),
        ((SITE_RESTS, SHOP_WORKS), "2026-03-15", True, True),
        ((FIX,), "2026-03-16", True, True),
        ((replace(STOP, state=State.RATIONED),), "2026-03-16", True, True),
        ((replace(STOP, state=State.MAINTENANCE),), "2026-03-16", True, True),
    ],
)
def test_which_days_have_shifts(
    entries: Sequence[Entry], day: str, calendar: bool, everyday: bool
) -> None:
    works = worked_days(PLANT, CHAIN, entries, CN)
    on = date.fromisoformat(day)
    assert works(ready_made()["two-shift"][1], on) is calendar
    assert works(ready_made()["four-teams-three-shifts"][1], on) is everyday


@given(
    st.lists(
        st.builds(
            lambda node, state, start, length, id: Entry(
                id,
                UUID(int=id),
                node,
                state,
                datetime(2026, 3, 27, tzinfo=UTC) + timedelta(hours=start),
                datetime(2026, 3, 27, tzinfo=UTC) + timedelta(hours=start + length),
                False,
                False,
                "",
            ),
            st.sampled_from(CHAIN),
            st.sampled_from(State),
            st.integers(-20, 90),
            st.integers(1, 60),
            st.integers(1, 99),
        ),
        max_size=6,
    )
)
def test_stretches_leave_no_holes_and_the_strongest_entry_counts(entries: list[Entry]) -> None:
    plant = plant_time("Europe/Berlin", 360)
    found = resolve(plant, CHAIN, entries, PLAIN, date(2026, 3, 28), date(2026, 3, 31))
    assert found[0].start == plant.start_of(date(2026, 3, 28))
    assert found[-1].end == plant.start_of(date(2026, 3, 31))
    assert all(one.end == other.start for one, other in pairwise(found))
    for one in found:
        holding = [e for e in entries if e.start <= one.start and one.end <= e.end]
        overlapping = [e for e in entries if e.start < one.end and one.start < e.end]
        assert len(holding) == len(overlapping)
        if not holding:
            assert (one.entry, one.origin) == (None, Origin.WEEKDAY)
            continue
        best = min(holding, key=lambda e: (CHAIN.index(e.node_id), -e.id))
        assert one.entry is not None
        assert (one.entry.node_id, one.entry.id) == (best.node_id, best.id)


def test_statutory_rows_are_whole() -> None:
    for code in CALENDARS:
        found = statutory(code)
        assert set(found.name) == {"en", "zh-CN"}
        assert not set(found.rest) & found.makeup
        for number, year in found.years.items():
            assert set(year.source) == {"en", "zh-CN"}
            days = [day for day in (*found.rest, *found.makeup) if day.year == number]
            assert len(days) == len(set(days)) > 20
            assert all(
                span.first <= span.last and set(span.name) == {"en", "zh-CN"} for span in year.rest
            )
        # Every make-up day is a weekend day: else it would make up for nothing.
        assert all(day.isoweekday() in WEEKEND for day in found.makeup)


def test_days_at_rest_of_two_years() -> None:
    cn = statutory("cn")
    assert [sum(day.year == year for day in cn.rest) for year in (2025, 2026)] == [28, 33]
    assert [sum(day.year == year for day in cn.makeup) for year in (2025, 2026)] == [5, 6]


def test_lunar_new_years() -> None:
    found = spring_festivals()
    assert sorted(found) == list(range(2020, 2036))
    # Lunar years have 354, 355 or (with a leap month) 383 to 385 days, and begin between
    # 21 January and 20 February.
    assert {(b - a).days for a, b in pairwise(found.values())} <= {354, 355, 383, 384, 385}
    assert all(date(y, 1, 21) <= day <= date(y, 2, 20) for y, day in found.items())
    for year in (2025, 2026):
        assert found[year] in statutory("cn").rest
