"""The demo's wrong transformer ratio is named on the balance, with its numbers, in any language."""

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import LOCALES, phone
from tests.product import Product

NAMES = {"en": "Paint shop feeder", "zh-CN": "涂装馈线"}


@pytest.mark.parametrize("locale", LOCALES)
def test_the_balance_names_the_paint_shops_meter_from_above_and_from_its_own_place(
    browser: Chromium, running: Product, locale: str
) -> None:
    with phone(browser, running, locale=locale) as held:
        held.open("/more")
        held.page.locator("a[href='/balance']").click()
        found = held.page.get_by_test_id("balance-suspect")
        for text in (NAMES[locale], "150/5", "200/5"):
            expect(found).to_contain_text(text)
        # Down to the suspect: its own parts ask for the same, and it loses less than nothing.
        held.page.locator("a.warn").first.click()
        expect(held.page.get_by_test_id("balance-loss")).to_contain_text("-")
        for text in (NAMES[locale], "150/5", "200/5"):
            expect(found).to_contain_text(text)
        assert held.broken == []
