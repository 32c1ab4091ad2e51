"""Messages that leave: one who receives, or one browser, holds up and overhears nobody else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from backend.core.clock import ManualClock
from backend.core.events import publish
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from backend.service.notify.channels.webpush import WebPushChannel
from backend.service.notify.outbox import Outbox
from backend.service.notify.vapid import vapid_keys
from backend.service.projects import rounds
from backend.service.webhooks import sending
from backend.service.webhooks.sending import Sender
from tests.graphql.conftest import Ask, Client
from tests.graphql.test_access import by_key
from tests.graphql.test_posts import code, told
from tests.postgres import NOW, Actor, MakePerson, MakeProject
from tests.push_service import Browser, PushService, push_service

KEY = """mutation { makeApiKey(input: { project: "acme", name: "one", permissions: [] })
  { secret } }"""
REGISTER = """mutation ($endpoint: String!, $p256dh: String!, $auth: String!) { registerPush(
  input: { project: "acme", endpoint: $endpoint, p256dh: $p256dh, auth: $auth, locale: "en" }) }"""
TEST = 'mutation { testPush(project: "acme") }'
UNUSABLE = "https://fcm.googleapis.com:port/"
STATES = "SELECT state, status, error FROM webhook_delivery ORDER BY id"


@asynccontextmanager
async def answering(*parts: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A receiver: its `host:port` and the heads it got; it ends with the last part again and again.

    So it never ends where that is not empty.
    """
    heads: list[bytes] = []
    ended = asyncio.Event()
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        heads.append((await reader.readuntil(b"\r\n\r\n")).lower())
        with suppress(ConnectionError):
            for part in parts[:-1]:
                writer.write(part)
            while parts[-1] and not ended.is_set():
                writer.write(parts[-1])
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
        ended.set()
        await asyncio.gather(*(one for one in serving if one is not None))


SenderTo = Callable[..., Sender]


@pytest.fixture
async def sender_to(platform: Platform, clock: ManualClock) -> AsyncIterator[SenderTo]:
    """Makes who delivers to these hosts, and to any name below example.com."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as out:
        yield lambda *hosts: Sender(platform.database, clock, out, ("*.example.com", *hosts))


async def hook(platform: Platform, actor: Actor, url: str) -> None:
    """A webhook to an address."""
    project = actor.tenant.id
    async with platform.database.project(project) as tx:
        await tx.execute(
            "INSERT INTO webhook (project_id, uid, url, kinds, secret, position, created_by,"
            " created_at) VALUES (%s, %s, %s, '{model}', 'whsec_c2VjcmV0', 0, %s, %s)",
            (project, new_uuid(NOW), url, actor.id, NOW),
        )


async def happens(platform: Platform, actor: Actor) -> None:
    """An event that webhooks are told."""
    async with platform.database.project(actor.tenant.id) as tx:
        await publish(tx, actor.tenant.id, "model", "site", NOW)


async def test_an_answer_without_end_is_not_waited_for(
    platform: Platform,
    sender_to: SenderTo,
    alice: Actor,
    admin: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "LONGEST_S", 1.0)
    ok = b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n"
    async with answering(ok, b"1\r\nx\r\n") as (body, _), answering(b"HTTP/1.1", b" ") as (head, _):
        await hook(platform, alice, f"http://{body}/")
        await hook(platform, alice, f"http://{head}/")
        await happens(platform, alice)
        async with asyncio.timeout(120):
            assert await sender_to(body, head).round(alice.tenant.id, "acme") == 2
    assert admin.execute(STATES).fetchall() == [
        ("sent", 200, None),
        ("pending", None, "it took more than 1 s"),
    ]


async def test_what_a_receiver_sets_is_not_told_to_the_next(
    platform: Platform, sender_to: SenderTo, alice: Actor
) -> None:
    answer = b"HTTP/1.1 204 x\r\nset-cookie: who=acme; path=/\r\nconnection: close\r\n\r\n"
    async with answering(answer, b"") as (host, heads):
        await hook(platform, alice, f"http://{host}/")
        for _ in range(2):
            await happens(platform, alice)
            assert await sender_to(host).round(alice.tenant.id, "acme") == 1
    assert len(heads) == 2
    assert b"cookie:" not in heads[1]


async def test_a_name_that_is_none_holds_up_no_other_webhook(
    platform: Platform, sender_to: SenderTo, alice: Actor, admin: psycopg.Connection
) -> None:
    async with answering(b"HTTP/1.1 204 x\r\nconnection: close\r\n\r\n", b"") as (host, _):
        await hook(platform, alice, "https://xn--a.example.com/")
        await hook(platform, alice, f"http://{host}/")
        await happens(platform, alice)
        assert await sender_to(host).round(alice.tenant.id, "acme") == 2
    states = [state for state, _, _ in admin.execute(STATES).fetchall()]
    assert states == ["pending", "sent"]


async def test_no_project_has_a_second_turn_before_every_other_had_one(
    platform: Platform, alice: Actor, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LOOK_S", 0.01)
    await make_project("zinc")
    turns: list[str] = []
    enough = asyncio.Event()

    async def turn(_: int, slug: str) -> int:
        turns.append(slug)
        if len(turns) == 6:
            enough.set()
        return slug == alice.tenant.slug

    going = asyncio.create_task(rounds.go_round(platform.database, "kw_test", "things", turn))
    async with asyncio.timeout(120):
        await enough.wait()
    going.cancel()
    assert turns[:6] == ["acme", "zinc"] * 3


@pytest.fixture
def pushes() -> Iterator[PushService]:
    """A push service on loopback."""
    with push_service() as running:
        yield running


def given(browser: Browser, endpoint: str | None = None) -> dict[str, object]:
    """What a browser registers, maybe with another address."""
    told = endpoint or browser.endpoint
    return {"endpoint": told, "p256dh": browser.p256dh, "auth": browser.auth}


async def test_an_address_that_is_none_keeps_nobody_from_being_told(
    platform: Platform,
    clock: ManualClock,
    pushes: PushService,
    client: Client,
    ask: Ask,
    alice: Actor,
    bob: Actor,
    admin: psycopg.Connection,
) -> None:
    mine, theirs = await client(bob), await client(alice)
    told(await ask(mine, REGISTER, given(pushes.subscribe(), UNUSABLE)))
    browser = pushes.subscribe()
    told(await ask(theirs, REGISTER, given(browser)))
    for opened in (mine, theirs):
        assert told(await ask(opened, TEST), "testPush") == 1
    keys = await vapid_keys(platform.database, NOW)
    browser.vapid_key = keys.application_server_key
    async with httpx.AsyncClient(timeout=5, trust_env=False) as out:
        channel = WebPushChannel(
            keys,
            out,
            contact="energy@plant.example",
            public_url="https://energy.plant.example/",
            extra_hosts=(pushes.host,),
            real_now=lambda: datetime.now(UTC),
        )
        outbox = Outbox(platform.database, clock, channel.send)
        assert await outbox.deliver_due(alice.tenant.id, "acme") == 2
    assert len(pushes.messages) == 1
    states = admin.execute("SELECT state FROM notification ORDER BY id").fetchall()
    assert states == [("failed",), ("sent",)]


async def test_a_key_has_nothing_pushed(
    pushes: PushService, client: Client, ask: Ask, alice: Actor, make_person: MakePerson
) -> None:
    """A browser that a key registered would hear all that its owner sees, and for ever."""
    boss = await client(await make_person("boss", alice.tenant, role="administrator"))
    secret = str(told(await ask(boss, KEY), "makeApiKey", "secret"))
    program = await by_key(client, secret)
    assert code(await ask(program, REGISTER, given(pushes.subscribe()))) == "not_by_key"
    assert code(await ask(program, TEST)) == "not_by_key"
