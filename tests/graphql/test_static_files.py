"""The app's files: negotiated, kept for ever where hashed, 404 where something is missing."""

import base64
import gzip
import hashlib
from pathlib import Path

import httpx
import pytest

from backend.application.static_files import StaticFiles, accepted
from backend.application.web import build_app
from backend.application.web_process import WebProcess

SCRIPT = b"console.log('begin')"
PAGE = b"<!doctype html><html><script>" + SCRIPT + b"</script></html>"
CODE = b"export const answer = 42;\n" * 50
HASHED = "_app/immutable/entry/start.abc123.js"


@pytest.fixture
def app(process: WebProcess, tmp_path: Path) -> httpx.AsyncClient:
    """A client of an app with a small build."""
    folder = tmp_path / "static"
    (folder / HASHED).parent.mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / HASHED).write_bytes(CODE)
    (folder / f"{HASHED}.br").write_bytes(b"brotli form")
    (folder / f"{HASHED}.gz").write_bytes(gzip.compress(CODE))
    (folder / "service-worker.js").write_bytes(b"self.x = 1")
    (folder / "manifest.webmanifest").write_bytes(b"{}")
    transport = httpx.ASGITransport(build_app(process, StaticFiles(folder)))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_the_best_accepted_form_is_served(app: httpx.AsyncClient) -> None:
    seen = {}
    for asked in ("br, gzip", "gzip", "identity", "br;q=0, gzip;q=0.5", "br;q=0"):
        answer = await app.get(f"/{HASHED}", headers={"Accept-Encoding": asked})
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        seen[asked] = answer.headers.get("content-encoding", "")
        if seen[asked] != "br":
            assert answer.content == CODE
    assert seen == {
        "br, gzip": "br",
        "gzip": "gzip",
        "identity": "",
        "br;q=0, gzip;q=0.5": "gzip",
        "br;q=0": "",
    }


async def test_what_has_no_hash_is_asked_for_again(app: httpx.AsyncClient) -> None:
    for path in ("/", "/service-worker.js", "/manifest.webmanifest"):
        headers = {"Accept": "text/html"}
        first = await app.get(path, headers=headers)
        assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
        again = await app.get(path, headers={**headers, "If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/alarms/alm_1", {"Accept": "text/html,*/*"}, 200),
        ("/", {"Accept": "*/*", "Sec-Fetch-Mode": "cors"}, 200),
        ("/alarms/alm_1", {"Sec-Fetch-Mode": "navigate"}, 200),
        ("/alarms/alm_1", {"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, 404),
        ("/alarms", {"Accept": "application/json"}, 404),
        ("/missing.js", {"Accept": "text/html,*/*"}, 404),
        ("/_app/immutable/entry/old.js", {"Sec-Fetch-Mode": "navigate"}, 404),
        ("/_app/version", {"Sec-Fetch-Mode": "navigate"}, 404),
        ("/api/v2/nothing", {"Sec-Fetch-Mode": "navigate"}, 404),
        ("/api/v1/nothing", {"Sec-Fetch-Mode": "navigate"}, 404),
        ("/graphql/nothing", {"Sec-Fetch-Mode": "navigate"}, 404),
        ("/../pyproject.toml", {"Accept": "*/*"}, 404),
    ],
)
async def test_only_a_navigation_falls_back_to_the_page(
    app: httpx.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await app.get(path, headers=headers)
    assert answer.status_code == status
    assert (answer.content == PAGE) == (status == 200)


async def test_the_page_may_run_its_own_script_only(app: httpx.AsyncClient) -> None:
    answer = await app.get("/", headers={"Accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    digest = base64.b64encode(hashlib.sha256(SCRIPT).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await app.post("/")).status_code == 405
    assert (await app.head("/", headers={"Accept": "text/html"})).content == b""


async def test_without_a_build_it_says_what_to_do(process: WebProcess, tmp_path: Path) -> None:
    transport = httpx.ASGITransport(build_app(process, StaticFiles(tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "make run" in answer.text


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", set()),
        ("gzip, deflate, br", {"gzip", "deflate", "br"}),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", {"br", "gzip", "*"}),
        ("br;q=0.0, gzip ;q=0", set()),
    ],
)
def test_accepted_encodings(header: str, found: set[str]) -> None:
    assert accepted(header) == found
