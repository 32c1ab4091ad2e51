"""Without a network the app opens, shows the last data and says how old they are."""

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.product import Product


def test_a_reload_offline_shows_the_last_data_and_its_age(
    browser: Chromium, running: Product
) -> None:
    with phone(browser, running) as held:
        held.open("/")
        expect(held.page.get_by_test_id("freshness")).to_have_text("Live")
        held.installed()
        held.page.wait_for_timeout(1500)

        held.context.set_offline(True)
        expect(held.page.get_by_test_id("freshness")).to_contain_text("Offline")
        before = {name: held.text(name) for name in ("today", "month", "power", "cost")}
        held.page.reload()
        expect(held.page.get_by_test_id("today")).to_have_text(before["today"])
        assert {name: held.text(name) for name in before} == before
        freshness = held.page.get_by_test_id("freshness")
        expect(freshness).to_contain_text("Offline")
        saved = freshness.locator("time")
        age_ms = held.page.evaluate(
            "(saved) => Date.now() - Date.parse(saved)", saved.get_attribute("datetime")
        )
        assert 0 <= age_ms < 120_000
        expect(saved).to_contain_text(", now")
        expect(held.page.get_by_test_id("verdict")).to_have_attribute("data-level", "unknown")
        for tab in ("/alarms", "/more", "/"):
            held.page.locator(f"nav a[href='{tab}']").click()
            held.page.locator("h1").wait_for()
        assert held.text("today") == before["today"]

        held.context.set_offline(False)
        expect(held.page.get_by_test_id("freshness")).to_have_text("Live")
        assert held.broken == []


def test_an_old_snapshot_says_its_age_in_words(browser: Chromium, running: Product) -> None:
    with phone(browser, running, locale="zh-CN") as held:
        held.page.clock.install()
        held.open("/")
        expect(held.page.get_by_test_id("freshness")).to_have_text("实时")
        held.installed()
        held.context.set_offline(True)
        held.page.clock.fast_forward("03:00:00")
        expect(held.page.get_by_test_id("freshness")).to_contain_text("离线")
        expect(held.page.get_by_test_id("freshness")).to_contain_text("3小时前")
