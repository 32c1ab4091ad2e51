"""Last values of a project's points, retained: `kilowise/<project>/readings/...`.

What changed is a set of points, not a queue of samples: a point that changes again before its turn
is told once, with its newest value. At most `TURN` messages go out every `PAUSE_S`, and none while
the broker has not taken what was sent, so that neither it nor this process is flooded.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

import msgspec
import psycopg

from backend.acquisition.connection import Connection
from backend.application.live_cache import Listener, ProjectLive, Sample
from backend.application.mqtt_api import counters
from backend.application.mqtt_api.messages import Quality as QualityName
from backend.application.mqtt_api.messages import Reading
from backend.core.db import Database
from backend.core.errors import Unavailable
from backend.service.integration import topics
from gateway.contract.quality import Quality

log = logging.getLogger(__name__)

TURN = 200
PAUSE_S = 0.1
MAX_UNSENT_BYTES = 1 << 20
PLACES_S = 10.0
"""Seconds after which an unknown point makes the names be read anew."""
QUALITIES: dict[Quality, QualityName] = {
    Quality.GOOD: "good",
    Quality.ESTIMATED: "estimated",
    Quality.SUBSTITUTED: "substituted",
    Quality.MANUAL: "manual",
    Quality.SUSPECT: "suspect",
    Quality.MISSING: "missing",
}

_PLACES = """
SELECT p.id, g.slug AS gateway, d.slug AS device, p.name, p.unit FROM point p
JOIN device d ON d.project_id = %(project)s AND d.id = p.device_id
JOIN gateway g ON g.project_id = %(project)s AND g.id = d.gateway_id
WHERE p.project_id = %(project)s
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point is told, and its unit."""

    topic: str
    unit: str


class Readings:
    """Tells the last values of one project for as long as `run` goes on."""

    def __init__(
        self, connection: Connection, database: Database, live: ProjectLive, project: str
    ) -> None:
        """Take the connection to speak on and the project's newest values."""
        self._connection = connection
        self._database = database
        self._live = live
        self._project = project
        self._places: dict[int, Place] = {}
        self._read_at = -PLACES_S
        self._waiting: dict[int, None] = {}

    async def run(self) -> None:
        """Tell everything once, then what changes, until cancelled."""
        listener = self._live.listen()
        self.tell_all()
        while True:
            if not self._waiting:
                await listener.bell.wait()
            self._take(listener)
            try:
                await self._tell_some()
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("values of %s wait: %s", self._project, error)
            await asyncio.sleep(PAUSE_S)

    def tell_all(self) -> None:
        """Have every value told anew: who speaks or the broker's memory began anew."""
        self._waiting.update(dict.fromkeys(self._live.samples))

    def forget_places(self) -> None:
        """Have the names read anew: the model changed."""
        self._read_at = -PLACES_S

    def _take(self, listener: Listener) -> None:
        changed = listener.take()
        counters.conflated.inc(len(changed & self._waiting.keys()))
        self._waiting.update(dict.fromkeys(changed))

    async def _tell_some(self) -> None:
        if not self._waiting:
            return
        await self._know(self._waiting)
        for point_id in list(self._waiting)[:TURN]:
            if self._connection.unsent_bytes > MAX_UNSENT_BYTES or not self._tell(point_id):
                return
            del self._waiting[point_id]

    def _tell(self, point_id: int) -> bool:
        """Tell one value; False when there is no connection, so that it waits."""
        place, sample = self._places.get(point_id), self._live.samples.get(point_id)
        if place is None or sample is None:
            # Nobody's device: entered by hand.
            return True
        sent = self._connection.publish(place.topic, encode(sample, place.unit), retain=True)
        counters.published.labels("readings").inc(sent)
        return sent

    async def _know(self, points: dict[int, None]) -> None:
        now = time.monotonic()
        if points.keys() <= self._places.keys() or now - self._read_at < PLACES_S:
            return
        self._read_at = now
        async with self._database.read(self._live.project_id) as tx:
            rows = await tx.fetch_tuples(_PLACES, {"project": self._live.project_id})
        self._places = {
            int(id): Place(topics.readings(self._project, gateway, device, name), unit)
            for id, gateway, device, name, unit in rows
        }


def encode(sample: Sample, unit: str) -> bytes:
    """Answer the message of a value; one whose quality is missing has none."""
    value = None if sample.quality is Quality.MISSING else sample.value
    return msgspec.json.encode(Reading(value, unit, QUALITIES[sample.quality], sample.at))
