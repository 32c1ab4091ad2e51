"""A project made on the phone from a template, in its own colour, beside the one of before."""

import re

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.e2e.test_every_route import axe
from tests.product import Product
from tests.unit.test_looks import SVG, png

ACCENT = "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
PURPLE = "#6b21a8"


def test_a_project_is_made_in_four_steps_and_worn(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "admin", bypass_csp=True) as boss:
        boss.open("/projects")
        page = boss.page
        page.get_by_role("link", name="New project").click()
        form = page.get_by_test_id("new-project")
        expect(form.get_by_role("radio")).to_have_count(4)
        assert axe(boss) == []
        form.get_by_text("Cement works").click()
        form.get_by_role("button", name="Next").click()
        expect(form.get_by_role("button", name="Next")).to_be_disabled()
        form.get_by_label("Name in English").fill("Stone Works")
        form.get_by_role("button", name="Next").click()
        form.get_by_label("Time zone of the plant").select_option("Asia/Shanghai")
        form.get_by_role("button", name="Next").click()
        form.get_by_label("Colour").fill("#ffe100")
        form.get_by_role("button", name="Make the project").click()
        refused = page.get_by_test_id("failure")
        expect(refused).to_have_attribute("data-code", "project_accent_pale")
        form.get_by_label("Colour").fill(PURPLE)
        assert boss.overflow() == 0
        form.get_by_role("button", name="Make the project").click()
        page.wait_for_url(re.compile(r"/$"))
        boss.open("/plant")
        expect(page.locator("main")).to_contain_text("Kiln line")
        assert PURPLE in page.evaluate(ACCENT)
        boss.open("/projects/about")
        assert axe(boss) == []
        picture = page.locator("input[type=file]")
        picture.set_input_files({"name": "a.svg", "mimeType": "image/png", "buffer": SVG})
        expect(refused).to_have_attribute("data-code", "project_logo_kind")
        picture.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": png(8)})
        expect(page.get_by_role("img", name="Picture")).to_be_visible()
        boss.open("/projects")
        other = page.get_by_test_id("project").filter(has_text="Qichuan")
        expect(page.get_by_test_id("project").filter(has_text="Stone Works")).to_have_count(1)
        other.get_by_role("button", name="Open").click()
        page.get_by_test_id("today").wait_for()
        assert PURPLE not in page.evaluate(ACCENT)
        assert boss.broken == []
