"""STATE: one connection of all ingest workers tells other Sparkplug nodes that the host is online.

The right to speak is a session lock of PostgreSQL, free the moment its holder's session ends. Our
own gateways take STATE as information only; the acknowledgement is what they believe.
"""

import asyncio
import contextlib
import logging

import msgspec
import psycopg

from backend.acquisition.connection import Connection, Will
from backend.acquisition.window import milliseconds
from backend.core.platform import Platform
from gateway.contract import topics

log = logging.getLogger(__name__)

HOST = "kilowise"
LOCK = 0x6B77_0001
"""Key of the session lock; no other part of the platform uses it."""
ASK_S = 3.0


class HostState:
    """Publishes `spBv1.0/STATE/kilowise` while this worker holds the lock."""

    def __init__(self, platform: Platform) -> None:
        """Take the platform whose host this is."""
        self._platform = platform
        self._topic = topics.state(HOST)
        self._since_ms = 0
        self._connection = Connection(
            platform.mqtt_url, "host", will=self._will, on_connect=self._say_online
        )

    async def run(self) -> None:
        """Wait for the lock, speak while it is held, begin again after a loss; until cancelled."""
        while True:
            try:
                await self._hold()
            except psycopg.OperationalError as error:
                log.warning("The host's lock is lost: %s", error)
            await asyncio.sleep(ASK_S)

    async def _hold(self) -> None:
        url = self._platform.database.url("kw_ingest")
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        async with connection:
            while True:
                if await _try_lock(connection):
                    break
                await asyncio.sleep(ASK_S)
            speaking = asyncio.create_task(self._connection.run())
            try:
                while True:
                    await asyncio.sleep(ASK_S)
                    await connection.execute("SELECT 1")
            finally:
                self._connection.publish(self._topic, self._payload(online=False), retain=True)
                speaking.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await speaking

    def _will(self) -> Will:
        self._since_ms = milliseconds(self._platform.clock.now())
        return Will(self._topic, self._payload(online=False))

    async def _say_online(self) -> None:
        self._connection.publish(self._topic, self._payload(online=True), qos=1, retain=True)

    def _payload(self, *, online: bool) -> bytes:
        # Will and birth carry the same time (Sparkplug 3.0, 6.4.26).
        return msgspec.json.encode({"online": online, "timestamp": self._since_ms})


async def _try_lock(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
    row = await cursor.fetchone()
    return row is not None and row[0] is True
