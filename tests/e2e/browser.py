"""Chromium as people hold it: a context is one person's browser with its own storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import (
    APIResponse,
    BrowserContext,
    CDPSession,
    Page,
    Playwright,
    ViewportSize,
    expect,
)
from playwright.sync_api import Browser as Chromium

from tests.product import Product

PROGRAM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE = ViewportSize(width=390, height=844)
LOCALES = ("en", "zh-CN")
ROUTES = ("/", "/alarms", "/analyse", "/plant", "/more", "/round", "/stock", "/imports")
PATIENCE_MS = 60_000
_CONTROLLED = """() => new Promise((done) => navigator.serviceWorker.controller ? done()
  : navigator.serviceWorker.addEventListener('controllerchange', () => done()))"""
_OVERFLOW = """async () => {
  const { documentElement: page } = document;
  const wider = () => page.scrollWidth - page.clientWidth;
  for (let frame = 0; frame < 2 || (wider() > 0 && frame < 20); frame++) {
    await new Promise((done) => requestAnimationFrame(done));
  }
  return wider();
}"""
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium(playwright: Playwright, *more: str) -> Iterator[Chromium]:
    """Debian's Chromium without windows and without asking the internet for anything."""
    browser = playwright.chromium.launch(executable_path=PROGRAM, args=[*ARGUMENTS, *more])
    try:
        yield browser
    finally:
        browser.close()


@dataclass(slots=True)
class Phone:
    """One person's browser; `broken` collects what must not happen in any test."""

    context: BrowserContext
    page: Page
    broken: list[str]

    def open(self, path: str = "/") -> None:
        """Go to a route and wait until its heading and its data are there."""
        self.page.goto(path)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing says that it is still loading."""
        self.page.locator("h1").first.wait_for()
        expect(self.page.locator(".skeleton")).to_have_count(0)

    def installed(self) -> None:
        """Wait until the service worker serves this page."""
        self.page.evaluate(_CONTROLLED)

    def text(self, testid: str) -> str:
        """What an element shows, with the blanks of all kinds as one plain blank."""
        return " ".join(self.page.get_by_test_id(testid).inner_text().split())

    def cdp(self) -> CDPSession:
        """A DevTools session of the page."""
        return self.context.new_cdp_session(self.page)

    def overflow(self) -> int:
        """By how many CSS pixels the page is wider than its window, after two frames at rest."""
        width: int = self.page.evaluate(_OVERFLOW)
        return width


def sign_in(context: BrowserContext, url: str, login: str) -> None:
    """Begin a session in the context's cookies, as the page itself would."""
    answer: APIResponse = context.request.post(
        f"{url}/api/v1/session",
        data={"login": login, "password": "kilowise-demo"},
        headers={"origin": url},
    )
    assert answer.status == 200, answer.text()


@contextmanager
def phone(
    browser: Chromium,
    running: Product,
    login: str | None = "manager",
    *,
    size: ViewportSize = PHONE,
    script: str = "",
    **options: Any,
) -> Iterator[Phone]:
    """A browser of its own for one person (None: nobody is signed in)."""
    given = {
        "base_url": running.url,
        "locale": "en",
        "color_scheme": "light",
        **options,
    }
    context = browser.new_context(viewport=size, **given)
    context.set_default_timeout(PATIENCE_MS)
    try:
        if login is not None:
            sign_in(context, running.url, login)
        if script:
            context.add_init_script(script)
        held = Phone(context, context.new_page(), [])
        held.page.on("pageerror", lambda error: held.broken.append(str(error)))
        held.page.on(
            "console",
            lambda message: (
                held.broken.append(message.text)
                if message.type == "error" and "net::ERR_INTERNET" not in message.text
                else None
            ),
        )
        yield held
    finally:
        context.close()
