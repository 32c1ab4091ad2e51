"""Byte streams over a real TCP connection and a real terminal pair."""

import asyncio
import os
import pty
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.drivers.bytestream import Stream, open_stream
from gateway.drivers.capabilities import LinkDown, Serial, Tcp
from tests.gateway.modbus_server import free_port

NOW = 5.0
"""Seconds after which something that must come at once counts as lost."""


class Peer:
    """The other end: a file descriptor that tests read and write without the product's code."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def say(self, data: bytes) -> None:
        os.write(self.fd, data)

    async def hear(self, size: int) -> bytes:
        heard = b""
        async with asyncio.timeout(NOW):
            while len(heard) < size:
                heard += await asyncio.to_thread(os.read, self.fd, size)
        return heard

    def hang_up(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@pytest.fixture
def terminal() -> Iterator[tuple[Peer, Serial]]:
    """The master of a terminal pair, and its slave as the serial port of a link."""
    master, slave = pty.openpty()
    peer = Peer(master)
    yield peer, Serial(os.ttyname(slave), 2400, 8, "even", 1)
    os.close(slave)
    peer.hang_up()


Ends = tuple[Peer, Stream]


@pytest.fixture(params=["tcp", "serial"])
async def ends(
    request: pytest.FixtureRequest, terminal: tuple[Peer, Serial]
) -> AsyncIterator[Ends]:
    """A peer and the open stream to it, over each kind of link."""
    if request.param == "serial":
        peer, link = terminal
        stream = await open_stream(link, NOW)
        yield peer, stream
        stream.close()
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = await open_stream(Tcp("127.0.0.1", server.getsockname()[1]), NOW)
        peer = Peer(server.accept()[0].detach())
    yield peer, stream
    stream.close()
    peer.hang_up()


async def test_all_256_bytes_pass_in_both_directions(ends: Ends) -> None:
    peer, stream = ends
    every = bytes(range(256))
    await stream.write(every)
    assert await peer.hear(256) == every
    peer.say(every)
    heard = b""
    while len(heard) < 256 and (part := await stream.read(NOW)):
        heard += part
    assert heard == every


async def test_silence_is_no_bytes_after_the_time_asked_for(ends: Ends) -> None:
    begun = time.monotonic()
    assert await ends[1].read(0.05) == b""
    assert time.monotonic() - begun >= 0.049


async def test_bytes_that_come_while_waiting_end_the_wait(ends: Ends) -> None:
    peer, stream = ends
    reading = asyncio.create_task(stream.read(NOW))
    await asyncio.sleep(0)
    peer.say(b"late")
    assert await reading == b"late"


async def test_a_flush_drops_what_came_late_and_nothing_after_it(ends: Ends) -> None:
    peer, stream = ends
    peer.say(b"late answer")
    assert await stream.read(NOW) == b"late answer"
    peer.say(b"still later")
    # The kernel passes the bytes on in its own time.
    async with asyncio.timeout(NOW):
        dropped = 0
        while dropped < 11:
            dropped += stream.flush_input()
            await asyncio.sleep(0)
    assert (dropped, stream.flush_input()) == (11, 0)
    peer.say(b"fresh")
    assert await stream.read(NOW) == b"fresh"


async def test_a_peer_that_hangs_up_is_link_down_for_reading_and_writing(ends: Ends) -> None:
    peer, stream = ends
    reading = asyncio.create_task(stream.read(NOW))
    await asyncio.sleep(0)
    peer.hang_up()
    with pytest.raises(LinkDown, match=r"127\.0\.0\.1|/dev/pts"):
        await reading
    stream.close()
    with pytest.raises(LinkDown, match="is not connected"):
        await stream.write(b"?")
    with pytest.raises(LinkDown, match="is not connected"):
        stream.flush_input()


async def test_a_peer_that_takes_no_bytes_is_link_down_in_time(
    terminal: tuple[Peer, Serial],
) -> None:
    stream = await open_stream(terminal[1], 0.05)
    with pytest.raises(LinkDown, match="takes no more bytes"):
        await stream.write(bytes(1 << 20))
    stream.close()


async def test_a_port_that_is_not_there_or_in_use_is_a_sentence(
    terminal: tuple[Peer, Serial],
) -> None:
    with pytest.raises(LinkDown, match=r"/dev/absent@9600/8N1 cannot be opened: .* Check the path"):
        await open_stream(Serial("/dev/absent"), NOW)
    stream = await open_stream(terminal[1], NOW)
    with pytest.raises(LinkDown, match=r"2400/8E1 cannot be opened: .*exclusively"):
        await open_stream(terminal[1], NOW)
    stream.close()
    (await open_stream(terminal[1], NOW)).close()


async def test_a_host_that_does_not_listen_or_exist_is_a_sentence() -> None:
    with pytest.raises(LinkDown, match=r"127\.0\.0\.1:\d+ does not accept a connection"):
        await open_stream(Tcp("127.0.0.1", free_port()), NOW)
    with pytest.raises(LinkDown, match=r"nowhere\.invalid:1 does not accept a connection"):
        await open_stream(Tcp("nowhere.invalid", 1), NOW)


async def test_the_second_address_of_a_name_is_tried_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        # localhost is ::1 first on many machines; this server listens on IPv4 only.
        stream = await open_stream(Tcp("localhost", server.getsockname()[1]), NOW)
        stream.close()
