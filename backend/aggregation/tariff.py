"""Time-of-use tariffs: rules by month, day type and local time become prices of quarter hours.

Rules are data:

    {"bands": {"peak": "1.05", "flat": "0.65", "valley": "0.31"},     price per display unit
     "holidays": ["2026-02-17"], "workdays": ["2026-02-14"],          optional exceptions
     "seasons": [{"months": [7, 8], "days": "workday",
                  "times": [["00:00", "08:30", "valley"], ["08:30", "11:30", "peak"],
                            ["11:30", "24:00", "flat"]]},
                 {"months": [1, 2, ...], "days": "all", "times": [...]}]}

The first season that fits month and day type holds; `days` is all, workday, weekend or holiday.
Times are the plant's local clock, at quarter hours, and cover the day; on days when clocks change
a quarter hour is priced by the local time it begins at. Of several tariffs the one that became
valid last is in force.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from backend.core.db import ReadSession, WriteSession

QUARTER: Final = timedelta(minutes=15)
DAY_MINUTES: Final = 24 * 60
DAY_TYPES: Final = ("all", "workday", "weekend", "holiday")
SATURDAY: Final = 5


class TariffError(ValueError):
    """Rules that cannot be used; the text says where and why."""


class Slot(NamedTuple):
    """The price of one quarter hour per display unit."""

    start: datetime
    band: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Season:
    """Bands of a day for some months and one day type: (first local minute, band), rising."""

    months: frozenset[int]
    days: str
    times: tuple[tuple[int, str], ...]

    def band(self, minute: int) -> str:
        """Answer the band of a local minute of the day."""
        return next(band for start, band in reversed(self.times) if start <= minute)


@dataclass(frozen=True, slots=True)
class TariffRules:
    """Checked rules."""

    bands: Mapping[str, Decimal]
    seasons: tuple[Season, ...]
    holidays: frozenset[date]
    workdays: frozenset[date]

    def day_type(self, day: date) -> str:
        """Answer workday, weekend or holiday."""
        if day in self.holidays:
            return "holiday"
        return "weekend" if day.weekday() >= SATURDAY and day not in self.workdays else "workday"

    def season(self, day: date) -> Season:
        """Answer the first season that fits a local day. Raises TariffError without one."""
        kind = self.day_type(day)
        for season in self.seasons:
            if day.month in season.months and season.days in {"all", kind}:
                return season
        raise TariffError(f"no season fits {day} ({kind})")


def parse_rules(rules: Mapping[str, object]) -> TariffRules:
    """Check rules. Raises TariffError."""
    bands = _mapping(rules, "bands")
    seasons = _sequence(rules, "seasons")
    parsed = TariffRules(
        bands={str(name): _price(name, price) for name, price in bands.items()},
        seasons=tuple(_season(n, one) for n, one in enumerate(seasons, start=1)),
        holidays=_dates(rules, "holidays"),
        workdays=_dates(rules, "workdays"),
    )
    for number, season in enumerate(parsed.seasons, start=1):
        unknown = {band for _, band in season.times} - set(parsed.bands)
        if unknown:
            raise TariffError(f"season {number}: no price for band {min(unknown)!r}")
    for month in range(1, 13):
        for kind in DAY_TYPES[1:]:
            if not any(month in s.months and s.days in {"all", kind} for s in parsed.seasons):
                raise TariffError(f"no season fits month {month} on a {kind}")
    return parsed


def _season(number: int, season: object) -> Season:
    where = f"season {number}"
    if not isinstance(season, Mapping):
        raise TariffError(f"{where}: not a mapping")
    days = season.get("days", "all")
    if days not in DAY_TYPES:
        raise TariffError(f"{where}: days {days!r} is none of {', '.join(DAY_TYPES)}")
    months = frozenset(int(str(month)) for month in _sequence(season, "months"))
    if not months or not months <= set(range(1, 13)):
        raise TariffError(f"{where}: months are numbers from 1 to 12")
    times = [_time(where, one) for one in _sequence(season, "times")]
    if not times or times[0][0] != 0 or times[-1][1] != DAY_MINUTES:
        raise TariffError(f"{where}: times do not cover 00:00 to 24:00")
    for before, after in pairwise(times):
        if before[1] != after[0]:
            raise TariffError(f"{where}: times do not follow one another without gap or overlap")
    return Season(months, str(days), tuple((start, band) for start, _, band in times))


def _time(where: str, row: object) -> tuple[int, int, str]:
    if not isinstance(row, Sequence) or len(row) != 3:
        raise TariffError(f'{where}: a time is ["08:30", "11:30", "peak"], not {row!r}')
    start, end = (_minute(where, str(text)) for text in row[:2])
    if end <= start:
        raise TariffError(f"{where}: {row[0]}-{row[1]} ends before it begins")
    return start, end, str(row[2])


def _minute(where: str, text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(minutes) < 60):
        raise TariffError(f"{where}: {text!r} is no local time")
    minute = int(hours) * 60 + int(minutes)
    if minute % 15 or minute > DAY_MINUTES:
        raise TariffError(f"{where}: {text} is not at a quarter hour of the day")
    return minute


def _price(band: object, price: object) -> Decimal:
    try:
        if isinstance(price, str):
            return Decimal(price)
    except InvalidOperation:
        pass
    raise TariffError(f"band {band}: price {price!r} is not a number written as text")


def _dates(rules: Mapping[str, object], key: str) -> frozenset[date]:
    if key not in rules:
        return frozenset()
    try:
        return frozenset(date.fromisoformat(str(one)) for one in _sequence(rules, key))
    except ValueError as error:
        raise TariffError(f"{key}: {error}") from error


def _mapping(rules: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = rules.get(key)
    if not isinstance(found, Mapping):
        raise TariffError(f"{key} is missing or not a mapping")
    return found


def _sequence(rules: Mapping[str, object], key: str) -> Sequence[object]:
    found = rules.get(key)
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise TariffError(f"{key} is missing or not a list")
    return found


def slots(rules: TariffRules, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Slot]:
    """Answer the prices of the quarter hours in [start, end); both at quarter hours in UTC."""
    instant, day, season = start, None, None
    while instant < end:
        local = instant.astimezone(zone)
        if season is None or local.date() != day:
            day = local.date()
            season = rules.season(day)
        band = season.band(local.hour * 60 + local.minute)
        yield Slot(instant, band, rules.bands[band])
        instant += QUARTER


@dataclass(frozen=True, slots=True)
class TariffRow:
    """A stored tariff; valid in [valid_from, valid_to)."""

    id: int
    energy: str
    rules: Mapping[str, object]
    valid_from: datetime
    valid_to: datetime | None


async def read_tariffs(tx: ReadSession, project_id: int) -> list[TariffRow]:
    """Answer a project's tariffs, those that became valid last at the end."""
    return await tx.fetch_all(
        "SELECT id, energy, rules, valid_from, valid_to FROM tariff WHERE project_id = %s"
        " ORDER BY valid_from, id",
        (project_id,),
        into=TariffRow,
    )


def priced(
    tariffs: Sequence[TariffRow], zone: ZoneInfo, start: datetime, end: datetime
) -> dict[tuple[str, datetime], tuple[int, Slot]]:
    """Answer tariff and price of each (energy, quarter hour) of [start, end) that has one.

    Raises TariffError, which names the tariff.
    """
    found: dict[tuple[str, datetime], tuple[int, Slot]] = {}
    for tariff in tariffs:
        low = max(start, _quarter_at_or_after(tariff.valid_from))
        high = end if tariff.valid_to is None else min(end, tariff.valid_to)
        try:
            rules = parse_rules(tariff.rules)
            for slot in slots(rules, zone, low, high):
                found[tariff.energy, slot.start] = (tariff.id, slot)
        except TariffError as error:
            raise TariffError(f"tariff {tariff.id} of {tariff.energy}: {error}") from error
    return found


def _quarter_at_or_after(instant: datetime) -> datetime:
    over = instant.timestamp() % QUARTER.total_seconds()
    return instant + timedelta(seconds=-over % QUARTER.total_seconds())


async def keep_slots(
    tx: WriteSession, project_id: int, zone: ZoneInfo, start: datetime, end: datetime
) -> dict[str, tuple[datetime, datetime]]:
    """Have the prices of [start, end) as the tariffs say.

    Answers for each energy the first and the last quarter hour whose price changed.
    """
    wanted = priced(await read_tariffs(tx, project_id), zone, start, end)
    rows = [(energy, slot.start, tariff, slot.band, slot.price)
            for (energy, _), (tariff, slot) in wanted.items()]  # fmt: skip
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]
    gone = await tx.fetch_tuples(
        "DELETE FROM tariff_slot t WHERE t.project_id = %s AND t.start_ts >= %s AND t.start_ts < %s"
        " AND (t.energy, t.start_ts) NOT IN"
        " (SELECT * FROM unnest(%s::text[], %s::timestamptz[])) RETURNING t.energy, t.start_ts",
        (project_id, start, end, columns[0], columns[1]),
    )
    changed = await tx.fetch_tuples(
        "INSERT INTO tariff_slot AS t (project_id, energy, start_ts, tariff_id, band, price)"
        " SELECT %s, * FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[], %s::text[],"
        " %s::numeric[]) ON CONFLICT (project_id, energy, start_ts) DO UPDATE SET"
        " tariff_id = excluded.tariff_id, band = excluded.band, price = excluded.price"
        " WHERE (t.tariff_id, t.band, t.price)"
        " IS DISTINCT FROM (excluded.tariff_id, excluded.band, excluded.price)"
        " RETURNING t.energy, t.start_ts",
        (project_id, *columns),
    )
    spans: dict[str, tuple[datetime, datetime]] = {}
    for energy, instant in [*gone, *changed]:
        low, high = spans.get(energy, (instant, instant))
        spans[energy] = (min(low, instant), max(high, instant))
    return spans
