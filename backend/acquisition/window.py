"""Which sample times can be stored: from the oldest partition to five minutes from now."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backend.core.db import ReadSession

AHEAD = timedelta(minutes=5)
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
    """Storable sample times in UTC milliseconds: oldest <= t <= newest."""

    oldest_ms: int
    newest_ms: int

    def refusal(self, ts_ms: int) -> str | None:
        """Answer why a sample's time cannot be stored; None when it can."""
        if ts_ms < self.oldest_ms:
            return "too_old"
        return "in_the_future" if ts_ms > self.newest_ms else None

    def at(self, now: datetime) -> "Window":
        """Answer the same window with `now` as the present."""
        return Window(self.oldest_ms, milliseconds(now + AHEAD))


async def read_window(tx: ReadSession, now: datetime) -> Window:
    """Answer the window of the partitions that exist now; empty when there is none."""
    bounds = [str(bound) for (bound,) in await tx.fetch_tuples(_BOUNDS)]
    starts = [_FROM.search(bound) for bound in bounds]
    found = [datetime.fromisoformat(start[1]) for start in starts if start]
    oldest = min(found, default=now + 2 * AHEAD)
    return Window(milliseconds(oldest), milliseconds(now + AHEAD))


def clamp(ts_ms: int) -> int:
    """Answer a time the database can hold, however broken the clock that made it."""
    return min(max(ts_ms, EARLIEST_MS), LATEST_MS)


def milliseconds(instant: datetime) -> int:
    """Answer an aware instant as UTC milliseconds, exactly."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def instant(ts_ms: int) -> datetime:
    """Answer UTC milliseconds as an aware instant."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ts_ms)
