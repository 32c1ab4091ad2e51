"""STATE: one connection of all ingest workers tells other Sparkplug nodes that the host is online.

The right to speak is a session lock of PostgreSQL, free the moment its holder's session ends. Our
own gateways wait for STATE only where they are told to; the acknowledgement is what they believe.
The order of Sparkplug 3.0, 5.3 and 5.13: subscriptions, STATE, and only then everything else that
the host says (`Announced`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec
import psycopg

from backend.acquisition.connection import Connection, Will
from backend.acquisition.window import milliseconds
from backend.core.platform import Platform
from gateway.contract import topics

log = logging.getLogger(__name__)

HOST = "kilowise"
TOPIC = topics.state(HOST)
LOCK = 0x6B77_0001
"""Key of the session lock; no other part of the platform uses it."""
ASK_S = 3.0
FAREWELL_S = 1.0
PATIENCE_S = 3.0
"""How long a worker keeps still for a STATE that nobody speaks: data go before manners."""


class State(msgspec.Struct):
    """What a host says of itself (Sparkplug 3.0, 6.4.32); `timestamp` in UTC milliseconds."""

    online: bool
    timestamp: int


class HostState:
    """Publishes `spBv1.0/STATE/kilowise` while this worker holds the lock."""

    def __init__(self, platform: Platform, listening: Callable[[], Awaitable[None]]) -> None:
        """Take the platform whose host this is; `listening` returns once nodes are subscribed."""
        self._platform = platform
        self._listening = listening
        self._since_ms = 0
        self._spoken = False
        self._connection = Connection(
            platform.mqtt_url,
            "host",
            will=self._will,
            on_connect=self._say_online,
            on_message=self._heard,
        )
        self._connection.subscribe(TOPIC, qos=1)

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
                self._spoken = False
                self._say(self._now_ms(), online=False)
                # A broker that cannot acknowledge the death would speak the will as well.
                await self._connection.acknowledged(FAREWELL_S)
                speaking.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await speaking

    def _will(self) -> Will:
        # Will and birth carry the same time: that of this CONNECT (Sparkplug 3.0, 4.2.3).
        self._since_ms = self._now_ms()
        self._spoken = False
        return Will(TOPIC, _payload(self._since_ms, online=False))

    async def _say_online(self) -> None:
        await self._listening()
        self._say(self._since_ms, online=True)
        self._spoken = True

    def _heard(self, topic: str, payload: bytes) -> None:
        """Contradict who says that we are away, once we have said that we are not.

        (Sparkplug 3.0, 5.3: message-flow-hid-sparkplug-state-message-delivered.)
        """
        if self._spoken and is_online(payload) is False:
            self._say(self._since_ms, online=True)

    def _say(self, at_ms: int, *, online: bool) -> None:
        self._connection.publish(TOPIC, _payload(at_ms, online=online), qos=1, retain=True)

    def _now_ms(self) -> int:
        return milliseconds(self._platform.clock.now())


class Announced:
    """Whether STATE was heard on a worker's own connection, so that it may speak to nodes.

    It keeps still for `PATIENCE_S` at most: whoever holds the lock may be cut off.
    """

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self._event = asyncio.Event()
        self._patience: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Tell whether commands may be published."""
        return self._event.is_set()

    async def begin(self) -> None:
        """A new session with the broker: STATE comes first again."""
        self._event.clear()
        if self._patience is not None:
            self._patience.cancel()
        self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._event.set)

    def heard(self, payload: bytes) -> None:
        """Take what was said under the host's own topic."""
        if is_online(payload):
            self._event.set()

    async def wait(self) -> None:
        """Wait until commands may be published."""
        await self._event.wait()


def is_online(payload: bytes) -> bool | None:
    """What a STATE says; None when it cannot be read."""
    try:
        return msgspec.json.decode(payload, type=State).online
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _payload(at_ms: int, *, online: bool) -> bytes:
    return msgspec.json.encode({"online": online, "timestamp": at_ms})


async def _try_lock(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
    row = await cursor.fetchone()
    return row is not None and row[0] is True
