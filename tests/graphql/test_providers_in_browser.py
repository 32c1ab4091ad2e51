"""Chromium and the buttons of providers: linked under Sessions and keys, signed in by, refused.

The provider of OpenID is a real one; Feishu's page and servers are the emulator of
tests/unit/provider_emulators.py, to which the browser and we are led instead.
"""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect

from backend.application.web_process import WebProcess
from backend.core.platform import Platform
from backend.service.identity import elsewhere
from backend.service.identity.configured import put, return_path
from tests.e2e.browser import ARGUMENTS, PATIENCE_MS, PHONE, PROGRAM
from tests.graphql.conftest import session_token
from tests.graphql.plants import Plant
from tests.graphql.test_providers import issuer, package, works
from tests.postgres import Actor
from tests.unit.provider_emulators import SECRET, FeishuEmulator

__all__ = ["issuer", "package", "works"]

WHO = "{ viewer { person { login } identities { provider shown } } }"


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium without windows."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=PROGRAM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def feishu(
    platform: Platform, served: str, monkeypatch: pytest.MonkeyPatch
) -> FeishuEmulator:
    """Feishu as the operator sets it up; what we ask of its servers the emulator answers."""
    emulator = FeishuEmulator("cli_app", f"http://{served}{return_path('feishu')}")
    mounts = {"https://open.feishu.cn": httpx.MockTransport(emulator)}
    monkeypatch.setattr(elsewhere, "_web", lambda: httpx.AsyncClient(mounts=mounts))
    await put(
        platform,
        slug="feishu",
        kind="feishu",
        name="Feishu",
        client_id="cli_app",
        options={},
        secret=SECRET,
        secret_from=None,
    )
    return emulator


class Held:
    """One person's phone at our app."""

    def __init__(self, context: BrowserContext, page: Page, app: str) -> None:
        self.context, self.page, self.app = context, page, app

    async def is_(self, process: WebProcess, person: Actor) -> None:
        """Sign somebody in, in place of whoever was."""
        await self.context.clear_cookies(name="kilowise")
        token = await session_token(process, person)
        await self.context.add_cookies([{"name": "kilowise", "value": token, "url": self.app}])

    async def leaves(self, path: str, button: str) -> None:
        """Go to a page of ours and on to a provider."""
        await self.page.goto(f"{self.app}{path}")
        await self.page.get_by_role("button", name=button, exact=True).click()

    async def lets_in(self, account: str) -> None:
        """Type a name at the real provider, and allow it to tell us."""
        await self.page.get_by_placeholder("Enter any login").fill(account)
        await self.page.get_by_placeholder("and password").fill("any")
        await self.page.get_by_role("button", name="Sign-in").click()
        await self.page.get_by_role("button", name="Continue").click()

    async def agrees(self) -> None:
        """Agree at Feishu."""
        await self.page.get_by_role("link", name="Agree").click()

    async def who(self) -> object:
        """Whom our app takes it for."""
        answer = await self.context.request.post(f"{self.app}/graphql", data={"query": WHO})
        return (await answer.json())["data"]["viewer"]


async def hold(chromium: Browser, app: str, emulator: FeishuEmulator, locale: str) -> Held:
    """A phone that finds Feishu's page where the emulator is, and no other servers."""
    context = await chromium.new_context(viewport=PHONE, locale=locale)
    context.set_default_timeout(PATIENCE_MS)

    async def page_of_feishu(route: Route) -> None:
        back = urlencode(emulator.visit(route.request.url))
        link = f'<a href="{emulator.back}?{back}">Agree</a>'
        await route.fulfill(content_type="text/html", body=link)

    async def nothing(route: Route) -> None:
        await route.abort()

    await context.route("https://**", nothing)
    await context.route("https://accounts.feishu.cn/**", page_of_feishu)
    return Held(context, await context.new_page(), app)


@pytest.mark.long
@pytest.mark.needs("chromium")
async def test_buttons_lead_there_and_back(
    chromium: Browser,
    served: str,
    works: str,
    feishu: FeishuEmulator,
    process: WebProcess,
    made: Plant,
    alice: Actor,
    bob: Actor,
) -> None:
    app = f"http://{served}"
    stranger = await hold(chromium, app, feishu, "zh-CN")
    await stranger.leaves("/", "用 Works 登录")
    await stranger.lets_in("a.li")
    told = stranger.page.get_by_role("alert")
    await expect(told).to_contain_text("此身份未与任何人员关联。", timeout=PATIENCE_MS)
    await expect(told).to_contain_text("请用其他方式登录后在“会话与密钥”中关联")
    assert stranger.page.url == f"{app}/"
    assert await stranger.who() is None
    await stranger.context.close()

    phone = await hold(chromium, app, feishu, "en")
    linked = phone.page.get_by_test_id("linked")
    await phone.is_(process, alice)
    await phone.leaves("/access", "Link Works")
    await phone.lets_in("a.li")
    await expect(linked).to_contain_text("a.li at the provider", timeout=PATIENCE_MS)
    await phone.leaves("/access", "Link Feishu")
    await phone.agrees()
    await expect(linked.filter(has_text="李四")).to_be_visible(timeout=PATIENCE_MS)

    await phone.is_(process, bob)
    await phone.leaves("/access", "Link Works")
    # The provider knows the browser still, and leads back at once.
    failure = phone.page.get_by_test_id("failure")
    await expect(failure).to_have_attribute("data-code", "identity_taken", timeout=PATIENCE_MS)
    await expect(failure).to_contain_text("This identity is linked to somebody already.")

    for button, provider in (("Sign in with Works", None), ("Sign in with Feishu", feishu)):
        await phone.context.clear_cookies(name="kilowise")
        await phone.leaves("/", button)
        if provider is not None:
            await phone.agrees()
        await expect(phone.page.get_by_role("link", name="More")).to_be_visible(timeout=PATIENCE_MS)
        assert await phone.who() == {
            "person": {"login": "alice"},
            "identities": [
                {"provider": "feishu", "shown": "李四"},
                {"provider": "works", "shown": "a.li at the provider"},
            ],
        }
    await phone.context.close()
