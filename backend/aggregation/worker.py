"""Role `aggregate`: turns dirty ranges into accounts, for all projects, any number of processes.

Woken by NOTIFY `kw_dirty` with the project's id, at most every half second; looks by itself every
30 s. Each transaction takes a bite that lasts a fraction of a second, the newest ranges first, so
that a long import never holds up live values. What changed is told as event `account`, at most once
a second a project.
"""

import asyncio
import gc
import logging
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

import psycopg

from backend.aggregation import counters
from backend.aggregation.accounts import (
    Done,
    account,
    keep_ahead,
    tariffs_seen,
)
from backend.aggregation.progress import read_progress
from backend.core.errors import Unavailable
from backend.core.events import notified, publish
from backend.core.platform import Platform

log = logging.getLogger(__name__)

CHANNEL: Final = "kw_dirty"
PACE_S: Final = 0.5
"""Seconds between two looks at a project without a backlog."""
EVENT_S: Final = 1.0
RETRY_S: Final = 0.5
FAILED_S: Final = 30.0
"""Seconds a project rests after a failure that is not the database's absence."""

SHORTEST, LONGEST = timedelta(hours=6), timedelta(days=35)
COLLECT: Final = (50_000, 20, 50)
"""Thresholds of Python's search for rings of objects. A bite makes a hundred thousand tuples and no
rings; at the usual 700 the search takes a third of the role's time.
"""
BITE_S: Final = 0.4
"""Seconds one transaction should last at most; the length of a bite follows it."""


@dataclass(slots=True)
class Attention:
    """What a worker remembers of a project; may be wrong and is made anew at any time."""

    span: timedelta = timedelta(days=1)
    prepared: tuple[str, date] | None = None
    told_at: float = -EVENT_S
    untold: bool = False
    rest_until: float = 0.0


@dataclass(slots=True)
class Worker:
    """Accounts all projects that are due, in turn."""

    platform: Platform
    projects: dict[int, Attention] = field(default_factory=dict)
    due: set[int] = field(default_factory=set)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Mark projects as due when something says so."""
        async with aclosing(notified(self.platform.database, CHANNEL)) as wakes:
            async for payload in wakes:
                self.due |= {int(payload)} if payload.isdigit() else await self._all()
                self.woken.set()

    async def work(self) -> None:
        """Account what is due, for ever."""
        while True:
            await self.woken.wait()
            self.woken.clear()
            while self.due:
                began = time.monotonic()
                backlog = await self._round()
                if not backlog:
                    await asyncio.sleep(max(0.0, PACE_S - (time.monotonic() - began)))

    async def _all(self) -> set[int]:
        while True:
            try:
                async with self.platform.database.platform_read() as tx:
                    return {int(row[0]) for row in await tx.fetch_tuples("SELECT id FROM project")}
            except (psycopg.OperationalError, Unavailable):
                await asyncio.sleep(RETRY_S)

    async def _round(self) -> bool:
        """Give each due project one transaction; answer whether one has more at hand."""
        backlog = False
        for project_id in sorted(self.due):
            one = self.projects.setdefault(project_id, Attention())
            if time.monotonic() < one.rest_until:
                continue
            # Before the look: what is told while we work makes the project due again.
            self.due.discard(project_id)
            try:
                done = await self._one(project_id, one)
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("The database is away, accounts wait: %s", str(error).strip())
                self.due.add(project_id)
                await asyncio.sleep(RETRY_S)
                continue
            except Exception:  # one project's fault must not stop the others (supervisor)
                counters.failures.inc()
                log.exception("Accounting project %s failed; trying again later", project_id)
                self.due.add(project_id)
                one.rest_until = time.monotonic() + FAILED_S
                continue
            backlog = backlog or done.more
            if done.busy or done.more or one.untold:
                self.due.add(project_id)
        return backlog

    async def _one(self, project_id: int, one: Attention) -> Done:
        now = self.platform.clock.now()
        await self._prepare(project_id, one, now)
        began = time.monotonic()
        async with self.platform.database.project(project_id) as tx:
            done = await account(tx, project_id, now, one.span)
            telling = (one.untold or done.changed) and began - one.told_at >= EVENT_S
            if telling:
                await publish(tx, project_id, "account", "", now)
        if telling:
            one.told_at = began
        one.untold = (one.untold or done.changed) and not telling
        await self._measure(project_id, one, done, now, time.monotonic() - began)
        return done

    async def _prepare(self, project_id: int, one: Attention, now: datetime) -> None:
        """Have calendar and prices whenever a tariff or the date changed since the last look."""
        database = self.platform.database
        async with database.read(project_id) as tx:
            seen = (await tariffs_seen(tx, project_id), now.date())
        if seen != one.prepared:
            async with database.project(project_id) as writing:
                await keep_ahead(writing, project_id, now)
            one.prepared = seen

    async def _measure(
        self, project_id: int, one: Attention, done: Done, now: datetime, took: float
    ) -> None:
        if done.busy or done.newest is None:
            return
        counters.seconds.observe(took)
        counters.behind.labels(str(project_id)).set((now - done.newest).total_seconds())
        one.span = next_span(one.span, done, took)
        async with self.platform.database.read(project_id) as tx:
            left = await read_progress(tx, project_id)
        counters.waiting.labels(str(project_id)).set(left.ranges)
        counters.oldest.labels(str(project_id)).set(left.oldest_s or 0.0)


def next_span(span: timedelta, done: Done, took: float) -> timedelta:
    """Answer how long the next bite is after one of `span` that took so many seconds.

    One in which next to nothing was read costs its look-ups however short it is: a longer one
    follows.
    """
    sparse = done.buckets < done.stretches and not done.changed
    if took > BITE_S and not sparse:
        return max(SHORTEST, span / 2)
    if done.more and (took < BITE_S / 4 or sparse):
        return min(LONGEST, span * 2)
    return span


async def run(platform: Platform) -> None:
    """Account all projects until cancelled."""
    gc.set_threshold(*COLLECT)
    worker = Worker(platform)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.listen())
        tasks.create_task(worker.work())
