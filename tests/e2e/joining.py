"""How people come to be members: a link that an administrator makes, and the form behind it."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.e2e.browser import phone
from tests.product import Product


def invited(browser: Chromium, running: Product, whom: str) -> str:
    """Invite somebody to the foundry as shift staff: the link's path."""
    with phone(browser, running, "admin") as boss:
        boss.open("/people")
        page = boss.page
        page.get_by_label("For whom").fill(whom)
        part = page.get_by_label("Part of the plant")
        foundry = part.locator("option").filter(has_text=re.compile(r"^\s*Foundry\s*$"))
        part.select_option(foundry.get_attribute("value"))
        page.get_by_role("button", name="Make the link").click()
        made = page.get_by_test_id("made-once")
        expect(made.locator("svg")).to_have_attribute("aria-label", "QR code of the link")
        link = urlsplit(made.locator("code").inner_text())
        expect(page.get_by_test_id("waiting")).to_contain_text(whom)
        assert boss.broken == []
    return f"{link.path}#{link.fragment}"


def join(page: Page, name: str, login: str, password: str) -> None:
    """Fill the form behind the link and send it."""
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Employee number").fill(login)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Join").click()
