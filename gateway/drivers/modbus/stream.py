"""What carries the bytes: sockets that we dial, sockets that dial us, and serial ports.

Sockets are read by asyncio's own protocol: a third of the CPU of waiting for readiness a read.
"""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Protocol, cast

from gateway.drivers.capabilities import LinkDown, Tcp

MOST_WAITING = 1 << 16
"""Bytes nobody asked for, in either direction, after which the other end is not understood."""


class ByteStream(Protocol):
    """An open link; every fault of it is LinkDown. `gateway.drivers.bytestream.Stream` is one."""

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the link."""
        ...

    async def read(self, timeout_s: float) -> bytes:
        """What has come, at least one byte; b"" when nothing came within `timeout_s` seconds."""
        ...

    def flush_input(self) -> int:
        """Drop what has come and was not read; answers how many bytes that were."""
        ...

    def close(self) -> None:
        """Let go of the link."""
        ...


class SocketStream(asyncio.Protocol):
    """A connected socket as a ByteStream."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._received = bytearray()
        self._waiting: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._lost = "is not connected"

    @property
    def is_open(self) -> bool:
        """Whether the other end is still there, as far as is known."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # uvloop's transports have the methods of asyncio's and not its base class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._received += data
        if len(self._received) > MOST_WAITING:
            self._end("talks without a pause")
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio."""
        self._end(f"broke: {error}" if error else "was closed by the other end")

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the link; LinkDown when it takes none any more."""
        transport = self._transport
        if transport is None:
            raise LinkDown(f"{self._name} {self._lost}")
        transport.write(data)
        if transport.get_write_buffer_size() > MOST_WAITING:
            self._end("takes no more bytes")

    async def read(self, timeout_s: float) -> bytes:
        """What has come, at least one byte; b"" when nothing came within `timeout_s` seconds."""
        if not self._received:
            if self._transport is None:
                raise LinkDown(f"{self._name} {self._lost}")
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            alarm = loop.call_later(timeout_s, self._wake)
            try:
                await self._waiting
            finally:
                self._waiting = None
                alarm.cancel()
            if not self._received and self._transport is None:
                raise LinkDown(f"{self._name} {self._lost}")
        data = bytes(self._received)
        self._received.clear()
        return data

    def flush_input(self) -> int:
        """Drop what has come and was not read; answers how many bytes that were."""
        dropped = len(self._received)
        self._received.clear()
        return dropped

    def close(self) -> None:
        """Let go of the link."""
        self._end("is not connected")

    def _end(self, why: str) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            self._lost = why
            transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


async def dial(name: str, link: Tcp, timeout_s: float) -> SocketStream:
    """Connect; LinkDown with the reason when that does not work within `timeout_s` seconds."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, stream = await loop.create_connection(
                lambda: SocketStream(name), link.host, link.port
            )
    except TimeoutError as error:
        raise LinkDown(f"{name} does not accept a connection in time") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise LinkDown(f"{name} does not accept a connection: {reason}") from error
    return stream
