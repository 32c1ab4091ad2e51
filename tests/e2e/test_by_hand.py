"""By hand from the phone: a register is read and taken back, a paper recorded, a file applied."""

import re

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.product import Product

FILE = """meter;kind;time;quantity (kg);price;colour
forklift-diesel;delivery;{day} 07:00;100,5;7,70;red
forklift-diesel;delivery;1970-01-01 07:00;5;7,70;red
forklift-diesel;gift;{day} 07:10;5;7,70;red
"""


def test_a_register_is_read_on_the_round(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "shift") as held:
        held.open("/round")
        page = held.page
        expect(page.locator("main")).to_contain_text("48,479")
        page.get_by_role("button", name="Enter a reading").click()
        sheet = page.get_by_role("dialog", name="Canteen water")
        for key in "48400":
            sheet.get_by_role("button", name=key, exact=True).click()
        expect(sheet.get_by_test_id("asked")).to_contain_text("less than the last reading")
        expect(sheet.get_by_role("button", name="Keep")).to_be_disabled()
        sheet.get_by_test_id("reading").fill("48563.5")
        expect(sheet.get_by_test_id("difference")).to_have_text("That is 84.5 m³ since then")
        expect(sheet.get_by_test_id("asked")).to_have_count(0)
        sheet.get_by_role("button", name="Keep").click()
        expect(sheet).to_have_count(0)
        expect(page.locator("main strong").first).to_have_text("48,563.5 m³")
        page.get_by_text("Newest readings").click()
        page.get_by_role("button", name="Take back").first.click()
        asked = page.get_by_role("dialog", name="Take 48,563.5 m³ back?")
        asked.get_by_role("button", name="Take back").click()
        expect(page.locator("main strong").first).to_have_text("48,479 m³")
        expect(page.locator("li.gone")).to_contain_text("Zhou Jian")
        assert held.broken == []


def test_a_paper_is_recorded_and_taken_back(browser: Chromium, running: Product) -> None:
    with phone(browser, running) as held:
        held.open("/stock")
        page = held.page
        before = held.text("book")
        page.get_by_role("button", name="New paper").click()
        sheet = page.get_by_role("dialog", name="New paper")
        sheet.get_by_text("Sale", exact=True).click()
        sheet.get_by_test_id("quantity").fill("99999")
        sheet.get_by_role("button", name="Record").click()
        expect(sheet.get_by_test_id("failure")).to_have_attribute("data-code", "stock_oversold")
        sheet.get_by_test_id("quantity").fill("12")
        sheet.get_by_role("button", name="Record").click()
        expect(sheet).to_have_count(0)
        expect(page.get_by_test_id("book")).not_to_have_text(re.compile(re.escape(before)))
        paper = page.get_by_test_id("papers").locator("li").first
        expect(paper).to_contain_text("Sale")
        paper.get_by_role("button", name="Take back").click()
        asked = page.get_by_role("dialog", name="Take Sale 12 kg back?")
        asked.get_by_role("button", name="Take back").click()
        expect(page.get_by_test_id("papers").locator("li.gone")).to_have_count(2)
        assert held.text("book") == before
        assert held.broken == [
            one for one in held.broken if "the server responded with a status of" in one
        ]


def test_a_file_is_looked_at_and_its_good_rows_applied(browser: Chromium, running: Product) -> None:
    now = running.graphql("{ now }")["now"]
    with phone(browser, running, "admin") as held:
        held.open("/imports")
        page = held.page
        page.get_by_label("What its rows are").select_option("stock")
        content = FILE.format(day=now[:8] + "01" if now[8:10] != "01" else now[:10])
        page.locator("input[type=file]").set_input_files(
            {"name": "papers.csv", "mimeType": "text/csv", "buffer": content.encode()}
        )
        page.get_by_role("button", name="Look at it").click()
        counts = page.get_by_test_id("counts").first
        expect(counts).to_contain_text("1 row is good")
        expect(counts).to_contain_text("2 rows are faulty")
        faults = page.get_by_test_id("faults").first
        for said in ("Row 3", "1970-01-01 07:00", "Row 4", "Use one of delivery, count, sale."):
            expect(faults).to_contain_text(said)
        expect(page.locator("main")).to_contain_text("Unknown columns, not used: colour")
        page.get_by_role("button", name="Keep the 1 good row").click()
        expect(page.locator("main .ok").first).to_have_text("applied")
        assert held.broken == []
