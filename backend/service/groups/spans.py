"""Which span of a project's time a group is told of, and what it is compared with. Pure.

The period is the plant's own day, month or year that holds a date. Nothing before the day that the
consent names is told; without consent to days only whole months that are over are, so that nobody
works days out by asking again every day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from backend.aggregation.calendar import DAY, Period, PlantTime, later, quarter_of
from backend.aggregation.earlier import Back


@dataclass(frozen=True, slots=True)
class Told:
    """[start, end) in UTC, and the same dates a year before; None where those are not told."""

    start: datetime
    end: datetime
    before: tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of a span that accounts of one period add up to."""

    period: Period
    start: datetime
    end: datetime


def told_span(
    plant: PlantTime, period: Period, day: date, since: date, *, days: bool, now: datetime
) -> Told | None:
    """Answer what is told of the period that holds `day`; None where nothing is."""
    if period is Period.DAY and not days:
        return None
    first, last = bounds(plant, period, day)
    opened = plant.start_of(since if days else whole_month(plant, since))
    settled = quarter_of(now) if days else plant.start_of(plant.month_of(plant.day_of(now)))
    start, end = max(plant.start_of(first), opened), min(plant.start_of(last), settled)
    if start >= end:
        return None
    back = Back(months=12)
    before = back.of(plant, start), back.of(plant, end)
    return Told(start, end, before if opened <= before[0] < before[1] else None)


def bounds(plant: PlantTime, period: Period, day: date) -> tuple[date, date]:
    """Answer the first day of the day, month or year that holds `day`, and the first after it."""
    if period is Period.DAY:
        return day, day + DAY
    first = plant.month_of(day) if period is Period.MONTH else plant.year_of(day)
    return first, later(first, 1 if period is Period.MONTH else 12)


def whole_month(plant: PlantTime, since: date) -> date:
    """Answer the first day of the first month that begins on a day or after it."""
    first = plant.month_of(since)
    return first if first == since else later(first, 1)


def legs(plant: PlantTime, start: datetime, end: datetime) -> Iterator[Leg]:
    """Answer the accounts that a span is the sum of: months, then days, then quarter hours.

    `start` is the beginning of a day of the plant.
    """
    day = plant.day_of(start)
    last = plant.day_of(end)
    if plant.month_of(day) == day:
        month = plant.month_of(last)
        if month > day:
            yield Leg(Period.MONTH, start, plant.start_of(month))
            day = month
    if last > day:
        yield Leg(Period.DAY, plant.start_of(day), plant.start_of(last))
    if plant.start_of(last) < end:
        yield Leg(Period.QUARTER_HOUR, plant.start_of(last), end)
