"""A project's business calendar: hours, days, weeks, months and years as rows of UTC bounds.

Local days exist only here. A day begins `day_start_minute` after local midnight (a multiple of 15),
has 23, 24 or 25 hours where clocks change, and is named by the date it begins on. Hours are cut
from their day, weeks and months from days, years from months, so that sums are equal at every
level. Quarter hours need no rows: every zone's offset is a multiple of 15 minutes.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from backend.core.db import ReadSession, WriteSession

QUARTER: Final = timedelta(minutes=15)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
BACK: Final = timedelta(days=14 * 31)
AHEAD: Final = timedelta(days=62)
"""How far the rows reach around the present."""
LATE_START: Final = 15
"""A month that begins after this day is named by the month in which most of its days lie."""


class Period(IntEnum):
    """Lengths of accounts; the numbers are stored."""

    QUARTER_HOUR = 1
    HOUR = 2
    DAY = 3
    MONTH = 4
    YEAR = 5
    WEEK = 6
    SHIFT = 7


class CalendarRow(NamedTuple):
    """One period: UTC bounds and what people of the plant call it."""

    period: int
    start: datetime
    end: datetime
    label: str


class PlantTime(NamedTuple):
    """A project's zone and where its days, weeks, months and years begin.

    Days begin `day_start_minute` after local midnight, weeks on `week_start` (ISO: 1 = Monday),
    months on day `month_start_day` (1 to 28), years with the month `year_start_month`.
    """

    zone: ZoneInfo
    day_start_minute: int = 0
    week_start: int = 1
    month_start_day: int = 1
    year_start_month: int = 1

    def start_of(self, day: date) -> datetime:
        """Answer when a business day begins, in UTC."""
        return wall_instant(self.zone, day, self.day_start_minute)

    def day_of(self, instant: datetime) -> date:
        """Answer the business day that an instant belongs to."""
        day = instant.astimezone(self.zone).date() + DAY
        while self.start_of(day) > instant:
            day -= DAY
        return day

    def week_of(self, day: date) -> date:
        """Answer the first day of the week that holds a day."""
        return day - timedelta(days=(day.isoweekday() - self.week_start) % 7)

    def month_of(self, day: date) -> date:
        """Answer the first day of the month that holds a day."""
        before = 0 if day.day >= self.month_start_day else 1
        return later(day.replace(day=1), -before).replace(day=self.month_start_day)

    def year_of(self, day: date) -> date:
        """Answer the first day of the year that holds a day."""
        month = self.month_of(day)
        return later(month, -((self.named_month(month).month - self.year_start_month) % 12))

    def named_month(self, first: date) -> date:
        """Answer the calendar month whose name the month that begins on `first` has."""
        return later(first.replace(day=1), 1 if self.month_start_day > LATE_START else 0)


def wall_instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """Answer when clocks in a zone show `minutes` after midnight of a day, in UTC.

    A time that clocks jump over is the instant of the jump, one that comes twice the first of the
    two: so instants rise with the times they stand for. More than 1,440 minutes are on a later day.
    """
    wall = datetime.combine(day, time(), zone) + timedelta(minutes=minutes)
    found = wall.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    # Read with the offset after the jump it lies before it, and the other way round.
    low, high = wall.replace(fold=1).astimezone(UTC), found
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)


def plant_time(
    zone: str,
    day_start_minute: int,
    week_start: int = 1,
    month_start_day: int = 1,
    year_start_month: int = 1,
) -> PlantTime:
    """Answer a project's time. Raises ValueError for beginnings that there cannot be."""
    if day_start_minute % 15 or not 0 <= day_start_minute < 24 * 60:
        raise ValueError(f"a day begins at a quarter hour, not at minute {day_start_minute}")
    if not 1 <= week_start <= 7:
        raise ValueError(f"a week begins on a weekday from 1 to 7, not on {week_start}")
    if not 1 <= month_start_day <= 28:
        raise ValueError(f"a month begins on a day from 1 to 28, not on {month_start_day}")
    if not 1 <= year_start_month <= 12:
        raise ValueError(f"a year begins with a month from 1 to 12, not with {year_start_month}")
    return PlantTime(
        ZoneInfo(zone), day_start_minute, week_start, month_start_day, year_start_month
    )


def days(plant: PlantTime, first: date, last: date) -> Iterator[CalendarRow]:
    """Answer the days from `first` to before `last`, each followed by its hours."""
    day = first
    while day < last:
        start, end = plant.start_of(day), plant.start_of(day + DAY)
        yield CalendarRow(Period.DAY, start, end, day.isoformat())
        yield from _hours(plant, start, end)
        day += DAY


def _hours(plant: PlantTime, start: datetime, end: datetime) -> Iterator[CalendarRow]:
    while start < end:
        stop = min(start + HOUR, end)
        label = start.astimezone(plant.zone).isoformat(timespec="minutes")
        yield CalendarRow(Period.HOUR, start, stop, label)
        start = stop


def weeks(plant: PlantTime, first: date, last: date) -> Iterator[CalendarRow]:
    """Answer the whole weeks that touch [first, last), each named by its first day."""
    day = plant.week_of(first)
    while day < last:
        bounds = plant.start_of(day), plant.start_of(day + WEEK)
        yield CalendarRow(Period.WEEK, *bounds, day.isoformat())
        day += WEEK


def months(plant: PlantTime, first: date, last: date) -> Iterator[CalendarRow]:
    """Answer the whole months that touch [first, last), then the whole years."""
    month = plant.month_of(first)
    while month < last:
        bounds = plant.start_of(month), plant.start_of(later(month, 1))
        yield CalendarRow(Period.MONTH, *bounds, f"{plant.named_month(month):%Y-%m}")
        month = later(month, 1)
    year = plant.year_of(first)
    while year < last:
        bounds = plant.start_of(year), plant.start_of(later(year, 12))
        yield CalendarRow(Period.YEAR, *bounds, year_name(plant.named_month(year)))
        year = later(year, 12)


def year_name(month: date) -> str:
    """Answer 2026 for a calendar year, 2026/27 for one that begins in another month."""
    return f"{month:%Y}" if month.month == 1 else f"{month:%Y}/{(month.year + 1) % 100:02d}"


def later(day: date, months_later: int) -> date:
    """Answer the same day of another month; a shorter one's last day."""
    number = day.year * 12 + day.month - 1 + months_later
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


async def read_plant_time(tx: ReadSession, project_id: int) -> PlantTime:
    """Answer the time of a project. Raises LookupError without such a project."""
    row = await tx.fetch_one(
        "SELECT zone, day_start_minute, week_start, month_start_day, year_start_month FROM project"
        " WHERE id = %s",
        (project_id,),
    )
    if row is None:
        raise LookupError(f"no project {project_id}")
    return plant_time(**row)


async def keep_calendar(
    tx: WriteSession, project_id: int, plant: PlantTime, since: datetime, until: datetime
) -> int:
    """Have rows for all periods that touch [since, until]; answer how many were missing.

    Rows of a period stay one unbroken stretch, so that a look at the two ends of days and weeks
    says whether any is missing.
    """
    ends = await tx.fetch_tuples(
        "SELECT min(start_ts), max(end_ts) FROM calendar_period"
        " WHERE project_id = %s AND period = ANY(%s) GROUP BY period",
        (project_id, [int(Period.DAY), int(Period.WEEK)]),
    )
    if len(ends) == 2 and all(first <= since and until < last for first, last in ends):
        return 0
    first = plant.day_of(min([since, *(row[0] for row in ends)]))
    last = plant.day_of(max([until, *(row[1] for row in ends)])) + DAY
    return await lay_calendar(tx, project_id, plant, first, last)


async def lay_calendar(
    tx: WriteSession, project_id: int, plant: PlantTime, first: date, last: date
) -> int:
    """Have rows for all periods that touch the days [first, last); answer how many were missing."""
    rows = [row for kind in (days, weeks, months) for row in kind(plant, first, last)]
    return await tx.execute(
        "INSERT INTO calendar_period (project_id, period, start_ts, end_ts, label)"
        " SELECT %s, * FROM unnest(%s::smallint[], %s::timestamptz[], %s::timestamptz[],"
        " %s::text[]) ON CONFLICT DO NOTHING",
        (project_id, *(list(column) for column in zip(*rows, strict=True))),
    )


def quarter_of(instant: datetime) -> datetime:
    """Answer the beginning of the quarter hour that holds an instant."""
    return instant - (instant - datetime.min.replace(tzinfo=instant.tzinfo)) % QUARTER


async def period_of(
    tx: ReadSession, project_id: int, period: Period, at: datetime
) -> tuple[datetime, datetime] | None:
    """Answer the bounds of the period that holds an instant; None outside the calendar."""
    if period is Period.QUARTER_HOUR:
        return quarter_of(at), quarter_of(at) + QUARTER
    row = await tx.fetch_one(
        "SELECT start_ts, end_ts FROM calendar_period WHERE project_id = %s AND period = %s"
        " AND start_ts <= %s AND end_ts > %s",
        (project_id, int(period), at, at),
    )
    return None if row is None else (row["start_ts"], row["end_ts"])
