"""Which sample times can be stored, and where: from thirteen months ago to five minutes from now.

The last 35 days are hot: rows of `reading`. What is older is late: it joins the arrays of its day
(`cold.py`), because the days before are compacted and their partitions dropped.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.core.db import ReadSession

AHEAD = timedelta(minutes=5)
HOT = timedelta(days=35)
LATE = timedelta(days=400)
"""How old a gateway's sample may be; a clock that stands in an earlier year is wrong."""
IMPORTABLE = datetime(2000, 1, 1, tzinfo=UTC)
"""How old the readings of a file may be."""
REFRESH = timedelta(minutes=1)

EARLIEST_MS = -62_135_596_800_000
LATEST_MS = 253_402_300_799_000
"""Years 1 and 9999: beyond them a time cannot even be set aside as it came."""

_BOUNDS = """
SELECT pg_get_expr(c.relpartbound, c.oid) AS bound
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'reading'::regclass
"""
_FROM = re.compile(r"FROM \('([^']+)'\)")


@dataclass(frozen=True, slots=True)
class Window:
    """Storable sample times in UTC milliseconds: oldest <= t <= newest; late before `hot`."""

    oldest_ms: int
    hot_ms: int
    newest_ms: int

    def refusal(self, ts_ms: int) -> str | None:
        """Answer why a sample's time cannot be stored; None when it can."""
        if ts_ms < self.oldest_ms:
            return "too_old"
        return "in_the_future" if ts_ms > self.newest_ms else None

    def is_late(self, ts_ms: int) -> bool:
        """Tell whether a storable sample joins the arrays of its day."""
        return ts_ms < self.hot_ms

    def at(self, now: datetime) -> "Window":
        """Answer the same window with `now` as the present."""
        return replace(self, newest_ms=milliseconds(now + AHEAD))

    def since(self, oldest: datetime) -> "Window":
        """Answer the same window with another beginning."""
        return replace(self, oldest_ms=milliseconds(oldest))


def hot_since(now: datetime) -> datetime:
    """Answer the midnight in UTC with which the hot window begins."""
    return (now - HOT).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def read_window(tx: ReadSession, now: datetime) -> Window:
    """Answer the window of now. Where a partition of the hot days is missing, they are late."""
    bounds = [str(bound) for (bound,) in await tx.fetch_tuples(_BOUNDS)]
    starts = [_FROM.search(bound) for bound in bounds]
    found = [datetime.fromisoformat(start[1]) for start in starts if start]
    hot = max(hot_since(now), min(found, default=now + 2 * AHEAD))
    return Window(milliseconds(now - LATE), milliseconds(hot), milliseconds(now + AHEAD))


def clamp(ts_ms: int) -> int:
    """Answer a time the database can hold, however broken the clock that made it."""
    return min(max(ts_ms, EARLIEST_MS), LATEST_MS)


def milliseconds(instant: datetime) -> int:
    """Answer an aware instant as UTC milliseconds, exactly."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def instant(ts_ms: int) -> datetime:
    """Answer UTC milliseconds as an aware instant."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ts_ms)
