"""The operator suspends a project and its administrator deletes it, each on the phone."""

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.e2e.test_every_route import axe
from tests.product import Product

MAKE = """mutation { createProject(input: { template: "building", zone: "Asia/Shanghai",
  currency: "CNY", traits: { nameEn: "Tower" } }) { id } }"""


@pytest.fixture
def tower(running: Product) -> None:
    """A project that the operator made."""
    running.graphql(MAKE, login="admin")


@pytest.mark.usefixtures("tower")
def test_the_console_suspends_and_the_administrator_deletes(
    browser: Chromium, running: Product
) -> None:
    with phone(browser, running, "admin", bypass_csp=True) as boss:
        boss.open("/projects")
        page = boss.page
        page.get_by_role("link", name="Operator console").click()
        tower = page.get_by_test_id("operated").filter(has_text="Tower")
        expect(tower).to_contain_text("0 of 1 online")
        assert axe(boss) == []
        assert boss.overflow() == 0
        tower.get_by_role("button", name="Quotas").click()
        asked = page.get_by_role("dialog", name="Quotas of Tower")
        asked.get_by_label("People").fill("5")
        asked.get_by_role("button", name="Save").click()
        expect(tower).to_contain_text("1 of 5")
        tower.get_by_role("button", name="Suspend, take data on").click()
        expect(tower).to_contain_text("Suspended; data is taken on")
        boss.open("/projects")
        closed = page.get_by_test_id("closed").filter(has_text="Tower")
        expect(closed).to_contain_text("operator has suspended")
        boss.open("/operator")
        tower.get_by_role("button", name="Resume").click()
        expect(tower.get_by_role("button", name="Suspend, take data on")).to_be_visible()
        boss.open("/projects")
        mine = page.get_by_test_id("project").filter(has_text="Tower")
        mine.get_by_role("button", name="Open").click()
        page.get_by_role("link", name="More").wait_for()
        boss.open("/projects/about")
        page.get_by_label("Write its name once more").fill("Tower")
        page.get_by_role("button", name="Delete the project").click()
        page.get_by_test_id("today").wait_for()
        boss.open("/projects")
        expect(closed).to_contain_text("until then it can be restored")
        assert boss.broken == []
