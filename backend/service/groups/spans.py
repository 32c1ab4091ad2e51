"""Which spans of a project's time a group is told of, and what each is compared with. Pure.

A period is the plant's own day, month or year that holds a date. Nothing before the day that the
consent names is told; without consent to days only whole months that are over are, so that nobody
works days out by asking again every day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from backend.aggregation.calendar import DAY, Period, PlantTime, later, quarter_of, year_name
from backend.aggregation.earlier import Back
from backend.aggregation.stretches import Stretch


class Why(StrEnum):
    """Why a group is not told a number; the app's texts are under `groups.why`."""

    WITHDRAWN = "withdrawn"
    """The consent ended."""
    NOT_CONSENTED = "not_consented"
    BEFORE = "before"
    """Before the first day that is told."""
    NOT_OVER = "not_over"
    UNKNOWN = "unknown"
    """The plant has no figure, or no factor or price for it."""


@dataclass(frozen=True, slots=True)
class Told:
    """[start, end) in UTC, and the same dates a year before; None where those are not told."""

    start: datetime
    end: datetime
    before: tuple[datetime, datetime] | None


def told_span(
    plant: PlantTime, period: Period, day: date, since: date, *, days: bool, now: datetime
) -> Told | Why:
    """Answer what is told of the period that holds `day`, or why nothing is."""
    if period is Period.DAY and not days:
        return Why.NOT_CONSENTED
    first, last = (plant.start_of(one) for one in bounds(plant, period, day))
    opened = plant.start_of(since if days else whole_month(plant, since))
    settled = quarter_of(now) if days else plant.start_of(plant.month_of(plant.day_of(now)))
    start, end = max(first, opened), min(last, settled)
    if start >= end:
        return Why.BEFORE if start >= last else Why.NOT_OVER
    back = Back(months=12)
    before = back.of(plant, start), back.of(plant, end)
    return Told(start, end, before if opened <= before[0] < before[1] else None)


def bounds(plant: PlantTime, period: Period, day: date) -> tuple[date, date]:
    """Answer the first day of the day, month or year that holds `day`, and the first after it."""
    if period is Period.DAY:
        return day, day + DAY
    first = plant.month_of(day) if period is Period.MONTH else plant.year_of(day)
    return first, later(first, 1 if period is Period.MONTH else 12)


def days_of(plant: PlantTime, period: Period, day: date, count: int) -> list[date]:
    """Answer the first day of each of `count` periods, the last of which holds `day`."""
    first, _ = bounds(plant, period, day)
    if period is Period.DAY:
        return [first - timedelta(days=back) for back in reversed(range(count))]
    months = 1 if period is Period.MONTH else 12
    return [later(first, -months * back) for back in reversed(range(count))]


def name_of(plant: PlantTime, period: Period, first: date) -> str:
    """Answer what people of the plant call the day, month or year that begins on a day."""
    if period is Period.DAY:
        return first.isoformat()
    month = plant.named_month(first)
    return f"{month:%Y-%m}" if period is Period.MONTH else year_name(month)


def whole_month(plant: PlantTime, since: date) -> date:
    """Answer the first day of the first month that begins on a day or after it."""
    first = plant.month_of(since)
    return first if first == since else later(first, 1)


def stretches(plant: PlantTime, span: int, start: datetime, end: datetime) -> Iterator[Stretch]:
    """Answer what [start, end) is the sum of: months, then days, then quarter hours.

    `start` is the beginning of a day of the plant.
    """
    day = plant.day_of(start)
    last = plant.day_of(end)
    if plant.month_of(day) == day:
        month = plant.month_of(last)
        if month > day:
            yield Stretch(span, Period.MONTH, start, plant.start_of(month))
            day = month
    if last > day:
        yield Stretch(span, Period.DAY, plant.start_of(day), plant.start_of(last))
    if plant.start_of(last) < end:
        yield Stretch(span, Period.QUARTER_HOUR, plant.start_of(last), end)
