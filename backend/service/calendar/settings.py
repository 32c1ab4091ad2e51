"""Where a project's days, weeks, months and years begin, and which days are at rest.

Moving a beginning regroups the past: quarter hours and hours stay as they are, days, weeks, months,
years and shifts are summed from them anew, in the background, the newest first. No quantity
changes, only what a period holds; figures of the old periods are had again by moving it back.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final

from backend.aggregation.calendar import (
    DAY,
    QUARTER,
    Period,
    PlantTime,
    days,
    lay_calendar,
    plant_time,
    quarter_of,
)
from backend.aggregation.plant_states import read_patterns
from backend.aggregation.regroup import ask, waiting
from backend.aggregation.shift_rows import lay_anew
from backend.aggregation.statutory import CALENDARS
from backend.core import audit
from backend.core.db import ReadSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id
from backend.service.calendar import effects
from backend.service.calendar.effects import Change
from backend.service.people.asker import Asker

MOST_ROWS: Final = 3_000_000
"""Accounts that are regrouped while the platform runs; more take a window of maintenance."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A project's calendar; weekdays are ISO's (1 = Monday), `calendar` a statutory one's code."""

    day_start_minute: int
    week_start: int
    month_start_day: int
    year_start_month: int
    calendar: str | None
    rest_weekdays: list[int]

    def plant(self, zone: str) -> PlantTime:
        """Answer the time of a project in a zone. InvalidInput for what cannot be."""
        try:
            return plant_time(
                zone,
                self.day_start_minute,
                self.week_start,
                self.month_start_day,
                self.year_start_month,
            )
        except ValueError as error:
            raise InvalidInput("calendar_begin", told=str(error)) from error


async def read(tx: ReadSession, project_id: int) -> Settings:
    """Answer a project's calendar; NotFound without such a project."""
    found = await tx.fetch_one(
        "SELECT day_start_minute, week_start, month_start_day, year_start_month, calendar,"
        " rest_weekdays FROM project WHERE id = %s",
        (project_id,),
        into=Settings,
    )
    if found is None:
        raise NotFound(kind="project")
    return found


async def change_settings(change: Change, wanted: Settings, asker: Asker) -> Settings:
    """Make a project's calendar another one.

    InvalidInput for what cannot be; Conflict while an earlier change is regrouped, when hours would
    move, or when there is too much to regroup while the platform runs.
    """
    _check_rest(wanted)
    tx, project_id = change.tx, change.project_id
    before = await read(tx, project_id)
    plant = wanted.plant(str(change.plant.zone))
    if await waiting(tx, project_id):
        raise Conflict("calendar_regrouping")
    await tx.execute(
        "UPDATE project SET day_start_minute = %s, week_start = %s, month_start_day = %s,"
        " year_start_month = %s, calendar = %s, rest_weekdays = %s WHERE id = %s",
        (
            wanted.day_start_minute,
            wanted.week_start,
            wanted.month_start_day,
            wanted.year_start_month,
            wanted.calendar,
            sorted(set(wanted.rest_weekdays)),
            project_id,
        ),
    )
    moved = moved_periods(before, wanted)
    if moved:
        await _regroup(change, plant, moved)
    after = await read(tx, project_id)
    await effects.tell(change)
    deed = audit.Deed(
        encode_id("per", asker.uid),
        "calendar.settings",
        "",
        "done",
        asker.person_id,
        asdict(before),
        asdict(after),
    )
    await audit.record(tx, project_id, deed, change.now)
    return after


def moved_periods(before: Settings, wanted: Settings) -> set[Period]:
    """Answer the periods that get other bounds."""
    moved: set[Period] = set()
    if before.day_start_minute != wanted.day_start_minute:
        moved |= {Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR, Period.SHIFT}
    if before.week_start != wanted.week_start:
        moved |= {Period.WEEK}
    if before.month_start_day != wanted.month_start_day:
        moved |= {Period.MONTH, Period.YEAR}
    if before.year_start_month != wanted.year_start_month:
        moved |= {Period.YEAR}
    rest = (sorted(set(before.rest_weekdays)), before.calendar)
    if rest != (sorted(set(wanted.rest_weekdays)), wanted.calendar):
        moved |= {Period.SHIFT}
    return moved


def _check_rest(wanted: Settings) -> None:
    if wanted.calendar is not None and wanted.calendar not in CALENDARS:
        raise InvalidInput("calendar_unknown", calendar=wanted.calendar[:40])
    if not set(wanted.rest_weekdays) < set(range(1, 8)):
        raise InvalidInput("calendar_rest")


async def _regroup(change: Change, plant: PlantTime, moved: Iterable[Period]) -> None:
    tx, project_id, old = change.tx, change.project_id, change.plant
    periods = sorted(int(one) for one in moved)
    rows = await tx.fetch_value(
        "SELECT count(*) FROM account WHERE project_id = %s AND scope IN (1, 2)"
        " AND period = ANY(%s)",
        (project_id, periods),
        into=int,
    )
    if (rows or 0) > MOST_ROWS:
        raise Conflict("calendar_too_large", rows=rows, most=MOST_ROWS)
    extent = await _extent(change)
    if extent is not None:
        first, last = old.day_of(extent[0]), old.day_of(extent[1])
        if _hours(old, first, last) - _hours(plant, first - DAY, last + DAY):
            raise Conflict("calendar_hours")
        await tx.execute(
            "DELETE FROM calendar_period WHERE project_id = %s AND period = ANY(%s)",
            (project_id, periods),
        )
        await lay_calendar(tx, project_id, plant, first, last)
    if Period.SHIFT in moved:
        await _days_anew(change, plant)
        nodes = await read_patterns(tx, project_id)
        await lay_anew(tx, project_id, plant, nodes, effects.FIRST_DAY)
    begin = plant.start_of(effects.FIRST_DAY)
    await ask(tx, project_id, moved, begin, quarter_of(change.now) + QUARTER)


async def _extent(change: Change) -> tuple[datetime, datetime] | None:
    """Answer from when to when there is a calendar; None where there is none yet."""
    rows = await change.tx.fetch_tuples(
        "SELECT min(start_ts), max(end_ts) FROM calendar_period WHERE project_id = %s"
        " AND period = %s",
        (change.project_id, int(Period.DAY)),
    )
    return None if rows[0][0] is None else (rows[0][0], rows[0][1])


def _hours(plant: PlantTime, first: date, last: date) -> set[datetime]:
    return {row.start for row in days(plant, first, last) if row.period == Period.HOUR}


async def _days_anew(change: Change, plant: PlantTime) -> None:
    """Have states that were entered by days hold on the days as they are now."""
    rows = await change.tx.fetch_tuples(
        "SELECT id, first_day, last_day FROM operating_state WHERE project_id = %s"
        " AND first_day IS NOT NULL",
        (change.project_id,),
    )
    await change.tx.execute_many(
        "UPDATE operating_state SET start_ts = %s, end_ts = %s WHERE project_id = %s AND id = %s",
        [
            (plant.start_of(first), plant.start_of(last + DAY), change.project_id, number)
            for number, first, last in rows
        ],
    )
