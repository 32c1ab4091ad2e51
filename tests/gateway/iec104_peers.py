"""Stations for tests: c104 in a process of its own, and one that says what a test scripts."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway.contract.clock import Clock, SystemClock
from gateway.contract.profile import Profile, Ratios
from gateway.drivers.capabilities import Address, DriverFault, LinkDown, Reading, Tcp
from gateway.drivers.iec104.apci import Frame, IFrame, Splitter, encode
from gateway.drivers.iec104.line import Iec104Line

PROGRAM = Path(__file__).parent / "peers" / "iec104_station.py"


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions over other tasks
            await asyncio.sleep(0.01)


class Station:
    """c104's station; `do` answers when the station has done it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, what: str, **order: object) -> object:
        """Have the station do something (see the peer's module)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **order}).encode() + b"\n")
        answer: object = json.loads(await self._process.stdout.readline())
        return answer


@asynccontextmanager
async def station(port: int) -> AsyncIterator[Station]:
    """A c104 station in a process of its own; it listens after `start`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        str(port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Station(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


FIRST_MEASURED, FIRST_COUNTER = 0x4001, 0x6401
"""The usual address plan: states below, then measured values, then counters."""


async def equip(peer: Station, profile: Profile, number: int) -> None:
    """The sample of a profile at one station, each value of the type its address is for."""
    for item, raw in profile.sample.items.items():
        address = int(item)
        kind = "M_IT_NA_1" if address >= FIRST_COUNTER else "M_ME_NC_1"
        kind = "M_SP_NA_1" if address < FIRST_MEASURED else kind
        await peer.do("point", station=number, address=address, type=kind)
        await peer.do("set", station=number, address=address, value=raw)


class Script:
    """A server for one connection at a time that sends exactly the octets a test gives it."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        """What the client sent."""
        self.connections = 0
        self.open = 0
        self._splitter = Splitter()
        self._writer: asyncio.StreamWriter | None = None
        self._sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection."""
        self._writer, self._splitter, self._sent = writer, Splitter(), 0
        self.frames.clear()
        self.connections += 1
        self.open += 1
        try:
            while octets := await reader.read(4096):
                self.frames.extend(self._splitter.feed(octets))
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.open -= 1

    async def until(self, count: int) -> list[Frame]:
        """The frames so far, at least `count` of them."""
        await until(lambda: len(self.frames) >= count)
        return list(self.frames)

    def say(self, frame: Frame | bytes) -> None:
        """Send a frame, or octets as they are."""
        assert self._writer is not None
        self._writer.write(frame if isinstance(frame, bytes) else encode(frame))

    def tell(self, asdu: bytes, receive: int = 0) -> None:
        """Send an ASDU with the next number."""
        self.say(IFrame(self._sent, receive, asdu))
        self._sent += 1


@asynccontextmanager
async def scripted(port: int) -> AsyncIterator[Script]:
    """A scripted station that listens on loopback; to be entered before the line, so that the line
    hangs up first.
    """
    script = Script()
    server = await asyncio.start_server(script.serve, "127.0.0.1", port)
    try:
        yield script
    finally:
        server.close()
        await until(lambda: not script.open)


class Heard:
    """What a line reported of one device, and how its connections ended."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.readings: list[tuple[str, Reading]] = []
        self.faults: list[str] = []

    def report(self, readings: Sequence[Reading]) -> None:
        """Take readings."""
        names = [point.name for point in self.profile.points]
        self.readings.extend((names[reading.index], reading) for reading in readings)

    def latest(self) -> dict[str, Reading]:
        """The last reading of each point."""
        return dict(self.readings)

    def values(self) -> dict[str, float | None]:
        """The last value of each point."""
        return {name: reading.value for name, reading in self.readings}


def line_to(port: int, clock: Clock | None = None, /, **options: str) -> Iec104Line:
    """A line to loopback with options."""
    address = Address("iec104", Tcp("127.0.0.1", port), tuple(sorted(options.items())))
    return Iec104Line(address, clock or SystemClock())


@asynccontextmanager
async def heard(
    line: Iec104Line, profile: Profile, unit: int = 7, *, retry_s: float = 0.05
) -> AsyncIterator[Heard]:
    """A line kept open, reopened after faults as the gateway does, and what it reports."""
    found = Heard(profile)
    line.device(profile, unit).subscribe(profile.points, Ratios(), found.report)

    async def keep_open() -> None:
        while True:
            try:
                await line.open()
                await line.serve()
            except LinkDown as fault:
                found.faults.append(str(fault))
            await asyncio.sleep(retry_s)

    task = asyncio.create_task(keep_open())
    try:
        yield found
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, DriverFault):
            await task
        line.close()
