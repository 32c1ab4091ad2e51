"""The span to compare a period with: the one before, a year before, the same days around Spring
Festival. Pure.

Spans are compared day by day of the plant (domain.md 7: equal numbers of days, like day types). A
span that still runs is compared "to date": both are cut after the same number of days and the same
time by the clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from backend.aggregation.calendar import (
    DAY,
    WEEK,
    Period,
    PlantTime,
    later,
    quarter_of,
    wall_instant,
)
from backend.aggregation.statutory import spring_festivals


class Comparison(StrEnum):
    """What to compare with: mom (环比), yoy (同比), the same days around the lunar new year."""

    MOM = "mom"
    YOY = "yoy"
    SPRING_FESTIVAL = "spring_festival"


class Align(StrEnum):
    """How days are matched: by date, by weekday, or by being worked or not."""

    DATE = "date"
    WEEKDAY = "weekday"
    DAY_TYPE = "day_type"


@dataclass(frozen=True, slots=True)
class Spans:
    """Two spans of UTC instants to compare: [start, end) with [other_start, other_end)."""

    start: datetime
    end: datetime
    other_start: datetime
    other_end: datetime


Worked = Callable[[date], bool]
NEAREST = 10
"""Days looked at on either side for one of the same type."""


def comparable(
    plant: PlantTime,
    period: Period,
    at: datetime,
    kind: Comparison,
    *,
    align: Align = Align.DATE,
    to_date: datetime | None = None,
    worked: Worked | None = None,
) -> Spans | None:
    """Answer the period that holds `at` and the span to compare it with.

    Days, weeks, months and years are the plant's; quarter hours and hours are compared with the
    same time of the day to compare with, a shift is asked for as the days it belongs to. With
    `to_date` inside the period both spans are cut there, at the last whole quarter hour. Years have
    no `align`, Spring Festival only its own; `worked` tells day types apart and is needed for
    Align.DAY_TYPE, which is for days: longer periods then go by weekday. None where there is
    nothing to compare with: no row of the lunar year, no day of the same type near.
    """
    day = plant.day_of(at)
    if period in {Period.QUARTER_HOUR, Period.HOUR}:
        other = _other_day(day, kind, align, worked)
        return None if other is None else _clock_spans(plant, period, at, day, other)
    first, last = _days_of(plant, period, day)
    other_days = _other(plant, period, (first, last), kind, align, worked)
    if other_days is None:
        return None
    spans = Spans(
        plant.start_of(first),
        plant.start_of(last),
        plant.start_of(other_days[0]),
        plant.start_of(other_days[1]),
    )
    return spans if to_date is None else _cut(plant, spans, first, other_days, to_date)


def _days_of(plant: PlantTime, period: Period, day: date) -> tuple[date, date]:
    """Answer the first day of the period that holds a day, and the first one after it."""
    if period is Period.WEEK:
        first = plant.week_of(day)
        return first, first + WEEK
    if period is Period.MONTH:
        first = plant.month_of(day)
        return first, later(first, 1)
    if period is Period.YEAR:
        first = plant.year_of(day)
        return first, later(first, 12)
    return day, day + DAY


def _other(
    plant: PlantTime,
    period: Period,
    days: tuple[date, date],
    kind: Comparison,
    align: Align,
    worked: Worked | None,
) -> tuple[date, date] | None:
    first, last = days
    if kind is Comparison.SPRING_FESTIVAL:
        other = _around_spring_festival(first, last - first)
    elif period in {Period.DAY, Period.SHIFT}:
        other = _other_day(first, kind, align, worked)
    elif period is Period.WEEK:
        other = first - (WEEK if kind is Comparison.MOM else 52 * WEEK)
    elif align is not Align.DATE and period is Period.MONTH:
        # As many days, beginning on the same weekday.
        apart = -(-(last - first) // WEEK) if kind is Comparison.MOM else 52
        other = first - apart * WEEK
    else:
        months = 1 if period is Period.MONTH and kind is Comparison.MOM else 12
        return later(first, -months), later(last, -months)
    return None if other is None else (other, other + (last - first))


def _other_day(day: date, kind: Comparison, align: Align, worked: Worked | None) -> date | None:
    if kind is Comparison.SPRING_FESTIVAL:
        return _around_spring_festival(day, DAY)
    if align is Align.WEEKDAY:
        return day - (WEEK if kind is Comparison.MOM else 52 * WEEK)
    if align is Align.DAY_TYPE:
        return _same_type(day, kind, worked)
    return day - DAY if kind is Comparison.MOM else later(day, -12)


def _same_type(day: date, kind: Comparison, worked: Worked | None) -> date | None:
    """Answer the nearest day that is worked if this one is: earlier, or around a year before."""
    if worked is None:
        raise ValueError("day types need to know which days are worked")
    wanted = worked(day)
    if kind is Comparison.MOM:
        tries = [day - n * DAY for n in range(1, NEAREST + 1)]
    else:
        middle = later(day, -12)
        tries = [middle + n * DAY for n in sorted(range(-NEAREST, NEAREST + 1), key=abs)]
    return next((one for one in tries if worked(one) is wanted), None)


def _around_spring_festival(first: date, length: timedelta) -> date | None:
    """Answer the day as far from the lunar year before as `first` is from the nearest one."""
    festivals = spring_festivals()
    middle = first + length // 2
    year = min(festivals, key=lambda one: abs(festivals[one] - middle))
    if year - 1 not in festivals or abs(festivals[year] - middle) > timedelta(days=200):
        return None
    return festivals[year - 1] + (first - festivals[year])


def _clock_spans(plant: PlantTime, period: Period, at: datetime, day: date, other: date) -> Spans:
    """Answer a quarter hour or an hour of a day, and the same by the clock of another day."""
    length = timedelta(minutes=15 if period is Period.QUARTER_HOUR else 60)
    begun = plant.start_of(day)
    start = begun + (at - begun) // length * length
    end = min(start + length, plant.start_of(day + DAY))
    return Spans(
        start, end, _same_clock(plant, start, other, day), _same_clock(plant, end, other, day)
    )


def _same_clock(plant: PlantTime, instant: datetime, other: date, day: date) -> datetime:
    """Answer the instant of another business day at which clocks show the same."""
    local = instant.astimezone(plant.zone)
    shown = (local.date() - day).days * 24 * 60 + local.hour * 60 + local.minute
    return wall_instant(plant.zone, other, shown)


def _cut(
    plant: PlantTime, spans: Spans, first: date, other: tuple[date, date], to_date: datetime
) -> Spans:
    now = quarter_of(to_date)
    if not spans.start < now < spans.end:
        return spans
    today = plant.day_of(now)
    same = other[0] + (today - first)
    stop = min(_same_clock(plant, now, same, today), spans.other_end)
    return Spans(spans.start, now, spans.other_start, stop)
