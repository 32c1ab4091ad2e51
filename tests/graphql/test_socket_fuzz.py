"""Frames that no client should send, with fixed seeds: the right code, and the process lives."""

import asyncio
import random

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.application.graphql import socket
from backend.application.web_process import WebProcess
from tests.graphql.conftest import session_token
from tests.graphql.raw_clients import CLOSE, TEXT, masked
from tests.graphql.sockets import PROTOCOL, open_socket
from tests.postgres import Actor

LIVE = 'subscription { live(project: "acme") { at } }'
SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": LIVE}}
LARGEST = 200_000
TYPES = ("connection_init", "subscribe", "complete", "ping", "pong", "next", "")


async def closed_with(connection: ClientConnection) -> int:
    """The code that the server closes with, whatever it says before."""
    try:
        while True:
            await connection.recv()
    except ConnectionClosed:
        assert connection.close_code is not None
        return connection.close_code


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (["no json"], 4400),
        (["[]"], 4400),
        (["null"], 4400),
        (['{"type":7}'], 4400),
        (['{"type":"unheard of"}'], 4400),
        (['{"id":"1"}'], 4400),
        ([b"\x00\xff"], 4400),
        (['{"type":"connection_init"}'] * 2, 4429),
        ([orjson.dumps(SUBSCRIBE).decode()], 4401),
        (['{"type":"connection_init"}', '{"id":"1","type":"subscribe"}'], 4400),
        (['{"type":"connection_init"}', '{"id":"","type":"subscribe","payload":{}}'], 4400),
        (['{"type":"connection_init"}', '{"id":"1","type":"subscribe","payload":[]}'], 4400),
        (["{" * 5_000], 4400),
        (["x" * (LARGEST + 1)], 1009),
    ],
)
async def test_what_breaks_the_protocol_is_closed_with_its_code(
    process: WebProcess, served: str, alice: Actor, frames: list[str | bytes], code: int
) -> None:
    cookie = await session_token(process, alice)
    async with open_socket(served, cookie=cookie, init=False) as opened:
        for frame in frames:
            await opened.connection.send(frame)
        assert await closed_with(opened.connection) == code
    await still_serves(served, cookie)


async def test_who_says_nothing_is_closed_in_time_and_who_began_stays(
    process: WebProcess, served: str, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "INIT_S", 2.0)
    cookie = await session_token(process, alice)
    async with (
        open_socket(served, cookie=cookie) as begun,
        open_socket(served, cookie=cookie, init=False) as silent,
    ):
        assert await closed_with(silent.connection) == 4408
        await begun.send(type="ping")
        assert await begun.receive() == {"type": "pong"}


async def test_the_same_id_twice_and_too_many(
    process: WebProcess, served: str, alice: Actor
) -> None:
    cookie = await session_token(process, alice)
    async with open_socket(served, cookie=cookie) as opened:
        for _ in range(2):
            await opened.send(**SUBSCRIBE)
        assert await closed_with(opened.connection) == 4409
    async with open_socket(served, cookie=cookie) as opened:
        for number in range(41):
            await opened.send(**{**SUBSCRIBE, "id": str(number)})
        assert await closed_with(opened.connection) == 4400


@pytest.mark.parametrize("seed", range(3))
async def test_random_frames_end_nothing_but_their_own_socket(
    process: WebProcess,
    served: str,
    alice: Actor,
    seed: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cookie = await session_token(process, alice)
    rnd = random.Random(seed)
    for _ in range(25):
        async with open_socket(served, cookie=cookie, init=rnd.random() < 0.7) as opened:
            try:
                for _ in range(rnd.randint(1, 5)):
                    await opened.connection.send(wild(rnd))
            except ConnectionClosed:
                pass
            if rnd.random() < 0.3:
                opened.connection.transport.abort()
    await still_serves(served, cookie)
    assert not [one for one in caplog.records if one.levelname in {"ERROR", "CRITICAL"}]
    await every_socket_went(process)


def wild(rnd: random.Random) -> str | bytes:
    """A frame: of the protocol, nearly so, or not at all."""
    message: dict[str, object] = {
        "type": rnd.choice(TYPES),
        "id": rnd.choice(("1", "1", "2", "", "x" * 101, None)),
        "payload": rnd.choice(
            (
                {"query": LIVE},
                {"query": "{ now }"},
                {"query": "{ nothing"},
                {"query": "subscription { summary }"},
                {"query": LIVE, "variables": {"a": 1}, "operationName": "none"},
                {"extensions": {"persistedQuery": {"sha256Hash": "x"}}},
                {},
                None,
                7,
            )
        ),
    }
    text = orjson.dumps(message).decode()
    match rnd.randint(0, 5):
        case 0:
            return text[: rnd.randint(0, len(text))]
        case 1:
            return bytes(rnd.randrange(256) for _ in range(rnd.randint(0, 200)))
        case _:
            return text


@pytest.mark.parametrize(
    "broken",
    [
        masked(TEXT, b"{" * 100)[:40],
        bytes((TEXT, 5)) + b"hello",
        bytes((0xF1, 0x80)) + bytes(4),
        bytes((0x83, 0x80)) + bytes(4),
        masked(TEXT, b"\xff\xfe"),
        masked(CLOSE, b"\x03"),
        bytes((TEXT, 0xFF)) + b"\xff" * 8 + bytes(4),
    ],
)
async def test_bytes_that_are_no_frames_and_ends_in_the_middle(
    process: WebProcess,
    served: str,
    alice: Actor,
    broken: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cookie = await session_token(process, alice)
    async with open_socket(served, cookie=cookie) as opened:
        opened.connection.transport.write(broken)
        opened.connection.transport.close()
    await every_socket_went(process)
    await still_serves(served, cookie)
    # uvicorn says it of text that is no UTF-8, and closes with 1007.
    told = [one for one in caplog.records if one.levelname in {"ERROR", "CRITICAL"}]
    assert {one.getMessage() for one in told} <= {"Invalid UTF-8 sequence received from client."}


async def test_nobody_speaks_without_the_protocol(
    process: WebProcess, served: str, alice: Actor
) -> None:
    cookie = await session_token(process, alice)
    headers = {"Cookie": f"kilowise={cookie}"}
    url = f"ws://{served}/graphql"
    async with connect(url, additional_headers=headers, proxy=None) as connection:
        assert await closed_with(connection) == 4406
    assert PROTOCOL == "graphql-transport-ws"


async def still_serves(served: str, cookie: str) -> None:
    """Another client is served as if nothing had been."""
    async with open_socket(served, cookie=cookie) as opened:
        await opened.subscribe("{ now }")
        assert (await opened.receive())["type"] == "next"


async def every_socket_went(process: WebProcess) -> None:
    """Whatever was opened is let go of."""
    while process.sockets:  # noqa: ASYNC110 - a closing has no event
        await asyncio.sleep(0.01)
