"""Signing in by a real OpenID provider: linked on purpose, and back in the same browser only."""

import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import psycopg
import pytest

from backend.application.web_process import WebProcess
from backend.core.platform import Platform
from backend.service.identity.configured import put
from tests.graphql.conftest import session_token
from tests.graphql.walk.people import make_invitation
from tests.npm import NODE, install
from tests.postgres import Actor

SOURCE = Path(__file__).parent / "provider"
WHO = "{ viewer { person { login } identities { provider shown } } }"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The provider's package, installed."""
    folder = install(SOURCE, tmp_path_factory.mktemp("provider"))
    return folder / "provider.mjs"


@pytest.fixture
def issuer(package: Path, served: str) -> Iterator[str]:
    """A running provider that knows us as a client."""
    back = f"http://{served}/api/v1/sign-in/works/return"
    running = subprocess.Popen(
        [NODE, package, back], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert running.stdout is not None
    with running:
        yield running.stdout.readline().strip()
        running.kill()


@pytest.fixture
async def works(platform: Platform, issuer: str) -> str:
    """The provider as the operator sets it up: its slug."""
    told = await put(
        platform,
        slug="works",
        kind="oidc",
        name="Works",
        client_id="kilowise",
        options={"issuer": issuer},
        secret="secret of the client",
        secret_from=None,
    )
    assert told.endswith("http://127.0.0.1:8000/api/v1/sign-in/works/return")
    return "works"


class Browser:
    """A browser that is at our app and goes where it is sent."""

    def __init__(self, app: str) -> None:
        self.app = f"http://{app}"
        self.web = httpx.AsyncClient(trust_env=False)

    async def who(self) -> object:
        """Whom our app takes it for."""
        answer = await self.web.post(f"{self.app}/graphql", json={"query": WHO})
        return answer.json()["data"]["viewer"]

    async def begin(self, **more: str) -> httpx.Response:
        """Ask our app where to go."""
        return await self.web.post(
            f"{self.app}/api/v1/sign-in/works", json=more, headers={"Origin": self.app}
        )

    async def come_back(self, account: str, /, **more: str) -> str:
        """Go to the provider, be let in there with an account, and stop before the way back."""
        begun = await self.begin(**more)
        assert begun.status_code == 200, begun.text
        address = begun.json()["address"]
        while True:
            page = await self.web.get(address)
            while page.is_redirect:
                address = urljoin(str(page.url), page.headers["location"])
                if address.startswith(self.app):
                    return address
                page = await self.web.get(address)
            prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
            action = re.search(r'action="([^"]+)"', page.text)
            assert prompt is not None, page.text
            assert action is not None
            form = {"prompt": prompt[1], "login": account, "password": "any"}
            done = await self.web.post(urljoin(str(page.url), action[1]), data=form)
            address = urljoin(str(done.url), done.headers["location"])

    async def land(self, address: str) -> str:
        """Take the way back: where our app leads to."""
        landed = await self.web.get(address)
        assert landed.status_code == 303
        return str(landed.headers["location"])

    async def go(self, account: str, /, **more: str) -> str:
        """All of it."""
        return await self.land(await self.come_back(account, **more))


@pytest.fixture
async def browsers(served: str) -> AsyncIterator[list[Browser]]:
    """Two browsers of different people."""
    both = [Browser(served), Browser(served)]
    yield both
    for one in both:
        await one.web.aclose()


async def test_a_linked_identity_signs_in_and_nobody_else(
    works: str,
    browsers: list[Browser],
    process: WebProcess,
    alice: Actor,
    admin: psycopg.Connection,
) -> None:
    mine, other = browsers
    # Whom the provider calls as we call Alice is not Alice.
    assert await other.go("alice") == "/#refused=identity_unknown"
    assert await other.who() is None
    assert (await other.begin(purpose="link")).status_code == 401
    mine.web.cookies.set("kilowise", await session_token(process, alice), domain="127.0.0.1")
    assert await mine.go("a.li", purpose="link") == "/access"
    assert await mine.who() == {
        "person": {"login": "alice"},
        "identities": [{"provider": "works", "shown": "a.li at the provider"}],
    }
    other.web.cookies.clear()
    assert await other.go("a.li") == "/"
    assert (await other.who())["person"] == {"login": "alice"}  # type: ignore[index]
    audited = admin.execute("SELECT action, actor, new FROM audit").fetchall()
    assert audited == [("identity.link", alice.text, f'{{"provider":"{works}"}}')]
    stored = admin.execute("SELECT p::text FROM identity_provider p").fetchone()
    assert b"secret of the client".hex() not in str(stored)


async def test_only_the_browser_that_was_sent_comes_back_once(
    works: str, browsers: list[Browser], process: WebProcess, alice: Actor
) -> None:
    mine, other = browsers
    mine.web.cookies.set("kilowise", await session_token(process, alice), domain="127.0.0.1")
    await mine.go("a.li", purpose="link")
    mine.web.cookies.clear()
    back = await mine.come_back("a.li")
    # Somebody else's answer, put into a victim's browser, signs nobody in.
    assert await other.land(back) == "/#refused=step_over"
    assert await other.who() is None
    assert await mine.land(back) == "/"
    # What was used once is over, though the browser still held the cookie of its step.
    mine.web.cookies.clear()
    assert await mine.land(back) == "/#refused=step_over"
    changed = re.sub(r"state=[^&]+", "state=x", await mine.come_back("a.li"))
    assert await mine.land(changed) == "/#refused=provider_refused"
    forged = re.sub(r"code=[^&]+", "code=x", await mine.come_back("a.li"))
    assert await mine.land(forged) == "/#refused=provider_refused"
    assert await mine.who() is None
    foreign = await mine.web.post(
        f"{mine.app}/api/v1/sign-in/works", json={}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403


async def test_an_invitation_is_accepted_with_an_identity(
    works: str,
    browsers: list[Browser],
    platform: Platform,
    process: WebProcess,
    alice: Actor,
) -> None:
    mine, other = browsers
    token, _ = await make_invitation(platform, alice)
    told = {"purpose": "join", "invitation": token, "name": "Wang Li", "login": "20260417"}
    refused = await mine.begin(**{**told, "invitation": "x" * 43})
    assert (refused.status_code, refused.json()["code"]) == (404, "invitation_used")
    assert await mine.go("wang", **told) == "/"
    assert (await mine.who())["person"] == {"login": "20260417"}  # type: ignore[index]
    other.web.cookies.set("kilowise", await session_token(process, alice), domain="127.0.0.1")
    assert await other.go("wang", purpose="link") == "/access#refused=identity_taken"


async def test_who_has_a_second_factor_is_asked_for_it(
    works: str, browsers: list[Browser], process: WebProcess, alice: Actor
) -> None:
    mine, _ = browsers
    mine.web.cookies.set("kilowise", await session_token(process, alice), domain="127.0.0.1")
    await mine.go("a.li", purpose="link")
    async with process.platform.database.platform() as tx:
        await tx.execute(
            "INSERT INTO second_factor (person_id, sealed, created_at, confirmed_at)"
            " VALUES (%s, 'x', %s, %s)",
            (alice.id, process.platform.clock.now(), process.platform.clock.now()),
        )
    mine.web.cookies.clear()
    landed = urlsplit(await mine.go("a.li"))
    assert landed.fragment.startswith("second=")
    assert await mine.who() is None
