"""The calendar on a phone: a state by two taps, a file that is looked at first, a pattern."""

from datetime import date

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Locator, expect

from tests.e2e.browser import Phone, phone
from tests.product import Product

FAULTY = "node,state,first day,last day\npaint,stop,2026-03-20,2026-03-21\nmars,stop,2026-03-20,\n"


def day(held: Phone, place: int) -> Locator:
    """The n-th day that the month shows."""
    return held.page.locator("[data-day]").nth(place)


def spoken(held: Phone, place: int) -> str:
    """What a screen reader says of that day."""
    return day(held, place).locator(".hidden").text_content() or ""


def test_a_state_is_entered_by_two_taps_and_taken_back(browser: Chromium, running: Product) -> None:
    with phone(browser, running) as held:
        held.open("/more")
        held.page.get_by_role("link", name="Calendar").click()
        held.settle()
        held.page.get_by_label("Place").select_option(label="Paint shop")
        held.page.get_by_role("button", name="Later").click()
        before = spoken(held, 8)
        day(held, 8).click()
        expect(day(held, 8)).to_have_attribute("aria-pressed", "true")
        day(held, 10).click()
        sheet = held.page.get_by_role("dialog")
        sheet.get_by_label("Without power").check()
        sheet.get_by_label("Note").fill("Line rebuilt")
        sheet.get_by_role("button", name="Stop", exact=True).click()
        for place in (8, 9, 10):
            expect(day(held, place)).to_contain_text("stop")
            expect(day(held, place)).to_contain_text("0 kW")
            assert spoken(held, place).endswith("Stop, without power, Line rebuilt")
        assert "Stop" not in spoken(held, 11)
        held.page.reload()
        held.settle()
        held.page.get_by_label("Place").select_option(label="Spray booths")
        held.page.get_by_role("button", name="Later").click()
        expect(day(held, 9)).to_contain_text("stop")
        held.page.get_by_label("Place").select_option(label="Paint shop")
        day(held, 9).click()
        day(held, 9).click()
        sheet = held.page.get_by_role("dialog")
        expect(sheet).to_contain_text("Line rebuilt")
        sheet.get_by_role("button", name="Take back").click()
        expect(day(held, 8).locator(".hidden")).to_have_text(before)
        assert held.broken == []


def test_a_file_is_looked_at_before_it_is_kept(browser: Chromium, running: Product) -> None:
    with phone(browser, running) as held:
        held.open("/calendar")
        held.page.locator("input[type=file]").set_input_files(
            {"name": "stops.csv", "mimeType": "text/csv", "buffer": FAULTY.encode()}
        )
        faults = held.page.get_by_test_id("faults")
        expect(faults).to_contain_text("Row 3, node: There is no place mars.")
        held.page.get_by_role("button", name="Keep these, leave out the faulty ones").click()
        expect(held.page.get_by_test_id("kept")).to_have_text("1 entry was kept.")
        assert held.broken == []
    answer = running.graphql(
        """{ project(id: "demo") { nodes { id slug } } }""",
    )
    paint = next(one["id"] for one in answer["project"]["nodes"] if one["slug"] == "paint")
    kept = running.graphql(
        """query($node: ID!) { project(id: "demo") { calendar { states(scope: $node,
        start: "2026-03-20T00:00:00Z", end: "2026-03-21T00:00:00Z") { id source firstDay } } } }""",
        node=paint,
    )["project"]["calendar"]["states"]
    assert [(one["source"], one["firstDay"]) for one in kept] == [("sheet", "2026-03-20")]
    running.graphql(
        'mutation($id: ID!) { removeState(project: "demo", id: $id) }', id=kept[0]["id"]
    )


def test_shifts_of_the_day_and_a_place_without_its_own(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "shift") as held:
        held.open("/calendar")
        # The plant works by four teams: on a working day three shifts and nobody off.
        working = held.page.locator("[data-day].WORK").first
        chosen = working.get_attribute("data-day") or ""
        working.click()
        card = held.page.locator("section", has_text="Shifts").last
        assert date.fromisoformat(chosen).isoweekday() != 7
        for said in ("Night", "Day", "Evening", "Four teams on three shifts"):
            expect(card).to_contain_text(said)
        expect(card.get_by_role("button")).to_have_count(0)
        held.page.get_by_label("Place").select_option(label="Foundry")
        expect(card).to_contain_text("No pattern of its own")
        assert held.broken == []
