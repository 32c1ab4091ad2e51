"""Behind a reverse proxy: https outside and http inside, and nobody can say it but the proxy."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from backend.application.forwarded import Forwarded, client_hop, hops
from backend.application.web import build_app, serve
from backend.application.web_process import make_process
from backend.core.platform import Platform
from backend.core.settings import Settings
from tests.backend.test_rest_session import PASSWORD, give_password
from tests.graphql.proxy import proxy
from tests.graphql.sockets import PROTOCOL
from tests.postgres import Actor

PUBLIC = "https://energy.example.com"
TRUSTED = Settings.model_validate({"KILOWISE_TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.1"})
X = {"x-forwarded-proto": "https", "x-forwarded-host": "energy.example.com"}


@asynccontextmanager
async def behind(platform: Platform, alice: Actor, trusted: str) -> AsyncIterator[str]:
    """The web role on loopback with these proxies trusted; Alice has a password."""
    settings = Settings.model_validate(
        {"KILOWISE_TRUSTED_PROXIES": trusted, "KILOWISE_PUBLIC_URL": PUBLIC}
    )
    process = make_process(replace(platform, settings=settings))
    await give_password(process, alice)
    held = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(serve(process, build_app(process), held))
    try:
        yield f"127.0.0.1:{held.getsockname()[1]}"
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def sign_in(address: str) -> httpx.Response:
    """Sign in as a browser at the public name does."""
    body = {"login": "alice", "password": PASSWORD}
    headers = {"Origin": PUBLIC, "Host": "energy.example.com", "Connection": "close"}
    async with httpx.AsyncClient() as opened:
        return await opened.post(f"http://{address}/api/v1/session", json=body, headers=headers)


async def test_signing_in_behind_a_proxy_is_as_by_https(platform: Platform, alice: Actor) -> None:
    async with behind(platform, alice, "127.0.0.1") as inside:
        for lines in (
            ("X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.9"),
            ("Forwarded: for=203.0.113.9;proto=https;host=energy.example.com",),
        ):
            async with proxy(inside, *lines) as outside:
                answer = await sign_in(outside)
                assert answer.status_code == 200
                cookie = answer.headers["set-cookie"]
                assert cookie.startswith("__Host-kilowise=")
                assert "; Secure" in cookie
                assert answer.headers["strict-transport-security"] == "max-age=31536000"
                carried = {"Cookie": cookie.partition(";")[0], "Origin": PUBLIC}
                async with connect(
                    f"ws://{outside}/graphql", subprotocols=[PROTOCOL], additional_headers=carried
                ) as opened:
                    await opened.send('{"type":"connection_init"}')
                    assert await opened.recv() == '{"type":"connection_ack"}'


async def test_who_is_no_proxy_of_ours_is_not_believed(platform: Platform, alice: Actor) -> None:
    async with behind(platform, alice, "192.0.2.1") as inside:
        lines = ("X-Forwarded-Proto: https", "Forwarded: for=203.0.113.9;proto=https")
        async with proxy(inside, *lines) as outside:
            answer = await sign_in(outside)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "strict-transport-security" not in answer.headers


async def inside_of(peer: str, headers: dict[str, str], kind: str = "http") -> Scope:
    """What the app gets to see of a request from a peer."""
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {
        "type": kind,
        "scheme": "http" if kind == "http" else "ws",
        "client": (peer, 5),
        "headers": [(b"host", b"inner"), *raw],
    }

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    await Forwarded(app, TRUSTED.trusted_proxies)(scope, nothing, nothing)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("peer", "headers", "client", "scheme", "host"),
    [
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9", **X}, "203.0.113.9", "https", PUBLIC[8:]),
        ("::ffff:10.0.0.1", {"x-forwarded-for": "203.0.113.9"}, "203.0.113.9", "http", "inner"),
        # What the client wrote itself stands left of what the first proxy saw.
        ("10.0.0.1", {"x-forwarded-for": "1.2.3.4, 203.0.113.9"}, "203.0.113.9", "http", "inner"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9, 10.0.0.2"}, "203.0.113.9", "http", "inner"),
        ("10.0.0.1", {"x-forwarded-for": "[2001:db8::7]:443"}, "2001:db8::7", "http", "inner"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9:1234"}, "203.0.113.9", "http", "inner"),
        ("10.0.0.1", {"x-forwarded-for": "unknown"}, "10.0.0.1", "http", "inner"),
        ("10.0.0.1", {"x-forwarded-proto": "gopher"}, "10.0.0.1", "http", "inner"),
        ("10.0.0.1", {"x-forwarded-host": "a b/<script>"}, "10.0.0.1", "http", "inner"),
        (
            "192.0.2.1",
            {"forwarded": 'for="[2001:db8::7]:5";proto=https;host=a.example, for=10.0.0.2'},
            "2001:db8::7",
            "https",
            "a.example",
        ),
        ("192.0.2.2", {"x-forwarded-for": "203.0.113.9", **X}, "192.0.2.2", "http", "inner"),
        ("192.0.2.2", {"forwarded": "for=1.2.3.4;proto=https"}, "192.0.2.2", "http", "inner"),
    ],
)
async def test_only_our_proxies_are_believed(
    peer: str, headers: dict[str, str], client: str, scheme: str, host: str
) -> None:
    scope = await inside_of(peer, headers)
    seen = Headers(scope=scope)
    assert (scope["client"][0], scope["scheme"], seen["host"]) == (client, scheme, host)
    assert seen.keys() == ["host"], "nothing further in can believe what was forwarded"
    socket_scope = await inside_of(peer, headers, "websocket")
    assert socket_scope["scheme"] == {"http": "ws", "https": "wss"}[scheme]


def test_a_chain_of_ours_alone_begins_at_its_first() -> None:
    told = hops(Headers({"x-forwarded-for": "10.1.1.1, 10.1.1.2"}))
    assert client_hop(told, TRUSTED.trusted_proxies).address == "10.1.1.1"
    assert client_hop([], TRUSTED.trusted_proxies).address == ""
