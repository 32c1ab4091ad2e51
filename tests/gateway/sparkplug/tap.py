"""A tap on the wire: passes MQTT 3.1.1 between clients and a broker and keeps every packet.

What a client promises in CONNECT and SUBSCRIBE, with which QoS and retain flag it publishes, and in
which order, is only to be seen here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial


@dataclass(frozen=True, slots=True)
class Published:
    """A PUBLISH, or the will in a CONNECT."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Connected:
    """A CONNECT. `level` 4 is MQTT 3.1.1, 5 is MQTT 5.0."""

    client_id: str
    level: int
    clean: bool
    will: Published | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A SUBSCRIBE: its filters with the QoS asked for."""

    filters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A DISCONNECT."""


Packet = Published | Connected | Subscribed | Disconnected


@dataclass(slots=True)
class Wire:
    """One connection: the packets both ways in the order they passed, other kinds left out."""

    up: list[Packet] = field(default_factory=list)
    """From the client to the broker."""
    down: list[Packet] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def connect(self) -> Connected:
        """The client's first packet."""
        first = self.up[0]
        assert isinstance(first, Connected)
        return first

    @property
    def will(self) -> Published:
        """The will in the CONNECT."""
        assert self.connect.will is not None
        return self.connect.will

    @property
    def published(self) -> list[Published]:
        """What the client published."""
        return [packet for packet in self.up if isinstance(packet, Published)]

    @property
    def subscribed(self) -> list[tuple[str, int]]:
        """Filter and QoS of every subscription, in order."""
        return [
            one for packet in self.up if isinstance(packet, Subscribed) for one in packet.filters
        ]

    def place(self, wanted: Packet) -> int:
        """Where a packet stands among those of the client."""
        return next(index for index, packet in enumerate(self.up) if packet is wanted)


class Tap:
    """Listens on `port` and passes everything on to a broker on this machine."""

    def __init__(self, broker_port: int) -> None:
        self.port = 0
        self.wires: list[Wire] = []
        self.order: list[tuple[Wire, Packet]] = []
        """What all clients sent, in the order it passed."""
        self.most_at_once = 0
        self._open = 0
        self._broker_port = broker_port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection's bytes on until either end closes."""
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        wire = Wire(writers=[writer, far_writer])
        self.wires.append(wire)
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            await asyncio.gather(
                _pump(reader, far_writer, partial(self._keep, wire)),
                _pump(far_reader, writer, wire.down.append),
            )
        finally:
            self._open -= 1

    def _keep(self, wire: Wire, packet: Packet) -> None:
        wire.up.append(packet)
        self.order.append((wire, packet))

    def cut(self) -> None:
        """Break every connection as a cut cable does."""
        for wire in self.wires:
            for writer in wire.writers:
                writer.transport.abort()

    def of(self, prefix: str) -> list[Wire]:
        """The connections of clients whose id begins so."""
        return [
            wire for wire in self.wires if wire.up and wire.connect.client_id.startswith(prefix)
        ]


@asynccontextmanager
async def tapped(broker_port: int) -> AsyncIterator[Tap]:
    """A tap before a broker."""
    tap = Tap(broker_port)
    server = await asyncio.start_server(tap.serve, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        tap.cut()
        await asyncio.sleep(0)


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    keep: Callable[[Packet], None],
) -> None:
    waiting = bytearray()
    with suppress(ConnectionError):
        while chunk := await reader.read(1 << 16):
            waiting += chunk
            for packet in _packets(waiting):
                keep(packet)
            writer.write(chunk)
            await writer.drain()
    writer.close()


def _packets(waiting: bytearray) -> Iterator[Packet]:
    """Take the whole packets out of what was received."""
    while True:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(waiting):
                return
            length |= (waiting[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not waiting[at - 1] & 0x80:
                break
        if len(waiting) < at + length:
            return
        packet = _packet(waiting[0], bytes(waiting[at : at + length]))
        del waiting[: at + length]
        if packet is not None:
            yield packet


def _packet(first: int, body: bytes) -> Packet | None:
    match first >> 4:
        case 1:
            return _connect(body)
        case 3:
            topic, at = _text(body, 0)
            qos = first >> 1 & 3
            return Published(topic, body[at + 2 * bool(qos) :], qos, bool(first & 1))
        case 8:
            return _subscribe(body)
        case 14:
            return Disconnected()
    return None


def _connect(body: bytes) -> Connected:
    _, at = _text(body, 0)
    level, flags = body[at], body[at + 1]
    client_id, at = _text(body, at + 4)
    will = None
    if flags & 4:
        topic, at = _text(body, at)
        size = int.from_bytes(body[at : at + 2])
        payload = body[at + 2 : at + 2 + size]
        will = Published(topic, payload, flags >> 3 & 3, bool(flags & 32))
    return Connected(client_id, level, bool(flags & 2), will)


def _subscribe(body: bytes) -> Subscribed:
    filters, at = [], 2
    while at < len(body):
        topic_filter, at = _text(body, at)
        filters.append((topic_filter, body[at]))
        at += 1
    return Subscribed(tuple(filters))


def _text(body: bytes, at: int) -> tuple[str, int]:
    size = int.from_bytes(body[at : at + 2])
    return body[at + 2 : at + 2 + size].decode(), at + 2 + size
