"""The model changed on a phone: a share counted, a place renamed and moved, a factor set."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import Phone, phone
from tests.e2e.test_every_route import axe
from tests.product import Product

THINGS = """{ project(id: "demo") { meters { id slug }
  centres: nodes(tree: "cost-centres") { id slug } } }"""


@pytest.fixture
def held(browser: Chromium, running: Product) -> Iterator[Phone]:
    """The energy manager's phone."""
    with phone(browser, running, "manager", bypass_csp=True, reduced_motion="reduce") as opened:
        yield opened


@pytest.fixture
def things(running: Product) -> dict[str, str]:
    """Identities by short name."""
    found = running.graphql(THINGS)["project"]
    return {one["slug"]: one["id"] for one in (*found["meters"], *found["centres"])}


def press(held: Phone, name: str) -> None:
    """Press a button of the page or, when one is open, of the sheet."""
    sheet = held.page.locator("dialog[open]")
    where = sheet if sheet.count() else held.page
    where.get_by_role("button", name=name, exact=True).first.click()


def test_a_cost_centre_counts_a_share_is_renamed_and_moved(
    held: Phone, things: dict[str, str]
) -> None:
    held.open(f"/trees/{things['cc-coating']}")
    press(held, "Add")
    assert axe(held) == []
    held.page.get_by_label("Meter").select_option(things["offices"])
    held.page.get_by_label("Share or sign").fill("0.25")
    press(held, "Save")
    expect(held.page.get_by_text("× 0.25")).to_be_visible()
    press(held, "Change")
    held.page.get_by_label("Name in English").fill("Coating and packing")
    press(held, "Save")
    expect(held.page.get_by_role("heading", name="Coating and packing")).to_be_visible()
    press(held, "Move")
    held.page.get_by_label("Below").select_option(things["cc-overheads"])
    press(held, "Move")
    expect(held.page.locator("dialog")).to_have_count(0)
    held.open(f"/trees/{things['cc-overheads']}")
    press(held, "Move")
    held.page.get_by_label("Below").select_option(things["cc-coating"])
    press(held, "Move")
    failure = held.page.get_by_test_id("failure")
    expect(failure).to_have_attribute("data-code", "node_circle")
    expect(failure).to_contain_text("cc-overheads → cc-coating")
    assert held.broken == []


def test_a_factor_is_set_and_confirmed(held: Phone) -> None:
    held.open("/factors")
    water = held.page.locator("section", has=held.page.get_by_role("heading", name="Water"))
    expect(water.get_by_text("unconfirmed")).to_have_count(1)
    water.get_by_role("button", name="New version").click()
    held.page.get_by_label("Value per m³").fill("0.2600")
    held.page.get_by_label("Source").fill("Waterworks 2026")
    press(held, "Save")
    expect(water.get_by_test_id("factor")).to_have_count(2)
    water.get_by_role("button", name="Confirm").click()
    press(held, "Confirm")
    expect(water.get_by_text("confirmed by")).to_be_visible()
    expect(water.get_by_text("0.2600")).to_be_visible()
    assert held.broken == []
