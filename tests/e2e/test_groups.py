"""A group is made on the phone, a project lets it see totals, and takes that back."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.e2e.test_every_route import axe
from tests.product import Product


def test_a_project_consents_is_ranked_and_withdraws(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "admin", bypass_csp=True) as boss:
        boss.open("/groups")
        page = boss.page
        page.get_by_label("Name of the group").fill("The Holding")
        page.get_by_role("button", name="Make the group").click()
        expect(page.locator("main")).to_contain_text("No project lets the group see anything yet")
        page.get_by_role("button", name="Make the link").click()
        link = urlsplit(page.get_by_test_id("made-once").locator("code").inner_text())
        boss.open(f"{link.path}#{link.fragment}")
        expect(page.locator("main")).to_contain_text("would like to see totals")
        page.get_by_label("By day, up to now").check()
        page.get_by_label("From this day").fill("2020-01-01")
        assert (axe(boss), boss.overflow()) == ([], 0)
        page.get_by_role("button", name="Let the group see this").click()
        page.get_by_test_id("consent").wait_for()
        boss.open("/groups")
        page.get_by_test_id("group").click()
        member = page.get_by_test_id("group-member")
        expect(member).to_contain_text("tce")
        expect(page.get_by_test_id("group-totals")).to_contain_text("1 project")
        expect(page.get_by_test_id("group-curve").get_by_role("img")).to_have_accessible_name(
            re.compile("Coal equivalent by project, 20")
        )
        page.get_by_label("Ranked by").select_option("QUANTITY")
        expect(member).to_contain_text("kWh")
        page.get_by_role("button", name="Table").click()
        rows = page.get_by_test_id("group-curve-table").locator("tbody tr")
        expect(rows).to_have_count(13)
        expect(rows.last).to_contain_text("kWh")
        assert (axe(boss), boss.overflow()) == ([], 0)
        boss.open("/groups/consents")
        expect(page.locator("main")).to_contain_text("looked on 1 day")
        assert (axe(boss), boss.overflow()) == ([], 0)
        page.get_by_role("button", name="Withdraw").click()
        page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
        expect(page.locator("main")).to_contain_text("withdrawn")
        boss.open("/groups")
        page.get_by_test_id("group").click()
        page.get_by_role("button", name="End the group").click()
        page.get_by_role("dialog").get_by_role("button", name="End the group").click()
        expect(page.locator("main")).to_contain_text("You are in no group")
        assert boss.broken == []
