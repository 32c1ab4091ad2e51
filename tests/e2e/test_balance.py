"""The demo's wrong transformer ratio is named on the balance, with its numbers, in any language."""

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import LOCALES, phone
from tests.product import Product

NAMES = {"en": "Paint shop feeder", "zh-CN": "涂装馈线"}

YEAR = {"en": "Year", "zh-CN": "年"}


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
        # A year is the sum of its months, with the suspects of the last ones.
        held.page.get_by_text(YEAR[locale], exact=True).click()
        expect(held.page.get_by_test_id("balance-verdict")).to_be_visible()
        expect(held.page.get_by_test_id("balance-loss")).to_contain_text("-")
        expect(found).to_contain_text("150/5")
        assert held.overflow() == 0
        assert held.broken == []
