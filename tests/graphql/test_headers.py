"""Every kind of answer carries the security headers, and nothing asked by another name is answered.

The routes are walked: a new one cannot forget them.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from backend.application.certificates import Authority
from backend.application.headers import SECURITY, STRICT, SecurityHeaders, stays_with_https
from backend.application.hosts import Hosts, our_names
from backend.application.phone import TrustPages
from backend.application.static_files import StaticFiles
from backend.application.web import build_app
from backend.application.web_process import WebProcess
from backend.core.settings import Settings
from tests.graphql.conftest import Client
from tests.graphql.strangers import every_route
from tests.postgres import NOW

OTHER_KINDS = (
    ("GET", "/", 200),
    ("GET", "/_app/nothing.js", 404),
    ("GET", "/nothing.png", 404),
    ("POST", "/", 405),
    ("GET", "/graphql/nothing", 404),
    ("GET", "/api/v1/nothing", 404),
    ("PUT", "/api/v1/session", 405),
)
OWN_VALUE = {"Referrer-Policy": "no-referrer"}
"""Stricter than the rest: the set-up page's address carries a token."""


def lacking(response: httpx.Response) -> list[str]:
    """The headers that an answer does not have as it should."""
    wrong = [
        name
        for name, value in SECURITY.items()
        if name != "Cache-Control"
        and response.headers.get(name) not in {value, OWN_VALUE.get(name, value)}
    ]
    policy = response.headers.get("Content-Security-Policy", "")
    if not policy.startswith("default-src 'self'") or "frame-ancestors 'none'" not in policy:
        wrong.append(f"Content-Security-Policy: {policy}")
    return wrong


def test_the_headers_are_these() -> None:
    assert {name: SECURITY[name] for name in SECURITY if name != "Permissions-Policy"} == {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Permitted-Cross-Domain-Policies": "none",
        "Cache-Control": "no-store",
    }


async def test_every_route_carries_them(process: WebProcess, client: Client) -> None:
    opened = await client()
    asked = [one.split(" ") for one in sorted(every_route(process)) if not one.startswith("WS")]
    for method, path in asked:
        response = await opened.request(method, path, json={})
        assert not lacking(response), f"{method} {path}"
        assert response.headers["Cache-Control"] == "no-store", f"{method} {path}"
        if path.startswith(("/api/", "/graphql")) and "json" in response.headers.get(
            "Content-Type", ""
        ):
            assert response.headers["Content-Disposition"] == 'attachment; filename="api.json"'
    assert len(asked) > 30


async def test_files_and_refusals_carry_them(process: WebProcess, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<script>go()</script>")
    transport = httpx.ASGITransport(build_app(process, StaticFiles(tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        for method, path, status in OTHER_KINDS:
            response = await opened.request(method, path)
            assert (response.status_code, lacking(response)) == (status, []), path
        script = (await opened.get("/")).headers["Content-Security-Policy"].split("; ")[1]
        assert script.startswith("script-src 'self' 'sha256-")
        assert "unsafe" not in script


async def test_a_bug_tells_nothing_and_carries_them(process: WebProcess) -> None:
    async def breaks(_request: Request) -> Response:
        raise ZeroDivisionError("secret of the database")

    app = build_app(process)
    app.router.routes.insert(0, Route("/breaks", breaks))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        response = await opened.get("/breaks")
    assert (response.status_code, response.json()["code"]) == (500, "error")
    assert "secret" not in response.text
    assert {name: response.headers[name] for name in SECURITY} == SECURITY
    assert response.headers["Content-Security-Policy"] == "default-src 'none'"


async def test_the_trust_pages_carry_them(tmp_path: Path) -> None:
    pages = TrustPages(Authority(tmp_path, NOW), "https://192.168.7.9:8000").app()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(pages), base_url="http://192.168.7.9"
    ) as opened:
        for path in ("/", "/ca.crt", "/nothing"):
            response = await opened.get(path)
            assert {name: response.headers[name] for name in SECURITY} == SECURITY
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("settings", "stays"),
    [
        (Settings(public_url="https://energy.example.com"), True),
        (Settings(public_url="https://energy.example.com", tls="a+b"), True),
        (Settings(public_url="https://energy.example.com", tls="internal-ca"), False),
        (Settings(public_url="https://energy.example.com", phone=True), False),
        (Settings(public_url="http://energy.example.com"), False),
        (Settings(tls="a+b"), False),
    ],
)
async def test_browsers_stay_with_https_where_everybody_trusts_it(
    settings: Settings, stays: bool
) -> None:
    assert stays_with_https(settings) is stays
    app = SecurityHeaders(PlainTextResponse("x"), "default-src 'self'", https_for_good=stays)
    for base, told in (("https://x", STRICT if stays else None), ("http://x", None)):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as opened:
            response = await opened.get("/healthz")
            assert response.headers.get("Strict-Transport-Security") == told


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("energy.example.com", 200),
        ("ENERGY.example.com.:8443", 200),
        ("more.example", 200),
        ("localhost:8000", 200),
        ("192.0.2.7:8000", 200),
        ("[2001:db8::1]:8000", 200),
        ("evil.example", 421),
        ("energy.example.com.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
async def test_only_our_names_are_answered(host: str, status: int) -> None:
    settings = Settings(public_url="https://energy.example.com", hosts=("more.example",))
    app = Hosts(PlainTextResponse("x"), our_names(settings))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
    ) as opened:
        response = await opened.get("/healthz", headers={"Host": host})
    assert response.status_code == status
    if status == 421:
        assert response.json()["code"] == "unknown_host"


async def test_a_socket_of_another_name_is_refused(served: str) -> None:
    host, _, port = served.partition(":")
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://evil.example:{port}/graphql", host=host, port=int(port)):
            pass
    assert refused.value.response.status_code == 403


async def test_large_bodies_are_refused(client: Client) -> None:
    opened = await client()

    async def drops() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b'{"login": "' + b"x" * 100_000

    for content in (b"x" * 1_000_001, drops()):
        response = await opened.post("/api/v1/session", content=content)
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
        assert not lacking(response)
    fits = await opened.post("/api/v1/session", content=b"x" * 1_000_000)
    assert fits.status_code == 422


async def test_rest_takes_json_as_json_only(client: Client) -> None:
    opened = await client()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        response = await opened.post(
            "/api/v1/session",
            content=b'{"login": "alice", "password": "x"}',
            headers={"Content-Type": kind},
        )
        assert (response.status_code, response.json()["code"]) == (422, "invalid_input"), kind


async def test_no_other_origin_is_let_in(process: WebProcess, client: Client) -> None:
    opened = await client()
    for origin in ("https://evil.example", "null"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for method in ("OPTIONS", "GET"):
            for path in ("/graphql", "/api/v1/session"):
                response = await opened.request(method, path, headers=asked)
                found = [name for name in response.headers if name.startswith("access-control-")]
                assert not found, f"{method} {path}"


async def test_the_server_says_no_name(served: str) -> None:
    async with httpx.AsyncClient() as opened:
        response = await opened.get(f"http://{served}/healthz")
    assert not {"server", "x-powered-by", "via"} & response.headers.keys()
