"""The explorer: off unless set, for whoever is signed in, nothing of anybody else's."""

import re
from dataclasses import replace

import httpx
import pytest
from graphql import GraphQLWrappingType

from backend.application.explorer import FILES, FOLDER
from backend.application.graphql.descriptions import elements
from backend.application.graphql.schema import build_schema, core_schema
from backend.application.web import build_app
from backend.application.web_process import WebProcess, make_process
from tests.graphql.conftest import BASE, Client, session_token
from tests.graphql.walk.people import make_key
from tests.postgres import Actor


@pytest.fixture
def shown(process: WebProcess) -> WebProcess:
    """A process that has the explorer."""
    settings = process.platform.settings.model_copy(update={"explorer": True})
    return make_process(replace(process.platform, settings=settings))


async def get(process: WebProcess, path: str, **headers: str) -> httpx.Response:
    """Ask for a file."""
    transport = httpx.ASGITransport(build_app(process))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as opened:
        return await opened.get(path, headers=headers)


async def test_it_is_off_unless_set(client: Client, alice: Actor) -> None:
    opened = await client(alice)
    for path in ("/explorer", "/explorer/explorer.js"):
        assert (await opened.get(path)).status_code == 404


async def test_people_and_keys_see_it_and_nobody_else(shown: WebProcess, alice: Actor) -> None:
    cookie = f"kilowise={await session_token(shown, alice)}"
    key, _ = await make_key(shown.platform, alice, None)
    page = await get(shown, "/explorer", Cookie=cookie)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for name, kind in FILES.items():
        answer = await get(shown, f"/explorer/{name}", Authorization=f"Bearer {key}")
        assert answer.headers["content-type"].startswith(kind)
        assert answer.content == (FOLDER / name).read_bytes()
        assert (await get(shown, f"/explorer/{name}")).status_code == 401
    assert (await get(shown, "/explorer/__init__.py", Cookie=cookie)).status_code == 404
    foreign = {"Cookie": cookie, "Origin": "https://evil.example"}
    assert (await get(shown, "/explorer", **foreign)).status_code == 403


async def test_it_loads_our_own_files_alone(shown: WebProcess, alice: Actor) -> None:
    cookie = f"kilowise={await session_token(shown, alice)}"
    page = await get(shown, "/explorer", Cookie=cookie)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded == ["/explorer/explorer.css", "/explorer/explorer.js"]
    assert "<script>" not in page.text
    assert " style=" not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    texts = [(FOLDER / name).read_text() for name in FILES]
    assert not [text for text in texts if re.search(r"https?://|//[a-z]+\.[a-z]", text)]


def test_it_asks_for_types_as_deep_as_there_are() -> None:
    def depth(kind: object) -> int:
        return 1 + depth(kind.of_type) if isinstance(kind, GraphQLWrappingType) else 0

    [asked] = re.findall(
        r"'kind name ofType { '\.repeat\((\d)\)", (FOLDER / "explorer.js").read_text()
    )
    types = [getattr(one, "type", None) for _, one in elements(core_schema(build_schema()))]
    assert max(map(depth, types)) <= int(asked)
