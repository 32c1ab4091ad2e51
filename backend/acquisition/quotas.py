"""What each project may still send: a bucket of points a project, refilled at its quota's rate.

A message that its project's bucket does not hold is not taken: neither read nor acknowledged, so a
node with a journal keeps it and sends it again; what a node without one sends then is a gap in the
ledger. Every worker lets a project have the share of its rate that it holds of its gateways, so
that all workers together keep to it. Births and deaths are always taken.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backend.acquisition import counters
from backend.core.db import IngestSession
from gateway.contract import topics

BURST_S: Final = 10.0
"""Seconds of a project's rate that may come at once after a silence."""
BYTES_A_POINT: Final = 20
"""What a message is taken to hold, by its bytes, until it is read."""
_DATA: Final = frozenset({topics.NDATA, topics.DDATA})

_ALLOWED = """
SELECT p.slug, p.id AS project_id,
       coalesce(q.points_per_s, 0)::float8 AS points_per_s,
       (p.suspended_at IS NOT NULL AND NOT p.suspended_takes_data) OR p.delete_at IS NOT NULL
         OR (coalesce(q.storage_mb, 0) > 0
             AND p.stored_bytes > q.storage_mb::bigint * 1000000) AS closed
FROM project p LEFT JOIN project_quota q ON q.project_id = p.id
"""
_USED = """
INSERT INTO project_use AS u (project_id, day, points, refused, refused_at)
SELECT r.project_id, %s, r.points, r.refused, CASE WHEN r.refused > 0 THEN %s::timestamptz END
FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS r (project_id, points, refused)
ON CONFLICT (project_id, day) DO UPDATE SET points = u.points + excluded.points,
    refused = u.refused + excluded.refused,
    refused_at = coalesce(excluded.refused_at, u.refused_at)
"""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a project may send: points a second (0: without a limit), or nothing at all."""

    slug: str
    project_id: int
    points_per_s: float
    closed: bool


@dataclass(slots=True)
class Bucket:
    """Points that a project may send now; below 0 it must wait."""

    rate: float
    level: float
    at_s: float
    closed: bool = False
    taken: int = 0
    refused: int = 0

    def admit(self, points: int, now_s: float) -> bool:
        """Take so many points out, if there are any in it."""
        if self.rate > 0:
            filled = self.level + (now_s - self.at_s) * self.rate
            self.level, self.at_s = min(filled, self.rate * BURST_S), now_s
        if self.closed or (self.rate > 0 and self.level <= 0):
            self.refused += points
            return False
        self._spend(points)
        return True

    def settle(self, guessed: int, found: int) -> None:
        """Put right what a message was taken to hold, now that it was read."""
        self._spend(found - guessed)

    def change(self, rate: float, now_s: float) -> None:
        """Go on at another rate; what was had without a limit does not count."""
        if rate != self.rate:
            full = rate * BURST_S
            self.level = full if self.rate == 0 else min(self.level, full)
            self.rate, self.at_s = rate, now_s

    def _spend(self, points: int) -> None:
        self.taken += points
        if self.rate > 0:
            self.level -= points


@dataclass(slots=True)
class Quotas:
    """The buckets of all projects by slug, as their group in topics."""

    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _projects: dict[str, int] = field(default_factory=dict)

    def admit(self, topic: str, size: int, now_s: float) -> bool:
        """Tell whether a message of so many bytes may be taken; NDATA and DDATA alone are asked."""
        parts = topic.split("/", 3)
        bucket = self._buckets.get(parts[1]) if len(parts) > 2 and parts[2] in _DATA else None
        if bucket is None or bucket.admit(guess(size), now_s):
            return True
        counters.messages_dropped.labels("quota").inc()
        return False

    def settle(self, group: str, size: int, found: int) -> None:
        """Put right what a message was taken to hold."""
        bucket = self._buckets.get(group)
        if bucket is not None:
            bucket.settle(guess(size), found)

    async def renew(self, tx: IngestSession, now: datetime, shares: Mapping[int, float]) -> None:
        """Write down what was sent, and read what may be sent now.

        `shares` is this worker's part of each project's gateways.
        """
        await self.write_down(tx, now)
        self.keep(await tx.fetch_all(_ALLOWED, into=Allowed), shares, time.monotonic())

    async def write_down(self, tx: IngestSession, now: datetime) -> None:
        """Add what was sent since the last time to the counts of the day (UTC)."""
        used = self.used()
        if used:
            columns = [list(column) for column in zip(*used, strict=True)]
            await tx.execute(_USED, (now.date(), now, *columns))

    def keep(self, allowed: Iterable[Allowed], shares: Mapping[int, float], now_s: float) -> None:
        """Go by these quotas from now on; `shares` is this worker's part of each project."""
        told = {one.slug: one for one in allowed}
        self._projects = {slug: one.project_id for slug, one in told.items()}
        self._buckets = {slug: b for slug, b in self._buckets.items() if slug in told}
        for slug, one in told.items():
            rate = one.points_per_s * shares.get(one.project_id, 1.0)
            bucket = self._buckets.setdefault(slug, Bucket(rate, rate * BURST_S, now_s))
            bucket.change(rate, now_s)
            bucket.closed = one.closed

    def used(self) -> list[tuple[int, int, int]]:
        """Answer project, points taken and points refused since the last call."""
        found = []
        for slug, bucket in self._buckets.items():
            if bucket.taken or bucket.refused:
                found.append((self._projects[slug], bucket.taken, bucket.refused))
                bucket.taken = bucket.refused = 0
        return found


def guess(size: int) -> int:
    """Answer how many points a message of so many bytes is taken to hold."""
    return max(1, size // BYTES_A_POINT)
