"""A project's business calendar: hours, days, months and years as rows of UTC bounds.

Local days exist only here. A day begins `day_start_minute` after local midnight (a multiple of 15),
has 23, 24 or 25 hours where clocks change, and is named by the date it begins on. Hours are cut
from their day, months from days, years from months, so that sums are equal at every level.
Quarter hours need no rows: every zone's offset is a multiple of 15 minutes.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from backend.core.db import ReadSession, WriteSession

QUARTER: Final = timedelta(minutes=15)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
BACK: Final = timedelta(days=14 * 31)
AHEAD: Final = timedelta(days=62)
"""How far the rows reach around the present."""


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
    """A project's zone and the minute after local midnight at which its day begins."""

    zone: ZoneInfo
    day_start_minute: int = 0

    def start_of(self, day: date) -> datetime:
        """Answer when a business day begins, in UTC.

        A time that clocks jump over becomes the instant after the jump, one that comes twice the
        first of the two.
        """
        local = datetime.combine(day, time(), self.zone)
        return (local + timedelta(minutes=self.day_start_minute)).astimezone(UTC)

    def day_of(self, instant: datetime) -> date:
        """Answer the business day that an instant belongs to."""
        day = instant.astimezone(self.zone).date() + DAY
        while self.start_of(day) > instant:
            day -= DAY
        return day


def plant_time(zone: str, day_start_minute: int) -> PlantTime:
    """Answer a project's time. Raises ValueError when its day does not begin at a quarter hour."""
    if day_start_minute % 15 or not 0 <= day_start_minute < 24 * 60:
        raise ValueError(f"a day begins at a quarter hour, not at minute {day_start_minute}")
    return PlantTime(ZoneInfo(zone), day_start_minute)


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


def months(plant: PlantTime, first: date, last: date) -> Iterator[CalendarRow]:
    """Answer the whole months that touch [first, last), then the whole years."""
    for month in _firsts(first, last, 1):
        bounds = plant.start_of(month), plant.start_of(_later(month, 1))
        yield CalendarRow(Period.MONTH, *bounds, f"{month:%Y-%m}")
    for year in _firsts(first, last, 12):
        bounds = plant.start_of(year), plant.start_of(_later(year, 12))
        yield CalendarRow(Period.YEAR, *bounds, f"{year:%Y}")


def _firsts(first: date, last: date, step: int) -> Iterator[date]:
    day = first.replace(day=1) if step == 1 else first.replace(month=1, day=1)
    while day < last:
        yield day
        day = _later(day, step)


def _later(month: date, months_later: int) -> date:
    number = month.year * 12 + month.month - 1 + months_later
    return date(number // 12, number % 12 + 1, 1)


async def read_plant_time(tx: ReadSession, project_id: int) -> PlantTime:
    """Answer the time of a project. Raises LookupError without such a project."""
    row = await tx.fetch_one(
        "SELECT zone, day_start_minute FROM project WHERE id = %s", (project_id,)
    )
    if row is None:
        raise LookupError(f"no project {project_id}")
    return plant_time(row["zone"], row["day_start_minute"])


async def keep_calendar(
    tx: WriteSession, project_id: int, plant: PlantTime, since: datetime, until: datetime
) -> int:
    """Have rows for all periods that touch [since, until]; answer how many were missing.

    Rows stay one unbroken stretch, so that a look at its two ends says whether any is missing.
    """
    ends = await tx.fetch_one(
        "SELECT min(start_ts) AS first, max(end_ts) AS last FROM calendar_period"
        " WHERE project_id = %s AND period = %s",
        (project_id, int(Period.DAY)),
    )
    known = None if ends is None or ends["first"] is None else (ends["first"], ends["last"])
    if known and known[0] <= since and until < known[1]:
        return 0
    first = plant.day_of(min([since, *(known or ())]))
    last = plant.day_of(max([until, *(known or ())])) + DAY
    rows = [*days(plant, first, last), *months(plant, first, last)]
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
