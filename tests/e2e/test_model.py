"""The model changed on a phone: a share counted, a place renamed and moved, a factor set."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import Phone, phone
from tests.e2e.test_every_route import axe
from tests.product import Product

THINGS = """{ project(id: "demo") { meters { id slug }
  centres: nodes(tree: "cost-centres") { id slug } } }"""

OFFICES = "Offices and lighting"


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


def test_a_virtual_meter_is_made_and_ended(held: Phone) -> None:
    held.open("/meters")
    press(held, "New meter")
    held.page.get_by_label("Name in English").fill("All but the offices")
    held.page.get_by_label("Source").select_option("virtual")
    held.page.get_by_label("Expression").fill("main-transformer - offices")
    assert axe(held) == []
    press(held, "Save")
    failure = held.page.get_by_test_id("failure")
    expect(failure).to_contain_text("main-transformer")
    held.page.get_by_label("Expression").fill("incomer-1 + incomer-2 - offices")
    press(held, "Save")
    expect(held.page.get_by_role("heading", name="All but the offices")).to_be_visible()
    expect(held.page.locator("code", has_text="incomer-2 - offices")).to_be_visible()
    press(held, "End")
    press(held, "End")
    expect(held.page.get_by_text("until ")).to_be_visible()
    assert held.broken == []


def test_a_register_of_a_device_becomes_a_meter(held: Phone) -> None:
    held.open("/meters")
    press(held, "New meter")
    held.page.get_by_label("Name in English").fill("Exported by the paint shop")
    device = held.page.get_by_label("Device")
    device.select_option(label="Paint shop feeder")
    held.page.get_by_label(re.compile("^Register")).select_option("ep_exp")
    press(held, "Save")
    expect(held.page.get_by_role("heading", name="Exported by the paint shop")).to_be_visible()
    expect(held.page.locator("code", has_text="ep_exp")).to_be_visible()
    press(held, "End")
    press(held, "End")
    expect(held.page.get_by_text("until ")).to_be_visible()
    assert held.broken == []


def test_a_place_converts_and_no_longer(held: Phone, things: dict[str, str]) -> None:
    held.open(f"/trees/{things['cc-coating']}")
    card = held.page.locator("section", has=held.page.get_by_role("heading", name="What it conv"))
    card.get_by_role("button", name="Add").click()
    held.page.get_by_label("Kind").select_option("transformer")
    for name, value in (
        ("loss P₀", "2"),
        ("loss Pₖ", "12"),
        ("Rated", "1600"),
        ("Power factor", "2"),
    ):
        held.page.get_by_label(name).fill(value)
    assert axe(held) == []
    press(held, "Save")
    expect(held.page.get_by_test_id("failure")).to_contain_text("cos_phi")
    held.page.get_by_label("Power factor").fill("0.92")
    press(held, "Save")
    conversion = held.page.get_by_test_id("conversion")
    expect(conversion).to_contain_text("1,600")
    conversion.get_by_role("button", name="End").click()
    press(held, "End")
    expect(held.page.locator("dialog")).to_have_count(0)
    assert held.broken == []


def test_equipment_is_defined_changed_and_removed(held: Phone) -> None:
    held.open("/equipment")
    press(held, "Define equipment")
    for label, option in (("Place", OFFICES), ("Meter", OFFICES)):
        held.page.get_by_label(label).select_option(label=option)
    held.page.get_by_label("Off below").fill("20")
    held.page.get_by_label("Under load from").fill("5")
    press(held, "Save")
    expect(held.page.get_by_test_id("failure")).to_be_visible()
    held.page.get_by_label("Under load from").fill("60")
    assert axe(held) == []
    press(held, "Save")
    card = held.page.locator("section", has=held.page.get_by_role("heading", name=OFFICES))
    expect(card).to_contain_text("Machine")
    card.get_by_role("button", name="Change").click()
    held.page.get_by_label("Kind").select_option("other")
    press(held, "Save")
    expect(card).to_contain_text("Other equipment")
    card.get_by_role("button", name="Remove").click()
    press(held, "Remove")
    expect(card).to_have_count(0)
    assert held.broken == []
