"""What a period is compared with: before, a year ago, the same days around Spring Festival."""

from datetime import date, datetime, timedelta

import pytest

from backend.aggregation.calendar import Period, PlantTime, plant_time
from backend.aggregation.comparison import Align, Comparison, comparable

SHANGHAI = plant_time("Asia/Shanghai", 0)
BERLIN = plant_time("Europe/Berlin", 0)
FISCAL = plant_time("Asia/Shanghai", 480, 1, 26, 1)
MOM, YOY, FESTIVAL = Comparison.MOM, Comparison.YOY, Comparison.SPRING_FESTIVAL
DATE, WEEKDAY, TYPE = Align.DATE, Align.WEEKDAY, Align.DAY_TYPE


PLANTS = {"shanghai": SHANGHAI, "fiscal": FISCAL}
# Period, instant, kind, alignment, and the spans; 26-02-17 is the lunar new year, 25-01-29 the one
# before.
SPANS = """
DAY 2026-03-16T10:00 mom date 26-03-16..26-03-17 with 26-03-15..26-03-16
DAY 2026-03-16T10:00 mom weekday 26-03-16..26-03-17 with 26-03-09..26-03-10
DAY 2026-03-16T10:00 mom day_type 26-03-16..26-03-17 with 26-03-13..26-03-14
DAY 2026-03-16T10:00 yoy date 26-03-16..26-03-17 with 25-03-16..25-03-17
DAY 2026-03-16T10:00 yoy weekday 26-03-16..26-03-17 with 25-03-17..25-03-18
DAY 2026-03-16T10:00 yoy day_type 26-03-16..26-03-17 with 25-03-17..25-03-18
DAY 2028-02-29T10:00 yoy date 28-02-29..28-03-01 with 27-02-28..27-03-01
SHIFT 2026-03-16T10:00 mom date 26-03-16..26-03-17 with 26-03-15..26-03-16
WEEK 2026-03-18T10:00 mom date 26-03-16..26-03-23 with 26-03-09..26-03-16
WEEK 2026-03-18T10:00 yoy date 26-03-16..26-03-23 with 25-03-17..25-03-24
MONTH 2026-03-18T10:00 mom date 26-03-01..26-04-01 with 26-02-01..26-03-01
MONTH 2026-03-18T10:00 mom weekday 26-03-01..26-04-01 with 26-01-25..26-02-25
MONTH 2026-03-18T10:00 yoy date 26-03-01..26-04-01 with 25-03-01..25-04-01
MONTH 2026-03-18T10:00 yoy day_type 26-03-01..26-04-01 with 25-03-02..25-04-02
YEAR 2026-03-18T10:00 mom date 26-01-01..27-01-01 with 25-01-01..26-01-01
DAY 2026-02-17T10:00 spring_festival date 26-02-17..26-02-18 with 25-01-29..25-01-30
DAY 2026-02-07T10:00 spring_festival date 26-02-07..26-02-08 with 25-01-19..25-01-20
WEEK 2026-02-24T10:00 spring_festival date 26-02-23..26-03-02 with 25-02-04..25-02-11
MONTH 2026-02-24T10:00 spring_festival date 26-02-01..26-03-01 with 25-01-13..25-02-10
DAY 2025-12-31T10:00 spring_festival date 25-12-31..26-01-01 with 24-12-12..24-12-13
HOUR 2026-03-16T10:20 mom date 26-03-16 10:00..26-03-16 11:00 with 26-03-15 10:00..26-03-15 11:00
HOUR 2026-02-17T10:20 yoy weekday 26-02-17 10:00..26-02-17 11:00 with 25-02-18 10:00..25-02-18 11:00
"""
TO_DATE = """
shanghai DAY yoy 26-03-18..26-03-18 10:15 with 25-03-18..25-03-18 10:15
shanghai MONTH mom 26-03-01..26-03-18 10:15 with 26-02-01..26-02-18 10:15
shanghai YEAR yoy 26-01-01..26-03-18 10:15 with 25-01-01..25-03-18 10:15
fiscal MONTH mom 26-02-26 08:00..26-03-18 10:15 with 26-01-26 08:00..26-02-15 10:15
"""


def told(
    plant: PlantTime,
    period: Period,
    at: str,
    kind: Comparison,
    align: Align = DATE,
    to_date: str | None = None,
) -> str | None:
    """The two spans by the plant's clock."""
    moment, now = (
        None if one is None else datetime.fromisoformat(one).replace(tzinfo=plant.zone)
        for one in (at, to_date)
    )
    assert moment is not None
    found = comparable(
        plant, period, moment, kind, align=align, to_date=now, worked=lambda d: d.isoweekday() < 6
    )
    if found is None:
        return None
    shown = [
        f"{one.astimezone(plant.zone):%y-%m-%d %H:%M}".removesuffix(" 00:00")
        for one in (found.start, found.end, found.other_start, found.other_end)
    ]
    return "{}..{} with {}..{}".format(*shown)


@pytest.mark.parametrize("row", SPANS.strip().splitlines())
def test_spans(row: str) -> None:
    period, at, kind, align, expected = row.split(" ", 4)
    assert told(SHANGHAI, Period[period], at, Comparison(kind), Align(align)) == expected


@pytest.mark.parametrize("row", TO_DATE.strip().splitlines())
def test_to_date(row: str) -> None:
    plant, period, kind, expected = row.split(" ", 3)
    now = "2026-03-18T10:20"
    found = told(PLANTS[plant], Period[period], now, Comparison(kind), to_date=now)
    assert found == expected


def test_to_date_on_the_31st_ends_with_the_month_before() -> None:
    now = "2026-03-31T10:20"
    assert told(SHANGHAI, Period.MONTH, now, MOM, to_date=now) == (
        "26-03-01..26-03-31 10:15 with 26-02-01..26-03-01"
    )


def test_a_period_that_has_ended_is_compared_whole() -> None:
    found = told(SHANGHAI, Period.MONTH, "2026-02-10T00:00", MOM, to_date="2026-03-18T10:20")
    assert found == "26-02-01..26-03-01 with 26-01-01..26-02-01"


def test_clock_changes_are_days_of_their_own_length() -> None:
    moment = datetime.fromisoformat("2026-03-29T12:00").replace(tzinfo=BERLIN.zone)
    spans = comparable(BERLIN, Period.DAY, moment, MOM)
    assert spans is not None
    hour = timedelta(hours=1)
    assert ((spans.end - spans.start) / hour, (spans.other_end - spans.other_start) / hour) == (
        23,
        24,
    )
    to_date = comparable(BERLIN, Period.DAY, moment, MOM, to_date=moment)
    assert to_date is not None
    assert (to_date.end - to_date.start) / hour == 11
    assert (to_date.other_end - to_date.other_start) / hour == 12


def test_nothing_to_compare_with() -> None:
    assert told(SHANGHAI, Period.DAY, "2020-02-01T00:00", FESTIVAL) is None
    assert told(SHANGHAI, Period.DAY, "2036-12-01T00:00", FESTIVAL) is None
    friday = datetime.fromisoformat("2026-03-13T12:00").replace(tzinfo=SHANGHAI.zone)
    alone = date(2026, 3, 13)
    assert (
        comparable(SHANGHAI, Period.DAY, friday, MOM, align=TYPE, worked=lambda day: day == alone)
        is None
    )
    with pytest.raises(ValueError, match="day types"):
        comparable(SHANGHAI, Period.DAY, friday, MOM, align=TYPE)
