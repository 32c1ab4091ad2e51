"""One connection of the platform to its broker: comes back by itself, publishes without waiting.

MQTT 3.1.1 through gmqtt. gmqtt keeps what is published while disconnected in memory and tries
again on its own terms, so a fresh client is made for every attempt and `publish` says whether
there was a connection to publish on.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from gmqtt import Client, Message
from gmqtt.mqtt.constants import MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError
from gmqtt.storage import PersistentStorage

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 20
CONNECT_TIMEOUT_S = 10.0
FIRST_RETRY_S = 0.2
LAST_RETRY_S = 5.0
NO_RECONNECT = -2
"""gmqtt tries again as long as its failures (0) do not exceed this; -1 means for ever."""

OnMessage = Callable[[str, bytes], None]
OnConnect = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when this connection dies."""

    topic: str
    payload: bytes


class Connection:
    """A connection that is kept up by `run` until it is cancelled."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        on_message: OnMessage | None = None,
        on_connect: OnConnect | None = None,
        will: Callable[[], Will] | None = None,
    ) -> None:
        """Take mqtt(s)://user:secret@host:port and a name that ends the client id."""
        self._address = urlsplit(url)
        self._user = unquote(self._address.username or "")
        self._client_id = f"{self._user}/{name}"
        self._on_message = on_message
        self._on_connect = on_connect
        self._will = will
        self._client: Client | None = None
        self._filters: dict[str, int] = {}
        self._unanswered: set[int] = set()
        self._unacknowledged = PersistentStorage()
        self.connected = asyncio.Event()
        self.subscribed = asyncio.Event()
        """Set while the broker has answered every subscription of the session."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        """Send one message; False when there is no connection (nothing is kept for later)."""
        if self._client is None or not self.connected.is_set():
            return False
        self._client.publish(topic, payload, qos=qos, retain=retain)
        return True

    @property
    def unsent_bytes(self) -> int:
        """Bytes handed to the socket that the broker has not taken yet; gmqtt waits for nobody."""
        connection = None if self._client is None else self._client._connection  # noqa: SLF001
        if connection is None:
            return 0
        transport: asyncio.Transport = connection._transport  # noqa: SLF001
        return transport.get_write_buffer_size()

    async def acknowledged(self, seconds: float) -> None:
        """Wait until the broker has taken everything sent with QoS 1, but not for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._unacknowledged.wait_empty()

    def subscribe(self, *filters: str, qos: int = 0) -> None:
        """Hold these filters now and after every reconnect."""
        self._filters.update(dict.fromkeys(filters, qos))
        if self._client is not None and self.connected.is_set():
            self._ask_for(self._client, dict.fromkeys(filters, qos))

    def _ask_for(self, client: Client, filters: Mapping[str, int]) -> None:
        for topic_filter, qos in filters.items():
            self._unanswered.add(client.subscribe(topic_filter, qos=qos))
            self.subscribed.clear()

    def _answered(self, client: Client, mid: int, qos: Sequence[int], properties: object) -> None:
        self._unanswered.discard(mid)
        if client is self._client and not self._unanswered:
            self.subscribed.set()

    def unsubscribe(self, *filters: str) -> None:
        """Let go of these filters."""
        for topic_filter in filters:
            if self._filters.pop(topic_filter, None) is None:
                continue
            if self._client is not None and self.connected.is_set():
                self._client.unsubscribe(topic_filter)

    async def run(self) -> None:
        """Connect, hold, and connect again after a loss, until cancelled."""
        retry = FIRST_RETRY_S
        while True:
            lost = asyncio.Event()
            client = self._make(lost)
            try:
                await self._open(client)
                retry = FIRST_RETRY_S
                await lost.wait()
                log.warning("The broker %s closed the connection", self._address.hostname)
            except (OSError, TimeoutError, MQTTConnectError) as error:
                log.warning("No connection to the broker %s: %s", self._address.hostname, error)
            finally:
                self.connected.clear()
                self.subscribed.clear()
                self._client = None
                await _close(client)
            await asyncio.sleep(retry)
            retry = min(LAST_RETRY_S, retry * 2)

    def _make(self, lost: asyncio.Event) -> Client:
        will = self._will() if self._will else None
        message = Message(will.topic, will.payload, qos=1, retain=True) if will else None
        self._unacknowledged = PersistentStorage()
        client = Client(
            self._client_id, will_message=message, persistent_storage=self._unacknowledged
        )
        client.set_auth_credentials(self._user, unquote(self._address.password or ""))
        client.set_config({"reconnect_retries": NO_RECONNECT})
        client.on_message = self._received
        client.on_subscribe = self._answered
        client.on_disconnect = lambda *_: lost.set()
        return client

    async def _open(self, client: Client) -> None:
        secure = self._address.scheme == "mqtts"
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await client.connect(
                self._address.hostname,
                self._address.port or (8883 if secure else 1883),
                ssl=ssl.create_default_context() if secure else False,
                keepalive=KEEP_ALIVE_S,
                version=MQTTv311,
            )
        self._client = client
        self._unanswered.clear()
        self._ask_for(client, self._filters)
        self.connected.set()
        if self._on_connect is not None:
            await self._on_connect()

    def _received(
        self, client: Client, topic: str, payload: bytes, qos: int, properties: object
    ) -> int:
        if self._on_message is not None:
            self._on_message(topic, bytes(payload))
        return 0


def unique_name(role: str) -> str:
    """Answer the end of a client id that no other connection has, for a role of the platform."""
    return f"{role}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


async def _close(client: Client) -> None:
    """End a client for good, whatever state it is in."""
    with contextlib.suppress(OSError, AttributeError, RuntimeError):
        await client.disconnect()
