"""Clients that never read: what waits for them is bounded, they are dropped, nobody else waits."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial

import orjson
import pytest

from backend.application.graphql import live as live_topic
from backend.application.graphql import mailbox
from backend.application.graphql import socket as sockets
from backend.application.web import build_app, serve
from backend.application.web_process import WebProcess
from tests.graphql.conftest import session_token
from tests.graphql.plants import make_plant
from tests.graphql.raw_clients import RawClient, open_clients
from tests.postgres import NOW, Actor

READERS, IDLE, FRAMES = 45, 5, 60
LONG = " ".join(f"again{n}: deviceId" for n in range(20))
ASKED = f'subscription {{ live(project: "acme") {{ at values {{ key value {LONG} }} }} }}'
QUERY = orjson.dumps({"id": "1", "type": "subscribe", "payload": {"query": ASKED}})


@pytest.fixture
async def port(process: WebProcess, free_port: Callable[[], int]) -> AsyncIterator[int]:
    """A server whose kernel keeps next to nothing for a client, so that the queue is ours."""
    number = free_port()
    held = socket.create_server(("127.0.0.1", number))
    held.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2_048)
    task = asyncio.create_task(serve(process, build_app(process), held))
    yield number
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_never_reads_is_bounded_and_dropped(
    process: WebProcess, port: int, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_topic.LiveSource, "interval_s", 0.0)
    monkeypatch.setattr(sockets, "RECHECK_S", 0.1)
    made = await make_plant(process.platform, alice.tenant)
    token = await session_token(process, alice, bearer=True)
    live = await process.live.project(alice.tenant.id)
    clients = await open_clients(port, token, QUERY, READERS, IDLE)
    readers, idle = clients[:READERS], clients[READERS:]
    assert len(process.sockets) == READERS + IDLE
    dropped = mailbox.CONFLATED._value.get()  # noqa: SLF001 - the counter's only reader
    at = int(NOW.timestamp() * 1000)
    most, sent = 0, 0
    while mailbox.CONFLATED._value.get() <= dropped or sent < FRAMES:  # noqa: SLF001
        sent += 1
        live.take((point, at + sent, float(sent), 0) for point in made.points.values())
        await until(partial(has_come, readers[-1], sent + 1))
        most = max(most, *(waiting(one) for one in process.sockets))
    assert most == mailbox.WAITING_CHANGES
    assert {len(one.came) for one in readers} == {sent + 1}, "everybody else had every frame"
    assert len(process.sockets) == READERS + IDLE, "not before their time is over"

    monkeypatch.setattr(sockets, "SEND_S", 0.0)
    monkeypatch.setattr(sockets, "CLOSE_S", 0.1)
    await until(lambda: len(process.sockets) == READERS)
    assert not any(one.lost.is_set() for one in readers)
    for client in (*readers, *idle):
        client.close()


def has_come(client: RawClient, count: int) -> bool:
    """Whether so many frames came to a client."""
    return len(client.came) >= count


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own time-out ends it."""
    while not true():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.001)


def waiting(opened: sockets.Socket) -> int:
    """Frames that wait on a socket."""
    held = [one for one in opened.subscriptions.values() if one is not None]
    return sum(len(member._waiting) for member, _ in held)  # noqa: SLF001
