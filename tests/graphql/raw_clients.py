"""Many websocket clients that cost next to nothing: bytes in, the times they came, nothing parsed.

A client subscribes and notes when each frame came; one that never reads stops its transport right
then. Frames of a client are masked (RFC 6455, section 5.3), here with a key of noughts.
"""

import asyncio
import socket
import struct
import time
from functools import partial

UPGRADE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: Bearer {token}\r\n\r\n"
)
INIT = b'{"type":"connection_init"}'
TOGETHER = 50
"""Clients that open at a time: each asks the database who it is."""
CLOSE, PING, PONG, TEXT = 0x88, 0x89, 0x8A, 0x81


def masked(opcode: int, body: bytes) -> bytes:
    """The bytes of a client's whole frame."""
    size = len(body)
    length = bytes((0x80 | size,)) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    return bytes((opcode,)) + length + bytes(4) + body


class RawClient(asyncio.Protocol):
    """One client; `came` are the monotonic seconds at which bytes of frames came."""

    def __init__(self, host: str, token: str, subscribe: bytes, *, reads: bool = True) -> None:
        """Take where to, who, and the message that subscribes."""
        self._opening = UPGRADE.format(host=host, token=token).encode()
        self._subscribe = masked(TEXT, INIT) + masked(TEXT, subscribe)
        self._reads = reads
        self._transport: asyncio.Transport | None = None
        self.came: list[float] = []
        self.opened = asyncio.Event()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a websocket."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._opening)

    def data_received(self, data: bytes) -> None:
        """Note the time; answer pings; subscribe once the websocket is there."""
        assert self._transport is not None
        if data[:1] == b"H":
            assert data.startswith(b"HTTP/1.1 101"), data
            self._transport.write(self._subscribe)
        elif data[0] == PING:
            self._transport.write(masked(PONG, data[2 : 2 + data[1]]))
        elif b'"next"' in data[:40]:
            self.came.append(time.monotonic())
            self.opened.set()
            if not self._reads:
                self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it is gone."""
        self.lost.set()

    def close(self) -> None:
        """Go without a word."""
        if self._transport is not None:
            self._transport.abort()


def _same(client: RawClient) -> RawClient:
    return client


async def open_clients(
    port: int, token: str, subscribe: bytes, readers: int, idle: int
) -> list[RawClient]:
    """Open clients that read and such that never do, each with its first frame."""
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(readers + idle):
        client = RawClient("localhost", token, subscribe, reads=number < readers)
        held = socket.socket()
        held.setblocking(False)
        if number >= readers:
            # The kernel keeps little for who never reads: what waits is the server's to bound.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await loop.sock_connect(held, ("127.0.0.1", port))
        await loop.create_connection(partial(_same, client), sock=held)
        clients.append(client)
        if len(clients) % TOGETHER == 0:
            await client.opened.wait()
    for client in clients:
        await client.opened.wait()
    return clients
