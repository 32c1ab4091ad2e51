"""One client's side of the embedded broker: bytes, protocol and what it published, all bounded."""

import asyncio
import contextlib

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import ApplicationMessage

from backend.acquisition import counters

MAX_PACKET_BYTES = 1 << 20
MAX_INCOMING = 10_000
"""Messages of one client that are read but not yet routed."""


class Oversized(Exception):
    """A packet longer than we accept; the connection ends."""


class Reader(StreamReaderAdapter):  # type: ignore[misc]  # amqtt has no types
    """Reads a client's bytes and refuses packets above the limit."""

    async def read(self, n: int = -1) -> bytes:
        """Answer exactly n bytes."""
        if n > MAX_PACKET_BYTES:
            counters.broker_refused.labels("oversized").inc()
            raise Oversized(f"a packet of {n} bytes, the limit is {MAX_PACKET_BYTES}")
        return bytes(await super().read(n))


class Writer(StreamWriterAdapter):  # type: ignore[misc]  # amqtt has no types
    """Writes a client's bytes and knows how many still wait."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        """Take the stream of one connection."""
        super().__init__(writer)
        self._transport = writer.transport

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the client has not taken yet."""
        return self._transport.get_write_buffer_size()

    async def close(self) -> None:
        """End the connection; a client that ends it at the same time, or badly, is no fault."""
        with contextlib.suppress(OSError):
            await super().close()


class Incoming(asyncio.Queue[ApplicationMessage]):
    """What one client published and is not routed yet: bounded, drops are counted."""

    def __init__(self, most: int = MAX_INCOMING) -> None:
        """Take how many messages may wait."""
        super().__init__(most)

    def put_nowait(self, item: ApplicationMessage) -> None:
        """Take a message of QoS 0, or drop it when the queue is full."""
        if self.full():
            counters.broker_dropped.labels("incoming").inc()
            return
        super().put_nowait(item)


class Handler(BrokerProtocolHandler):  # type: ignore[misc]  # amqtt has no types
    """One client's protocol; ends the connection when the keep-alive runs out."""

    def handle_read_timeout(self) -> None:
        """End the connection of a client that said nothing in time (MQTT-3.1.2-24)."""
        if self._disconnect_waiter is not None and not self._disconnect_waiter.done():
            self._disconnect_waiter.set_result(None)
