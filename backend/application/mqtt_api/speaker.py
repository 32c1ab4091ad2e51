"""One project's JSON topics in one process: spoken while the project's lease is held.

Whoever gains the lease tells everything that is retained anew and goes on with the events after the
last one told. Events only say that something changed; what is told is read from the database.
"""

import asyncio
import logging
import time
from contextlib import suppress

import psycopg

from backend.acquisition.connection import Connection
from backend.application.mqtt_api import counters, lease, tellings
from backend.application.mqtt_api.readings import Readings
from backend.application.mqtt_api.requests import Requests
from backend.application.mqtt_api.tellings import TELLINGS, Message
from backend.application.web_process import WebProcess
from backend.core import events
from backend.core.errors import Unavailable
from backend.core.events import Event
from backend.core.waking import rung
from backend.service.integration import topics
from backend.service.integration.access import Held, Scope, held_credentials, settle
from backend.service.integration.topics import RequestTopic

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Seconds between two looks of somebody whom no event wakes: lease, expiry, rights."""
SURE_S = 5.0
"""Real seconds after a claim in which the lease is not asked for again."""
MOST_EVENTS = 500
ACKNOWLEDGED_S = 1.0
"""How long the broker may take before an event counts as told all the same."""
SETTLES = frozenset({"mqtt", "member", "model"})
"""Events after which a credential may reach other topics."""


class Speaker:
    """Speaks for one project whenever this process may."""

    def __init__(
        self, process: WebProcess, connection: Connection, project: tuple[int, str], owner: str
    ) -> None:
        """Take the project (number and slug) and the name of this process."""
        self._process = process
        self._connection = connection
        self._project_id, self._project = project
        self._owner = owner
        self._bell = asyncio.Event()
        self._number: int | None = None
        self._held: list[Held] = []
        self._settle_at = 0.0
        self._sure_until = 0.0
        self._fresh = True
        self._requests = Requests(process, self._project_id, self.say)
        self._answering: asyncio.Task[None] | None = None
        self._readings: Readings | None = None
        self._telling: asyncio.Task[None] | None = None

    @property
    def speaks(self) -> bool:
        """Whether this process holds the lease."""
        return self._number is not None

    def wake(self) -> None:
        """Something happened in the project."""
        self._bell.set()

    def begin_anew(self) -> None:
        """The broker may have forgotten what it kept: tell everything again."""
        self._fresh = True
        if self._readings is not None:
            self._readings.tell_all()
        self._bell.set()

    def take(self, topic: RequestTopic, payload: bytes) -> None:
        """Take a request, if this process speaks for the project."""
        if self.speaks:
            self._requests.take(topic, payload)

    def say(self, message: Message) -> bool:
        """Publish a message; False when there is no connection."""
        sent = self._connection.publish(
            message.topic, message.payload, qos=1, retain=message.retain
        )
        counters.published.labels(message.family).inc(sent)
        return sent

    async def run(self) -> None:
        """Look whenever woken, and every few seconds, until cancelled."""
        try:
            while True:
                try:
                    await self._look()
                except (psycopg.OperationalError, Unavailable) as error:
                    log.warning("third parties of %s wait: %s", self._project, error)
                except Exception:
                    # One project's trouble is not that of the others in this process.
                    log.exception("third parties of %s could not be told", self._project)
                await rung(self._bell, LOOK_S)
                self._bell.clear()
        finally:
            with suppress(psycopg.OperationalError, Unavailable):
                await self.let_go()
            await self._be_quiet()

    async def _look(self) -> None:
        due = time.monotonic() >= self._settle_at
        if due:
            await self._read_credentials()
        if not self._held or not await self._holds():
            await self._be_quiet()
            return
        if due:
            await self._settle()
        if self._fresh and self._connection.connected.is_set():
            await self._begin()
        await self._tell_events()

    async def _read_credentials(self) -> None:
        """Look who may listen; without anybody nothing is told."""
        now = self._process.platform.clock.now()
        async with self._process.platform.database.read(self._project_id) as tx:
            self._held = await held_credentials(tx, self._project_id, now)
        self._settle_at = time.monotonic() + LOOK_S

    async def _settle(self) -> None:
        """Keep what credentials reach, and tell last values while somebody may hear them."""
        now = self._process.platform.clock.now()
        async with self._process.platform.database.project(self._project_id) as tx:
            await settle(tx, self._project_id, now)
        heard = any(Scope.READINGS in one.scopes for one in self._held)
        if heard and self._telling is None:
            live = await self._process.live.project(self._project_id)
            database = self._process.platform.database
            self._readings = Readings(self._connection, database, live, self._project)
            self._telling = asyncio.create_task(self._readings.run())
        elif not heard:
            await self._stop_readings()

    async def _holds(self) -> bool:
        now = time.monotonic()
        if self.speaks and now < self._sure_until:
            return True
        database = self._process.platform.database
        number = await lease.hold(database, self._project_id, self._owner, self._number)
        if number is None or not self.speaks:
            self._number, self._fresh = number, True
        self._sure_until = now + SURE_S
        return self.speaks

    async def _begin(self) -> None:
        """Tell everything that is retained, and listen to requests."""
        if self._answering is None:
            self._answering = asyncio.create_task(self._requests.run())
            self._connection.subscribe(topics.every_request(self._project), qos=1)
        async with self._process.platform.database.read(self._project_id) as tx:
            found = await tellings.all_alarms(tx, self._project_id, self._project)
            found += await tellings.configs(tx, self._project_id, self._project)
        # With all of it said there is nothing to begin; else the next look tries again.
        self._fresh = not all(self.say(message) for message in found)

    async def _tell_events(self) -> None:
        """Tell what happened since the last event that was told."""
        database = self._process.platform.database
        while self._number is not None and self._connection.connected.is_set():
            async with database.read(self._project_id) as tx:
                found = await events.after(tx, self._project_id, self._number, MOST_EVENTS)
            if not found or not await self._tell(found):
                return
            self._number = found[-1].number
            if any(event.kind in TELLINGS for event in found):
                await self._connection.acknowledged(ACKNOWLEDGED_S)
                await lease.hold(database, self._project_id, self._owner, self._number)

    async def _tell(self, found: list[Event]) -> bool:
        """Tell what events are about, each thing once; False when it could not be said."""
        things = dict.fromkeys((event.kind, event.ref) for event in found)
        kinds = {kind for kind, _ in things}
        if kinds & SETTLES:
            self._settle_at = 0.0
            self._bell.set()
        if self._readings is not None and "model" in kinds:
            self._readings.forget_places()
        return all([await self._tell_one(kind, ref) for kind, ref in things])

    async def _tell_one(self, kind: str, ref: str) -> bool:
        """Tell what one event is about; False when it could not be said."""
        read = TELLINGS.get(kind)
        if read is None:
            return True
        async with self._requests.turn:
            async with self._process.platform.database.read(self._project_id) as tx:
                found = await read(tx, self._project_id, self._project, ref)
            return all(self.say(message) for message in found)

    async def _be_quiet(self) -> None:
        """Say nothing more; another process speaks, or nobody listens."""
        self._number = None
        if self._answering is not None:
            self._connection.unsubscribe(topics.every_request(self._project))
            await _end(self._answering)
            self._answering = None
        await self._stop_readings()

    async def _stop_readings(self) -> None:
        if self._telling is not None:
            await _end(self._telling)
        self._telling = self._readings = None

    async def let_go(self) -> None:
        """Let another process begin at once."""
        if self.speaks:
            await lease.let_go(self._process.platform.database, self._project_id, self._owner)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
