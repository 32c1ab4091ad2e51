"""What people write into cells, read exactly: numbers of both commas, times by the plant's clock.

Each function answers a value or raises BadCell with a code of the catalogue.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from backend.core.errors import Param
from backend.service.imports.sheet import Cell, Formula

_SPACES: Final = re.compile(r"[\s\u00a0\u202f']")
_GROUPS: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_DATE: Final = re.compile(
    r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?"
    r"|(?P<d2>\d{1,2})\.(?P<m2>\d{1,2})\.(?P<y2>\d{4})"
)
_TIME: Final = re.compile(
    r"(?:[T ]\s*(?P<h>\d{1,2}):(?P<i>\d{2})(?::(?P<s>\d{2})(?:[.,]\d+)?)?)?\s*"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)


@dataclass(frozen=True, slots=True)
class BadCell(Exception):
    """A cell that is not what its column holds."""

    code: str
    params: dict[str, Param]


def text(cell: Cell) -> str | None:
    """Answer what is written; None for an empty cell."""
    if isinstance(cell, Formula):
        raise BadCell("cell_formula", {})
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return None if cell is None else str(cell)


def number(cell: Cell, *, comma: bool) -> Decimal | None:
    """Answer a finite number; `comma`: where it could be either, a comma is the decimal one."""
    if isinstance(cell, datetime | bool):
        raise BadCell("entry_number", {})
    if not isinstance(cell, Decimal):
        written = text(cell)
        if written is None:
            return None
        try:
            cell = Decimal(_plain(written, comma=comma))
        except InvalidOperation:
            raise BadCell("entry_number", {}) from None
    if not cell.is_finite() or abs(cell) >= Decimal(10) ** 15:
        raise BadCell("entry_number", {})
    return cell


def _plain(written: str, *, comma: bool) -> str:
    """Answer digits with a point, whichever of point and comma is the decimal one."""
    bare = _SPACES.sub("", written)
    if "," not in bare:
        return bare
    if "." in bare:
        last = max(bare.rfind(","), bare.rfind("."))
        whole = bare[:last].replace(",", "").replace(".", "")
        return f"{whole}.{bare[last + 1 :]}"
    if not comma and _GROUPS.fullmatch(bare):
        return bare.replace(",", "")
    return bare.replace(",", ".") if bare.count(",") == 1 else bare


def instant(cell: Cell, zone: ZoneInfo) -> datetime | None:
    """Answer a time in UTC; one without an offset is the plant's local time.

    A local time that clocks jump over or that comes twice is no instant.
    """
    if isinstance(cell, datetime):
        return _local(cell, zone) if cell.tzinfo is None else cell.astimezone(UTC)
    written = text(cell)
    if written is None:
        return None
    day = _DATE.match(written)
    rest = None if day is None else _TIME.fullmatch(written[day.end() :].rstrip())
    if day is None or rest is None:
        raise BadCell("cell_time", {})
    year, month, date = (day[name] or day[f"{name}2"] for name in ("y", "m", "d"))
    clock = [int(rest[name] or 0) for name in ("h", "i", "s")]
    try:
        naive = datetime(int(year), int(month), int(date))  # noqa: DTZ001 - its zone comes below
        naive += timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2])
    except (ValueError, OverflowError):
        raise BadCell("cell_time", {}) from None
    if clock > [24, 0, 0] or clock[1] > 59 or clock[2] > 59:
        raise BadCell("cell_time", {})
    if rest["zone"]:
        offset = rest["zone"].replace("Z", "+00:00")
        return datetime.fromisoformat(f"{naive.isoformat()}{offset}").astimezone(UTC)
    return _local(naive, zone)


def _local(naive: datetime, zone: ZoneInfo) -> datetime:
    first = naive.replace(tzinfo=zone)
    offset = first.utcoffset()
    if offset is not None and offset == naive.replace(tzinfo=zone, fold=1).utcoffset():
        return naive.replace(tzinfo=UTC) - offset
    jumped = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive
    raise BadCell("cell_time_jumped" if jumped else "cell_time_twice", {})
