"""What one connection may cost: a large head, a head or body that never comes, an answer unread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backend.application.http_limits import MAX_HEAD, MAX_HEADERS, MAX_URL, LimitedHttp

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connection(
    address: str,
) -> AsyncIterator[Streams]:
    """A plain connection."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def told(address: str, *parts: bytes) -> bytes:
    """Send bytes, then answer everything that comes until the other side closes."""
    async with connection(address) as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        return await reader.read()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become hundredths."""
    monkeypatch.setattr(LimitedHttp, "head_s", 0.2)
    monkeypatch.setattr(LimitedHttp, "look_s", 0.2)


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([GET, b"X: " + b"x" * MAX_HEAD, b"\r\n\r\n"], b"431"),
        ([GET, b"".join(b"X-%d: x\r\n" % n for n in range(MAX_HEADERS)), b"\r\n"], b"431"),
        ([b"GET /" + b"x" * MAX_URL + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"], b"414"),
        ([b"nonsense\r\n\r\n"], b"400"),
    ],
)
async def test_a_head_has_a_size(served: str, parts: list[bytes], status: bytes) -> None:
    assert (await told(served, *parts)).startswith(b"HTTP/1.1 " + status + b" ")


async def test_a_usual_head_is_answered_again_and_again(served: str) -> None:
    whole = GET + b"Cookie: " + b"x" * 20_000 + b"\r\n\r\n"
    async with connection(served) as (reader, writer):
        for _ in range(3):
            writer.write(whole + whole)  # pipelined
            for _ in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 ")
                await reader.readexactly(len(b'{"alive":true}'))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("parts", [[], [b"GET"], [GET]])
async def test_a_head_has_a_time(served: str, parts: list[bytes]) -> None:
    assert (await told(served, *parts)).startswith(b"HTTP/1.1 408 ")


async def test_a_header_without_end_has_a_size(served: str) -> None:
    async with connection(served) as (reader, writer):
        writer.write(GET + b"X: ")
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"x" * 4_000)
            await asyncio.sleep(0.01)
        assert (await answer).startswith(b"HTTP/1.1 431 ")


@pytest.mark.usefixtures("impatient")
async def test_a_head_in_drops_has_the_same_time(served: str) -> None:
    async with connection(served) as (reader, writer):
        writer.write(GET)
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"X: x\r\n")
            await asyncio.sleep(0.02)
        assert (await answer).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("impatient")
async def test_a_body_in_drops_is_not_waited_for(served: str) -> None:
    async with connection(served) as (reader, writer):
        writer.write(POST + b"Content-Length: 5000\r\n\r\n")
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"x")
            await asyncio.sleep(0.02)
        assert (await answer).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("impatient")
async def test_a_body_that_keeps_coming_is_waited_for(served: str) -> None:
    """Ten looks long, at more than the least."""
    async with connection(served) as (reader, writer):
        writer.write(POST + b"Connection: close\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(100):
            writer.write(b"x" * 1_000)
            await asyncio.sleep(0.01)
        assert (await reader.read()).startswith(b"HTTP/1.1 422 ")
