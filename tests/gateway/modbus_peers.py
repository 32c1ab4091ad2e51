"""Peers of the Modbus driver: scripted ones that say any bytes, and pymodbus' server on a terminal.

Frames are put together here with pymodbus' check bytes, not with our codec.
"""

import asyncio
import os
import pty
import tty
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from pymodbus.framer import FramerRTU, FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer

from gateway.drivers.capabilities import Address, Listen, Serial, Tcp
from tests.gateway.modbus_server import Field

Say = Callable[[bytes], None]
Script = Callable[[bytes, Say], None]
"""Called with each request's bytes and a way to say something, now or later."""
FAST = 115200


def rtu(unit: int, pdu: bytes) -> bytes:
    """An RTU frame."""
    body = bytes((unit,)) + pdu
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def mbap(number: int, unit: int, pdu: bytes) -> bytes:
    """A Modbus TCP frame."""
    return number.to_bytes(2, "big") + bytes((0, 0, 0, len(pdu) + 1, unit)) + pdu


def words_pdu(words: Sequence[int], function: int = 3) -> bytes:
    """The PDU that answers a read with these registers."""
    data = b"".join(word.to_bytes(2, "big") for word in words)
    return bytes((function, len(data))) + data


def later(seconds: float, say: Say, data: bytes) -> None:
    """Say something after a while."""
    asyncio.get_running_loop().call_later(seconds, say, data)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal pair: the master's descriptor and the serial port of the other end."""

    master: int
    path: str


@asynccontextmanager
async def terminal() -> AsyncIterator[Terminal]:
    """A raw terminal pair while the block runs."""
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    os.set_blocking(master, False)
    try:
        yield Terminal(master, os.ttyname(slave))
    finally:
        os.close(slave)
        os.close(master)


@asynccontextmanager
async def on_terminal(script: Script, baud: int = FAST) -> AsyncIterator[Address]:
    """A scripted unit at the other end of a serial port."""
    loop = asyncio.get_running_loop()
    speaking = True
    async with terminal() as pair:

        def say(data: bytes) -> None:
            if speaking:
                os.write(pair.master, data)

        def hear() -> None:
            script(os.read(pair.master, 512), say)

        loop.add_reader(pair.master, hear)
        try:
            yield Address("modbus", Serial(pair.path, baud))
        finally:
            speaking = False
            loop.remove_reader(pair.master)


@asynccontextmanager
async def on_tcp(script: Script, framing: str = "tcp") -> AsyncIterator[Address]:
    """A scripted unit behind a TCP port."""

    class Peer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            script(data, self.transport.write)

    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = (("baud", str(FAST)), ("framing", framing))
    try:
        yield Address("modbus", Tcp("127.0.0.1", port), options)
    finally:
        server.close()


@asynccontextmanager
async def pymodbus_on_terminal(field: Field) -> AsyncIterator[Address]:
    """pymodbus' RTU server on one end of two joined terminal pairs, ours on the other."""
    async with terminal() as ours, terminal() as theirs, joined(ours.master, theirs.master):
        server = ModbusSerialServer(
            field.devices(),
            framer=FramerType.RTU,
            port=theirs.path,
            baudrate=FAST,
            ignore_missing_devices=True,
        )
        await server.serve_forever(background=True)
        try:
            yield Address("modbus", Serial(ours.path, FAST))
        finally:
            await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def joined(one: int, other: int) -> AsyncIterator[None]:
    """Carry bytes between two descriptors, as a cable does."""
    loop = asyncio.get_running_loop()

    def carry(source: int, target: int) -> None:
        os.write(target, os.read(source, 512))

    loop.add_reader(one, carry, one, other)
    loop.add_reader(other, carry, other, one)
    try:
        yield
    finally:
        loop.remove_reader(one)
        loop.remove_reader(other)


@asynccontextmanager
async def rtu_over_tcp(field: Field, port: int) -> AsyncIterator[Address]:
    """pymodbus' server behind a port that carries RTU frames, as a converter does."""
    server = ModbusTcpServer(
        field.devices(),
        framer=FramerType.RTU,
        address=("127.0.0.1", port),
        ignore_missing_devices=True,
    )
    await server.serve_forever(background=True)
    options = (("baud", str(FAST)), ("framing", "rtu"))
    try:
        yield Address("modbus", Tcp("127.0.0.1", port), options)
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def dialling_in(address: Address, target: int) -> AsyncIterator[None]:
    """A mobile box: it dials in at a listening line and passes bytes to the units behind it."""
    assert isinstance(address.link, Listen)
    box_in, box_out = await asyncio.open_connection("127.0.0.1", address.link.port)
    unit_in, unit_out = await asyncio.open_connection("127.0.0.1", target)

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(512):
            sink.write(data)

    tasks = [
        asyncio.create_task(carry(box_in, unit_out)),
        asyncio.create_task(carry(unit_in, box_out)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in (box_out, unit_out):
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
