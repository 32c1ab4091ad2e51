"""When the demo plant works: shifts of eight hours, Sundays, public holidays and the rota of teams.

Everything is counted in blocks: one block is one shift of eight hours in the plant's zone, UTC+8
without daylight saving. Block 0 began on 1970-01-01 at 00:00 plant time.
"""

from datetime import date
from enum import StrEnum

ZONE_S = 8 * 3600
BLOCK_S = 8 * 3600
BLOCK_MINUTES = 480
NIGHT, DAY, EVENING = 0, 1, 2
TEAMS = ("甲", "乙", "丙", "丁")

_EPOCH = date(1970, 1, 1).toordinal()
_ROTA_PHASE = {DAY: 0, EVENING: 1, NIGHT: 2}
_LUNAR_NEW_YEAR = {
    2024: date(2024, 2, 10),
    2025: date(2025, 1, 29),
    2026: date(2026, 2, 17),
    2027: date(2027, 2, 6),
    2028: date(2028, 1, 26),
    2029: date(2029, 2, 13),
    2030: date(2030, 2, 3),
}
_FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)})


class DayKind(StrEnum):
    """How much of the plant runs on a day."""

    WORK = "work"
    REST = "rest"
    FESTIVAL = "festival"


def block_of(second: int) -> int:
    """The block in which a Unix second lies."""
    return (second + ZONE_S) // BLOCK_S


def block_start(block: int) -> int:
    """The Unix second at which a block begins."""
    return block * BLOCK_S - ZONE_S


def block_date(block: int) -> date:
    """The plant's date of a block."""
    return date.fromordinal(_EPOCH + block // 3)


def block_slot(block: int) -> int:
    """Which shift of its day a block is: NIGHT 00-08, DAY 08-16, EVENING 16-24."""
    return block % 3


def first_block(day: date) -> int:
    """The block that begins at a plant date's midnight."""
    return (day.toordinal() - _EPOCH) * 3


def day_kind(day: date) -> DayKind:
    """Work Monday to Saturday; eight days of Spring Festival and public holidays stop."""
    new_year = _LUNAR_NEW_YEAR.get(day.year)
    if new_year is not None and -2 <= (day - new_year).days <= 5:
        return DayKind.FESTIVAL
    if (day.month, day.day) in _FIXED_HOLIDAYS:
        return DayKind.FESTIVAL
    return DayKind.REST if day.weekday() == 6 else DayKind.WORK


def team_of(block: int) -> int:
    """Index in TEAMS of the team on duty: four teams, two days of each shift, eight-day rota."""
    day, phase = block // 3, _ROTA_PHASE[block % 3]
    return next(team for team in range(4) if (day + 2 * team) % 8 // 2 == phase)
