"""What callers and projects may still spend on GraphQL: buckets that fill up within a minute.

A bucket holds a minute's budget and fills evenly. Each project and each caller (a key, a session,
or the address of somebody who is not signed in) has its own, so whoever has spent theirs waits
while nobody else does. A web process counts for itself, a cost once for each process that is alive
(`backend/core/peers.py`): all of them together spend no more than one budget. It forgets buckets
that are full again.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backend.core.errors import TooMuch
from backend.core.peers import Peers

MINUTE_S: Final = 60.0
SWEEP_FROM: Final = 10_000
"""Buckets from which full ones are looked for; a full one is as good as none."""

Monotonic = Callable[[], float]


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Spent:
    """How a budget stands after a request."""

    limit: int
    left: int
    """What may be spent at once, here."""


class Budget:
    """One minute's budget for each of many."""

    def __init__(
        self,
        code: str,
        limit: int,
        monotonic: Monotonic = time.monotonic,
        peers: Peers | None = None,
    ) -> None:
        """Take the code of the refusal, what each may spend in a minute, and who else counts."""
        self.limit = limit
        self._peers = peers or Peers()
        self._code = code
        self._monotonic = monotonic
        self._buckets: dict[object, _Bucket] = {}

    def spend(self, whose: object, cost: int) -> Spent:
        """Take the cost from a bucket.

        TooMuch when there is not enough: with the seconds until there will be as `retryAfter`;
        `cost_too_high` without them when a whole minute's budget would not do.
        """
        if cost > self.limit:
            raise TooMuch("cost_too_high", cost=cost, limit=self.limit)
        bucket, here = self._filled(whose), self._peers.count
        # What is dearer than the share of this process waits until the bucket is full.
        needed = min(cost * here, self.limit)
        if needed > bucket.left:
            wait = math.ceil((needed - bucket.left) * MINUTE_S / self.limit)
            raise TooMuch(self._code, cost=cost, limit=self.limit, retryAfter=max(wait, 1))
        bucket.left -= cost * here
        return Spent(self.limit, max(int(bucket.left / here), 0))

    def note(self, whose: object, cost: int) -> None:
        """Count what was spent without being asked for anew; that never takes below nothing."""
        bucket = self._filled(whose)
        bucket.left = min(bucket.left, max(bucket.left - cost * self._peers.count, 0.0))

    def __len__(self) -> int:
        """Answer how many are remembered."""
        return len(self._buckets)

    def _filled(self, whose: object) -> _Bucket:
        now = self._monotonic()
        bucket = self._buckets.get(whose)
        if bucket is None:
            if len(self._buckets) >= SWEEP_FROM:
                self._sweep(now)
            bucket = self._buckets[whose] = _Bucket(self.limit, now)
        bucket.left = min(self.limit, bucket.left + (now - bucket.at) * self.limit / MINUTE_S)
        bucket.at = now
        return bucket

    def _sweep(self, now: float) -> None:
        full = [whose for whose, one in self._buckets.items() if now - one.at >= MINUTE_S]
        for whose in full:
            del self._buckets[whose]


class Budgets:
    """The budgets of projects and of callers in one web process."""

    def __init__(
        self,
        project: int,
        caller: int,
        monotonic: Monotonic = time.monotonic,
        peers: Peers | None = None,
    ) -> None:
        """Take what a project and a caller may spend in a minute, of all processes together."""
        self.projects = Budget("cost_of_project", project, monotonic, peers)
        self.callers = Budget("cost_of_caller", caller, monotonic, peers)
