"""A DL/T 645 meter for tests that shares no code with the product and misbehaves on demand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from gateway.contract.profile import Point, Profile, Ratios

READ_ADDRESS = 0x13
EVERY_METER = "999999999999"


def telegram(address: str, control: int, data: bytes, *, wake: int = 4) -> bytes:
    """A frame as it stands on the wire."""
    body = b"\x68" + bytes.fromhex(address)[::-1] + b"\x68"
    body += bytes([control, len(data)]) + bytes((byte + 0x33) % 256 for byte in data)
    return b"\xfe" * wake + body + bytes([sum(body) % 256, 0x16])


def answer(address: str, item: str, data: bytes) -> bytes:
    """The answer to a read of an item."""
    return telegram(address, 0x91, bytes.fromhex(item)[::-1] + data)


def refusal(address: str, code: int, control: int = 0xD1) -> bytes:
    """An error answer."""
    return telegram(address, control, bytes([code]))


def secondary(point: Point, value: float, ratios: Ratios) -> float:
    """What a meter behind its transformers shows of a value."""
    return float(value / ratios.of(point.ratio))


def sample_items(profile: Profile) -> dict[str, bytes]:
    """The data of a profile's sample by item."""
    return {item: bytes.fromhex(str(raw)) for item, raw in profile.sample.items.items()}


class SimpleMeter:
    """Holds items and whole blocks; anything else is refused as unknown data."""

    def __init__(self, address: str, items: Mapping[str, bytes], *, blocks: bool = False) -> None:
        """With `blocks` the items of a family are also answered together, FF for absent ones."""
        self.address = address
        self.items = dict(items)
        self.blocks = blocks
        self.broadcasts: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.requests: list[tuple[int, str]] = []
        """(control, item) in the order they came."""
        self.silent_for: set[str] = set()
        self.say: Callable[[str, Sequence[bytes]], Sequence[bytes]] = lambda item, usual: usual
        """Changes what is said, telegram by telegram, to the read of an item."""

    def respond(self, address: str, control: int, data: bytes) -> Sequence[bytes]:
        """The telegrams for a request."""
        if address == EVERY_METER:
            self.broadcasts.append(data)
            return []
        if control == READ_ADDRESS:
            self.requests.append((control, ""))
            return [telegram(self.address, 0x93, bytes.fromhex(self.address)[::-1])]
        if any(wanted not in ("A", own) for wanted, own in zip(address, self.address, strict=True)):
            return []
        item = data[3::-1].hex().upper()
        self.requests.append((control, item))
        if item in self.silent_for:
            return []
        held = self._held(item)
        usual = refusal(self.address, 2) if held is None else answer(self.address, item, held)
        return self.say(item, [usual])

    async def speak(self, telegram: bytes) -> None:
        """Say something that nobody asked for."""
        for writer in self.writers:
            writer.write(telegram)
            await writer.drain()

    def _held(self, item: str) -> bytes | None:
        if item[4:6] != "FF" or not self.blocks:
            return self.items.get(item)
        members = {
            int(known[4:6], 16): data
            for known, data in self.items.items()
            if known[:4] == item[:4] and known[6:] == item[6:]
        }
        if not members:
            return None
        first = 1 if item[:4] in ("0201", "0202") else 0
        width = len(next(iter(members.values())))
        whole = range(first, max(*members, 3) + 1)
        return b"".join(members.get(number, b"\xff" * width) for number in whole)


async def _serve(
    meters: Sequence[SimpleMeter], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        start = (await reader.readuntil(b"\x68"))[-1:]
        head = start + await reader.readexactly(9)
        rest = await reader.readexactly(head[9] + 2)
        assert sum(head + rest[:-2]) % 256 == rest[-2]
        address = head[1:7][::-1].hex().upper()
        data = bytes((byte - 0x33) % 256 for byte in rest[:-2])
        for meter in meters:
            for part in meter.respond(address, head[8], data):
                writer.write(part)
                await writer.drain()


@asynccontextmanager
async def serving(*meters: SimpleMeter) -> AsyncIterator[int]:
    """The meters behind one transparent serial server; answers its port."""
    connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[asyncio.current_task()] = writer
        for meter in meters:
            meter.writers.append(writer)
        try:
            await _serve(meters, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(until_closed, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connections.values():
            writer.close()
        await asyncio.gather(*filter(None, connections))
