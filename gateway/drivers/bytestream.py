"""Bytes to and from the field: a TCP connection or a serial port, for protocols that frame them.

`open_stream(link, timeout_s)` connects. A stream keeps no bytes of its own: what was not read
waits in the kernel, which bounds it, and `flush_input` really drops everything that came late.
Needs a POSIX event loop (`add_reader`), asyncio's or uvloop's.
"""

import asyncio
import os
import socket
import termios
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.drivers.capabilities import LinkDown, Serial, Tcp

READ_BYTES = 4096
MOST_FLUSHED = 1 << 20
"""Bytes after which a partner that talks without a pause counts as a broken link."""


@dataclass(frozen=True, slots=True)
class _Port:
    """An open socket or terminal as functions that never block."""

    fd: int
    receive: Callable[[], bytes]
    """Raises BlockingIOError when nothing is there; b"" = the other end hung up."""
    send: Callable[[bytes], int]
    close: Callable[[], None]


class Stream:
    """An open byte stream; every fault of the connection is LinkDown with the link's name."""

    def __init__(self, name: str, port: _Port, timeout_s: float) -> None:
        self._name = name
        self._port: _Port | None = port
        self._timeout_s = timeout_s

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the link; LinkDown when it does not take them within the time-out."""
        rest = data
        try:
            async with asyncio.timeout(self._timeout_s):
                while rest:
                    rest = rest[self._send(rest) :]
                    if rest:
                        await self._ready(writing=True)
        except TimeoutError as error:
            raise LinkDown(f"{self._name} takes no more bytes") from error

    async def read(self, timeout_s: float) -> bytes:
        """What has come, at least one byte; b"" when nothing came within `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (data := self._receive()):
                    await self._ready(writing=False)
        except TimeoutError:
            return b""
        return data

    def flush_input(self) -> int:
        """Drop what has come and was not read; answers how many bytes that were."""
        dropped = 0
        while data := self._receive():
            dropped += len(data)
            if dropped > MOST_FLUSHED:
                raise LinkDown(f"{self._name} talks without a pause")
        return dropped

    def close(self) -> None:
        """Let go of the link; reading and writing are LinkDown from now on."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def _open_port(self) -> _Port:
        if self._port is None:
            raise LinkDown(f"{self._name} is not connected")
        return self._port

    def _receive(self) -> bytes:
        try:
            data = self._open_port().receive()
        except BlockingIOError:
            return b""
        except OSError as error:
            raise LinkDown(f"{self._name} broke: {error.strerror}") from error
        if not data:
            raise LinkDown(f"{self._name} was closed by the other end")
        return data

    def _send(self, data: bytes) -> int:
        try:
            return self._open_port().send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LinkDown(f"{self._name} broke: {error.strerror}") from error

    async def _ready(self, *, writing: bool) -> None:
        """Wait until the kernel has bytes, or room for some."""
        loop = asyncio.get_running_loop()
        fd = self._open_port().fd
        waiting: asyncio.Future[None] = loop.create_future()
        add, remove = (
            (loop.add_writer, loop.remove_writer)
            if writing
            else (loop.add_reader, loop.remove_reader)
        )
        add(fd, _wake, waiting)
        try:
            await waiting
        finally:
            remove(fd)


async def open_stream(link: Tcp | Serial, timeout_s: float) -> Stream:
    """Connect; LinkDown with the reason when that does not work within `timeout_s` seconds."""
    port = await _connect(link, timeout_s) if isinstance(link, Tcp) else _open_serial(link)
    return Stream(str(link), port, timeout_s)


async def _connect(link: Tcp, timeout_s: float) -> _Port:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            found = await loop.getaddrinfo(link.host, link.port, type=socket.SOCK_STREAM)
            for family, _, _, _, place in found[:-1]:
                with suppress(ConnectionError):
                    return _socket_port(await _connected(family, place))
            return _socket_port(await _connected(found[-1][0], found[-1][4]))
    except TimeoutError as error:
        raise LinkDown(f"{link} does not accept a connection in time") from error
    except OSError as error:
        raise LinkDown(f"{link} does not accept a connection: {error.strerror}") from error


async def _connected(family: int, place: tuple[object, ...]) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(connection, place)
    except BaseException:
        connection.close()
        raise
    return connection


def _socket_port(connection: socket.socket) -> _Port:
    return _Port(
        connection.fileno(),
        lambda: connection.recv(READ_BYTES),
        connection.send,
        connection.close,
    )


def _open_serial(link: Serial) -> _Port:
    # Only gateways with a serial line pay for the module.
    import serial

    parities = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
    parity = "none" if _is_virtual(link.path) else link.parity
    try:
        opened = serial.Serial(
            link.path,
            link.baud,
            link.bits,
            parities[parity],
            link.stop_bits,
            timeout=0,
            exclusive=True,
        )
    except (serial.SerialException, termios.error, ValueError, OSError) as error:
        raise LinkDown(
            f"{link} cannot be opened: {error}. Check the path, that no other program holds it "
            "and that this user may use it (group dialout)."
        ) from error
    fd: int = opened.fileno()
    _block_for_a_byte(fd)

    def close() -> None:
        # A line that takes no bytes would keep close() waiting for them.
        with suppress(serial.SerialException, OSError, termios.error):
            opened.reset_output_buffer()
        opened.close()

    return _Port(fd, lambda: os.read(fd, READ_BYTES), lambda data: os.write(fd, data), close)


def _is_virtual(path: str) -> bool:
    """Whether this is a pseudo-terminal (socat and the like): those refuse to set a parity."""
    return str(Path(path).resolve()).startswith("/dev/pts/")


def _block_for_a_byte(fd: int) -> None:
    """Let an empty read say "nothing yet" (EAGAIN), so that no bytes always mean a hang-up."""
    settings = termios.tcgetattr(fd)
    settings[6][termios.VMIN] = 1
    termios.tcsetattr(fd, termios.TCSANOW, settings)


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
