"""What others try with a session: planting one, using an ended one, and speaking for somebody."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from backend.application.phone import listening
from backend.application.web import build_app, serve
from backend.application.web_process import WebProcess, make_process
from backend.core.platform import Platform
from backend.core.settings import Settings
from tests.backend.test_rest_session import PASSWORD, give_password
from tests.graphql.conftest import Client, session_token
from tests.graphql.sockets import PROTOCOL, open_socket
from tests.postgres import Actor

WHO = {"query": "{ viewer { person { login } } }"}
EVIL = "https://evil.example"
SIGN_IN = f"""mutation {{ signIn(login: "alice", password: "{PASSWORD}")
  {{ viewer {{ person {{ login }} }} }} }}"""
LOCALE = 'mutation { setLocale(locale: "zh-CN") { locale } }'


async def who(opened: httpx.AsyncClient) -> object:
    """Whom the app takes a client for."""
    viewer = (await opened.post("/graphql", json=WHO)).json()["data"]["viewer"]
    return viewer and viewer["person"]["login"]


async def test_a_planted_session_is_never_taken_over(
    process: WebProcess, client: Client, alice: Actor, bob: Actor
) -> None:
    await give_password(process, alice)
    bobs = await session_token(process, bob)
    # An attacker plants a token that nobody has, then one of their own, before Alice signs in.
    for planted in ("x" * 43, bobs):
        for sign_in in ("graphql", "rest"):
            victim, attacker = await client(), await client()
            for one in (victim, attacker):
                one.cookies.set("kilowise", planted)
            headers = {"Origin": "http://localhost"}
            if sign_in == "graphql":
                await victim.post("/graphql", json={"query": SIGN_IN}, headers=headers)
            else:
                body = {"login": "alice", "password": PASSWORD}
                await victim.post("/api/v1/session", json=body, headers=headers)
            fresh = [one.value for one in victim.cookies.jar if one.value != planted]
            assert len(fresh) == 1
            assert await who(attacker) == ("bob" if planted == bobs else None)
            again = await client()
            again.cookies.set("kilowise", str(fresh[0]))
            assert await who(again) == "alice"


async def test_an_ended_session_is_good_for_nothing(
    process: WebProcess, client: Client, served: str, alice: Actor
) -> None:
    token = await session_token(process, alice)
    mine, thief = await client(), await client()
    for one in (mine, thief):
        one.cookies.set("kilowise", token)
    assert await who(thief) == "alice"
    await mine.delete("/api/v1/session", headers={"Origin": "http://localhost"})
    assert await who(thief) is None
    assert (await thief.get("/api/v1/session")).status_code == 401
    async with open_socket(served, cookie=token, init=False) as opened:
        await opened.send(type="connection_init")
        with pytest.raises(ConnectionClosed):
            await opened.receive()
        assert opened.connection.close_code == 4401


async def test_a_socket_of_another_sites_page_is_refused(
    process: WebProcess, served: str, alice: Actor
) -> None:
    token = await session_token(process, alice)
    async with open_socket(served, cookie=token, origin=f"http://{served}"):
        pass
    for origin in (EVIL, f"http://{served}.evil.example", "null"):
        with pytest.raises(InvalidStatus) as refused:
            async with open_socket(served, cookie=token, origin=origin):
                pass
        assert refused.value.response.status_code == 403


FORM = "application/x-www-form-urlencoded"
FORGED: tuple[dict[str, str], ...] = (
    {"Content-Type": FORM, "Origin": EVIL},
    {"Content-Type": "text/plain", "Origin": EVIL},
    {"Content-Type": "application/json", "Origin": EVIL},
    {"Content-Type": "application/json", "Origin": "null"},
    {"Content-Type": FORM, "Sec-Fetch-Site": "cross-site"},
    {"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"},
)
"""What a page of another site can make a browser send; some browsers name no origin."""


async def test_a_form_of_another_site_does_nothing(
    client: Client, alice: Actor, admin: psycopg.Connection
) -> None:
    victim = await client(alice)
    before = admin.execute("SELECT locale FROM person").fetchall()
    body = httpx.Request("POST", "/", json={"query": LOCALE}).content
    for headers in FORGED:
        for path in ("/graphql", "/api/v1/session"):
            method = "POST" if path == "/graphql" else "DELETE"
            sent = await victim.request(method, path, content=body, headers=headers)
            assert (sent.status_code, sent.headers.get("set-cookie")) == (403, None), headers
    # Nor does a form of our own address, which no page of ours has.
    own = {"Content-Type": FORM, "Origin": "http://localhost"}
    assert (await victim.post("/graphql", content=body, headers=own)).status_code == 422
    assert admin.execute("SELECT locale FROM person").fetchall() == before
    assert await who(victim) == "alice"


@pytest.fixture
async def by_https(
    platform: Platform, tmp_path: Path, alice: Actor
) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """The web role by https of its own authority, and what trusts that one alone."""
    held = socket.create_server(("127.0.0.1", 0))
    port = held.getsockname()[1]
    settings = Settings(data=tmp_path, tls="internal-ca", port=port)
    process = make_process(replace(platform, settings=settings), secure=True)
    await give_password(process, alice)
    where = listening(settings)
    assert where.authority is not None
    trusting = ssl.create_default_context(cadata=where.authority.certificate)
    serving = asyncio.create_task(serve(process, build_app(process), held, where.tls))
    yield f"localhost:{port}", trusting
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_signing_in_by_https_of_a_private_authority(
    by_https: tuple[str, ssl.SSLContext],
) -> None:
    address, trusting = by_https
    origin = {"Origin": f"https://{address}"}
    async with httpx.AsyncClient(
        verify=trusting, base_url=f"https://{address}", trust_env=False
    ) as opened:
        answer = await opened.post("/graphql", json={"query": SIGN_IN}, headers=origin)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-kilowise=")
        assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert await who(opened) == "alice"
    carried = {**origin, "Cookie": cookie.partition(";")[0]}
    async with connect(
        f"wss://{address}/graphql",
        ssl=trusting,
        subprotocols=[PROTOCOL],
        additional_headers=carried,
        proxy=None,
    ) as live:
        await live.send('{"type":"connection_init"}')
        assert await live.recv() == '{"type":"connection_ack"}'
