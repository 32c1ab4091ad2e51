"""A password that is typed can be looked at, and is hidden again once it is sent."""

import re

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.e2e.browser import phone
from tests.e2e.test_every_route import axe
from tests.product import Product

WORDS = "four words apart here"


def looked_at(page: Page, label: str, show: str, nth: int = 0) -> None:
    """Type a password, look at it, and hide it again."""
    field = page.get_by_label(label, exact=True)
    button = page.get_by_role("button", name=show, exact=True).nth(nth)
    expect(button).to_have_attribute("aria-pressed", "false")
    field.fill(WORDS)
    expect(field).to_have_attribute("type", "password")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(field).to_have_attribute("type", "text")
    expect(field).to_have_value(WORDS)
    button.click()
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_value(WORDS)


def test_who_signs_in_can_look(browser: Chromium, running: Product) -> None:
    with phone(browser, running, None) as held:
        held.open("/")
        page = held.page
        looked_at(page, "Password", "Show password")
        page.get_by_role("button", name="Show password").click()
        assert held.overflow() == 0
        page.get_by_label("Employee number").fill("nobody")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_be_visible()
        # Sent as hidden, so that no browser keeps it as a word that was typed.
        expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "password")


def test_who_asks_for_an_account_can_look(browser: Chromium, running: Product) -> None:
    with phone(browser, running, None, locale="zh-CN", bypass_csp=True) as held:
        held.open("/signup")
        looked_at(held.page, "密码", "显示密码")
        assert held.overflow() == 0
        assert axe(held) == []
        assert held.broken == []


def test_both_can_be_looked_at_where_one_is_changed(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "manager") as held:
        held.open("/access")
        looked_at(held.page, "Password so far", "Show password", 0)
        looked_at(held.page, "New password", "Show password", 1)
        assert held.broken == []


def test_the_first_administrators_too(browser: Chromium, running: Product) -> None:
    """The page before the app, under its own policy for scripts."""
    with phone(browser, running, None) as held:
        held.open("/setup?token=x")
        page, field = held.page, held.page.locator("input[name=password]")
        field.fill(WORDS)
        button = page.get_by_role("button", name=re.compile("Show password"))
        for kind in ("text", "password"):
            button.click()
            expect(field).to_have_attribute("type", kind)
        expect(button).to_have_attribute("aria-pressed", "false")
        assert held.overflow() == 0
        assert held.broken == []
