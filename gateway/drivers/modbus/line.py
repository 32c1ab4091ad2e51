"""A Modbus line: one link, one request in flight, whatever carries it and however it is framed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.contract.profile import Block, Profile
from gateway.drivers.capabilities import (
    DeviceSilent,
    DriverFault,
    LinkDown,
    Progress,
    Refused,
    Unit,
)
from gateway.drivers.modbus.device import ModbusDevice
from gateway.drivers.modbus.frames import Ask, Framing, ask_registers, judge
from gateway.drivers.modbus.quiet import Quiet
from gateway.drivers.modbus.stream import ByteStream
from gateway.drivers.modbus.timing import SerialTiming

FIRST_UNIT, LAST_UNIT = 1, 247
SHOWN_BYTES = 16
CONNECT_S = 3.0
"""Connecting takes several round trips and may have to repeat the first: more than a reply."""


class Link(Protocol):
    """Where a stream comes from."""

    async def connect(self, timeout_s: float) -> ByteStream:
        """A fresh stream; LinkDown with the reason when there is none in time."""
        ...

    def close(self) -> None:
        """Stop offering streams."""
        ...


class ModbusLine:
    """One connection or bus; the devices on it are units."""

    def __init__(
        self,
        name: str,
        link: Link,
        framing: Framing,
        timeout_s: float,
        timing: SerialTiming | None = None,
    ) -> None:
        """`timeout_s` bounds connecting and each reply; `timing` = RTU's, None = Modbus TCP."""
        self._name = name
        self._link = link
        self._framing = framing
        self._timeout_s = timeout_s
        self._timing = timing
        self._quiet = Quiet(timing) if timing is not None else None
        self._stream: ByteStream | None = None
        self._received = bytearray()
        self._turn = asyncio.Lock()

    @property
    def request_cost(self) -> int | None:
        """Registers that take as long as one more request; None = more than any block has."""
        return None if self._timing is None else self._timing.request_cost

    async def open(self) -> None:
        """Connect anew; LinkDown with the reason when that does not work."""
        self._drop()
        self._stream = await self._link.connect(self._timeout_s)

    def close(self) -> None:
        """Let go of the link; `open` may follow."""
        self._drop()
        self._link.close()

    def device(self, profile: Profile, unit: Unit) -> ModbusDevice:
        """One unit of this line; DriverFault when it is no number."""
        if not isinstance(unit, int):
            raise DriverFault(f"a Modbus unit is a number, not {unit!r}")
        return ModbusDevice(self, profile, unit)

    async def ask(self, ask: Ask) -> bytes:
        """What a unit replies behind the head; LinkDown, DeviceSilent or Refused otherwise."""
        async with self._turn:
            stream = self._stream
            if stream is None:
                raise LinkDown(f"{self._name} is not connected")
            try:
                return judge(ask, await self._exchange(stream, ask))
            except LinkDown:
                self._drop()
                raise
            except DeviceSilent:
                if self._quiet is not None:
                    self._quiet.unanswered(ask.unit)
                raise

    async def discover(self, progress: Progress, limit_s: float) -> list[Unit]:
        """Ask every unit address once for one register, for at most `limit_s` seconds.

        Any reply counts, a refusal too.
        """
        found: list[Unit] = []
        ends = time.monotonic() + limit_s
        for unit in range(FIRST_UNIT, LAST_UNIT + 1):
            if time.monotonic() >= ends:
                break
            if await self._answers(unit):
                found.append(unit)
            progress(unit, LAST_UNIT, tuple(found))
        return found

    async def _answers(self, unit: int) -> bool:
        try:
            await self.ask(ask_registers(unit, Block(3, 0, 1)))
        except Refused:
            return True
        except DeviceSilent:
            return False
        return True

    async def _exchange(self, stream: ByteStream, ask: Ask) -> bytes:
        """Send a request and wait for its reply's PDU."""
        if self._quiet is not None:
            await self._quiet.before(stream, ask.unit)
            self._received.clear()
        frame = self._framing.wrap(ask)
        ends = time.monotonic() + self._reply_s(len(frame), ask)
        await stream.write(frame)
        received = self._received
        while (left := ends - time.monotonic()) > 0:
            received += await stream.read(left)
            if self._quiet is not None:
                self._quiet.heard()
            pdu = self._framing.take(received, ask)
            if pdu is not None:
                return pdu
        raise DeviceSilent(self._silence(ask, received))

    def _reply_s(self, sent: int, ask: Ask) -> float:
        if self._timing is None:
            return self._timeout_s
        return self._timeout_s + self._timing.line_s(sent + ask.size + 3)

    def _silence(self, ask: Ask, received: bytearray) -> str:
        unit = f"unit {ask.unit} at {self._name}"
        if not received:
            return f"{unit} does not answer"
        shown = received[:SHOWN_BYTES].hex(" ")
        return f"{unit} does not answer {ask.what}; {len(received)} other bytes came ({shown})"

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        self._received.clear()
        if stream is not None:
            stream.close()


class Dialled:
    """A link that is connected from here: a TCP connection or a serial port."""

    def __init__(self, connect: Callable[[float], Awaitable[ByteStream]]) -> None:
        self._connect = connect

    async def connect(self, timeout_s: float) -> ByteStream:
        """Connect within `timeout_s` seconds, or what a mobile link needs if that is more."""
        return await self._connect(max(timeout_s, CONNECT_S))

    def close(self) -> None:
        """Nothing stays open beside the stream."""
