"""The newest value of every point, in the memory of one web process.

Fed by the live bus, read from `last_value` when a project is first asked for and again every
`REFRESH_S`, so that a lost batch shows half a minute late and is never lost. Whoever wants to hear
of changes hangs up a `Listener`; it keeps the numbers of changed points, not a queue of samples, so
its size is bounded by the plant's.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from weakref import WeakSet

from backend.application.directory import Directory, LivePoint, read_directory
from backend.core.clock import Clock
from backend.core.db import Database
from backend.core.sight import Sight
from backend.service.people.limits import Limit, read_sight
from gateway.contract.quality import Quality

log = logging.getLogger(__name__)

REFRESH_S = 30.0
DIRECTORY_S = 10.0
EVERYTHING = Limit()
"""No limit at all."""
FRESH = timedelta(minutes=5)
"""How young the newest stored value must be for the process to count as ready at its start."""


class Batch(Protocol):
    """What the cache needs of a batch of the live bus (backend.acquisition.live.LiveBatch)."""

    @property
    def project_id(self) -> int:
        """The project all rows belong to."""
        ...

    @property
    def rows(self) -> list[tuple[int, int, float, int]]:
        """Point, sample time (ms), value, quality."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest value of a point."""

    at_ms: int
    value: float
    quality: Quality

    @property
    def at(self) -> datetime:
        """The sample's time."""
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Listener:
    """Which points changed since somebody last looked, and a bell; gone when nobody holds it."""

    touched: set[int] = field(default_factory=set)
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> set[int]:
        """Answer the points that changed since the last call."""
        taken, self.touched = self.touched, set()
        self.bell.clear()
        return taken


class ProjectLive:
    """One project's newest values and its model."""

    def __init__(self, project_id: int, database: Database, clock: Clock) -> None:
        """Begin empty; `refresh` fills it."""
        self.project_id = project_id
        self.samples: dict[int, Sample] = {}
        self._database = database
        self._clock = clock
        self._models: dict[Limit, _Model] = {}
        self._reading = asyncio.Lock()
        self._listeners: WeakSet[Listener] = WeakSet()

    def listen(self) -> Listener:
        """Hang up a listener; it hears as long as the caller holds it."""
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def now_s(self) -> float:
        """Answer the clock's seconds since 1970."""
        return self._clock.now().timestamp()

    def view(self, limit: Limit) -> "LiveView":
        """Answer what a member of this limit sees of the project."""
        return LiveView(self, limit)

    async def model(self, limit: Limit) -> "_Model":
        """Answer the plant's model within a limit, at most `DIRECTORY_S` old."""
        async with self._reading:
            known = self._models.get(limit)
            if known is None or time.monotonic() - known.read_at > DIRECTORY_S:
                self._models = {
                    one: model
                    for one, model in self._models.items()
                    if time.monotonic() - model.read_at <= DIRECTORY_S
                }
                known = self._models[limit] = await self._read(limit)
            return known

    async def _read(self, limit: Limit) -> "_Model":
        now, sight = self._clock.now(), None
        if limit.anything:
            async with self._database.read(self.project_id) as tx:
                sight = await read_sight(tx, self.project_id, limit, now)
        async with self._database.read(self.project_id, sight) as tx:
            directory = await read_directory(tx, self.project_id, now)
        return _Model(directory, sight, time.monotonic())

    def forget_directory(self) -> None:
        """Have the model read anew by the next who asks."""
        self._models.clear()

    async def refresh(self) -> None:
        """Read the stored newest values and take those that are newer than what is known."""
        async with self._database.read(self.project_id) as tx:
            rows = await tx.fetch_tuples(
                "SELECT point_id, (extract(epoch FROM ts) * 1000)::bigint, value, quality"
                " FROM last_value WHERE project_id = %s",
                (self.project_id,),
            )
        self.take((int(p), int(ms), float(value), int(quality)) for p, ms, value, quality in rows)

    def take(self, rows: Iterable[tuple[int, int, float, int]]) -> None:
        """Take samples; one that is older than what is known changes nothing."""
        changed: set[int] = set()
        samples = self.samples
        for point_id, at_ms, value, quality in rows:
            known = samples.get(point_id)
            if known is None or at_ms > known.at_ms:
                samples[point_id] = Sample(at_ms, value, Quality(quality))
                changed.add(point_id)
        if not changed:
            return
        whole = self._models.get(EVERYTHING)
        if whole is not None and not changed <= whole.directory.points.keys():
            self.forget_directory()
        for listener in self._listeners:
            listener.touched |= changed
            listener.bell.set()


@dataclass(frozen=True, slots=True)
class _Model:
    """A plant's model as somebody of a limit sees it."""

    directory: Directory
    sight: Sight | None
    read_at: float


class LiveView:
    """What a member sees of a project's newest values; points come from its directory alone."""

    def __init__(self, live: ProjectLive, limit: Limit) -> None:
        """Made by `ProjectLive.view`."""
        self._live = live
        self._limit = limit

    async def directory(self) -> Directory:
        """Answer the plant's model as the member sees it."""
        return (await self._live.model(self._limit)).directory

    async def sight(self) -> Sight | None:
        """Answer what the member's transactions are narrowed to; None for the whole project."""
        return (await self._live.model(self._limit)).sight

    def listen(self) -> Listener:
        """Hang up a listener; it hears as long as the caller holds it, of other points too."""
        return self._live.listen()

    def newest(self, point: LivePoint | None) -> Sample | None:
        """Answer the point's newest sample."""
        return None if point is None else self._live.samples.get(point.id)

    def fresh(self, point: LivePoint | None) -> Sample | None:
        """Answer the point's sample if it can stand for the present moment, else None."""
        sample = self.newest(point)
        if point is None or sample is None or not point.online:
            return None
        if sample.quality in {Quality.MISSING, Quality.SUSPECT}:
            return None
        age_s = self._live.now_s() - sample.at_ms / 1000
        return sample if age_s <= point.max_gap_s else None


class LiveCache:
    """The newest values of all projects that somebody looks at."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Begin empty and not flowing."""
        self._database = database
        self._clock = clock
        self._projects: dict[int, ProjectLive] = {}
        self._fed: dict[int, ProjectLive] = {}
        """Beside the open ones those that are being opened, so that no batch falls between."""
        self._opening: dict[int, asyncio.Task[ProjectLive]] = {}
        self.flowing = False
        """True once a live batch arrived or a stored value was fresh; it stays true."""
        self.batches = 0

    async def project(self, project_id: int) -> ProjectLive:
        """Answer a project's newest values, reading them from the database the first time."""
        live = self._projects.get(project_id)
        if live is not None:
            return live
        task = self._opening.get(project_id)
        if task is None:
            task = asyncio.create_task(self._open(project_id))
            self._opening[project_id] = task
            task.add_done_callback(lambda _: self._opening.pop(project_id, None))
        return await asyncio.shield(task)

    async def _open(self, project_id: int) -> ProjectLive:
        live = ProjectLive(project_id, self._database, self._clock)
        self._fed[project_id] = live
        await live.refresh()
        self._projects[project_id] = live
        self._notice(live)
        return live

    def forget_directory(self, project_id: int) -> None:
        """Have a project's model read anew; the model changed."""
        live = self._projects.get(project_id)
        if live is not None:
            live.forget_directory()

    async def follow(self, batches: AsyncIterator[Batch]) -> None:
        """Take batches of the live bus until it ends."""
        async for batch in batches:
            self.batches += 1
            self.flowing = True
            live = self._fed.get(batch.project_id)
            if live is not None:
                live.take(batch.rows)

    async def refresh_for_ever(self) -> None:
        """Read stored values again every `REFRESH_S`: what the bus lost comes this way."""
        while True:
            await asyncio.sleep(REFRESH_S)
            for live in list(self._projects.values()):
                try:
                    await live.refresh()
                except Exception:
                    log.exception("newest values of project %s not refreshed", live.project_id)

    def _notice(self, live: ProjectLive) -> None:
        newest = max((sample.at_ms for sample in live.samples.values()), default=None)
        if newest is not None:
            age = self._clock.now().timestamp() - newest / 1000
            self.flowing = self.flowing or age <= FRESH.total_seconds()
