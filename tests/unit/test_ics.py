"""Calendar files: days, times in zones, every year, and faults by line and property."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.aggregation.operating import State
from backend.service.calendar.ics import Event, Fault, is_calendar, read_events
from backend.service.calendar.importing import state_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
HORIZON = date(2028, 12, 31)


def read(*lines: str) -> tuple[list[Event], list[Fault]]:
    """Read an event of these lines; the first stands in line 3."""
    body = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"]
    return read_events("\r\n".join(body), SHANGHAI, HORIZON)


def told(*lines: str) -> list[str]:
    events, faults = read(*lines)
    assert faults == []
    return [
        f"{one.first_day}..{one.last_day}"
        if one.start is None
        else f"{one.start:%Y-%m-%dT%H:%MZ}..{one.end:%Y-%m-%dT%H:%MZ}"
        for one in events
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["DTSTART;VALUE=DATE:20260215", "DTEND;VALUE=DATE:20260224"], ["2026-02-15..2026-02-23"]),
        (["DTSTART;VALUE=DATE:20260215"], ["2026-02-15..2026-02-15"]),
        (["DTSTART:20260215"], ["2026-02-15..2026-02-15"]),
        (
            ["DTSTART:20260316T000000Z", "DTEND:20260316T060000Z"],
            ["2026-03-16T00:00Z..2026-03-16T06:00Z"],
        ),
        (
            ["DTSTART:20260316T080000", "DTEND:20260316T140000"],
            ["2026-03-16T00:00Z..2026-03-16T06:00Z"],
        ),
        (
            ['DTSTART;TZID="Europe/Berlin":20260329T013000', "DTEND:20260329T120000Z"],
            ["2026-03-29T00:30Z..2026-03-29T12:00Z"],
        ),
        (
            ["DTSTART;VALUE=DATE:20260501", "RRULE:FREQ=YEARLY"],
            ["2026-05-01..2026-05-01", "2027-05-01..2027-05-01", "2028-05-01..2028-05-01"],
        ),
        (
            ["DTSTART:20260501", "RRULE:FREQ=YEARLY;COUNT=2;BYMONTH=5;BYMONTHDAY=1"],
            ["2026-05-01..2026-05-01", "2027-05-01..2027-05-01"],
        ),
        (["DTSTART:20260501", "RRULE:FREQ=YEARLY;UNTIL=20270430"], ["2026-05-01..2026-05-01"]),
        (
            ["DTSTART:20280229", "RRULE:FREQ=YEARLY"],
            ["2028-02-29..2028-02-29"],
        ),
    ],
)
def test_events(lines: list[str], expected: list[str]) -> None:
    assert told(*lines) == expected


def test_folded_lines_alarms_and_escapes() -> None:
    events, faults = read(
        "SUMMARY:Spring\\, ",
        " Festival",
        "DTSTART:20260215",
        "BEGIN:VALARM",
        "TRIGGER:-PT15M",
        "DTSTART:garbage",
        "END:VALARM",
    )
    assert (events, faults) == (
        [Event(2, "Spring, Festival", date(2026, 2, 15), date(2026, 2, 15))],
        [],
    )


@pytest.mark.parametrize(
    ("lines", "row", "field", "code"),
    [
        (["SUMMARY:x"], 2, "DTSTART", "ics_missing"),
        (["DTSTART:20260230"], 3, "DTSTART", "ics_time"),
        (["DTSTART:tomorrow"], 3, "DTSTART", "ics_time"),
        (["DTSTART:20260301", "DTEND:20260301"], 4, "DTEND", "ics_order"),
        (["DTSTART:20260301", "DTEND:20260302T000000Z"], 4, "DTEND", "ics_mixed"),
        (["DTSTART;TZID=Mars/Olympus:20260301T000000"], 3, "DTSTART", "ics_zone"),
        (["DTSTART:20260301", "RRULE:FREQ=WEEKLY"], 4, "RRULE", "ics_rule"),
        (["DTSTART:20260301", "RRULE:FREQ=YEARLY;BYDAY=1MO"], 4, "RRULE", "ics_rule"),
        (["DTSTART:20260301", "RRULE:FREQ=YEARLY;INTERVAL=2"], 4, "RRULE", "ics_rule"),
        (["DTSTART:20260301", "RRULE:FREQ=YEARLY;BYMONTH=4"], 4, "RRULE", "ics_rule"),
        (["DTSTART:20260301", "DURATION:P1D"], 4, "DURATION", "ics_property"),
        (["DTSTART:20260301", "EXDATE:20270301"], 4, "EXDATE", "ics_property"),
        (["DTSTART:20260301", "what is this"], 4, "", "ics_line"),
    ],
)
def test_a_fault_names_line_and_property(lines: list[str], row: int, field: str, code: str) -> None:
    _, faults = read(*lines)
    assert [(fault.row, fault.field, fault.code) for fault in faults] == [(row, field, code)]


def test_a_file_that_was_cut_off_says_so() -> None:
    events, faults = read_events("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:2026", SHANGHAI, HORIZON)
    assert events == []
    assert [fault.code for fault in faults] == ["ics_end"]


@given(st.text(alphabet="BEGIN:VCALRTDSU;=0126TZ\r\n \\,", max_size=200))
def test_whatever_is_written_it_is_read_or_named(text: str) -> None:
    events, faults = read_events(f"BEGIN:VCALENDAR\n{text}", SHANGHAI, HORIZON)
    assert is_calendar(f"\ufeffBEGIN:VCALENDAR\n{text}")
    assert all(fault.code.startswith("ics_") for fault in faults)
    assert len(events) <= text.count("T")


@pytest.mark.parametrize(
    ("written", "state"),
    [
        ("春节 休", State.REST),
        ("国庆节（休）", State.REST),
        ("春节 补班", State.MAKEUP),
        ("班", State.MAKEUP),
        ("Labour Day holiday", State.REST),
        ("Make-up workday", State.MAKEUP),
        ("有序用电", State.RATIONED),
        ("年度检修", State.MAINTENANCE),
        ("Shutdown", State.STOP),
        ("WORK", State.WORK),
        ("Overtime bonus", None),
        ("", None),
    ],
)
def test_what_people_call_states(written: str, state: State | None) -> None:
    assert state_of(written) is state
