"""A webhook is made on the phone, told an event, told it again and ended."""

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.e2e.browser import phone
from tests.e2e.plant import Plant
from tests.e2e.test_every_route import axe
from tests.graphql.receivers import Receiver
from tests.product import Product

WAITING = "SELECT 1 FROM webhook_delivery WHERE state = 'pending'"


def made(page: Page, url: str) -> str:
    """Have imports told to an address: the key that signs."""
    page.get_by_label("Address").fill(url)
    told = page.get_by_role("group", name="What is told")
    told.get_by_role("checkbox", name="Alarms").uncheck()
    told.get_by_role("checkbox", name="Imports").check()
    page.get_by_role("button", name="Make a webhook").click()
    return page.get_by_test_id("secret").inner_text()


def test_a_webhook_is_told_and_told_again(
    browser: Chromium, running: Product, hooked: Receiver
) -> None:
    plant = Plant(running)
    with phone(browser, running, "admin", bypass_csp=True) as boss:
        boss.open("/access")
        page = boss.page
        secret = made(page, f"http://{hooked.host}/events")
        hook = page.get_by_test_id("webhook")
        expect(hook).to_contain_text("In order")
        assert axe(boss) == []
        assert boss.overflow() == 0
        page.request.post(
            "/api/v1/import?project=demo",
            data="point,time,value\n",
            headers={"origin": running.url},
        )
        plant.until(lambda: hooked.requests, "nothing was told")
        plant.until(lambda: not plant.rows(WAITING), "it stays untold")
        assert hooked.signed_with(secret, 0)
        assert hooked.bodies[0]["type"] == "import"

        hook.get_by_role("button", name="What was told").click()
        asked = page.get_by_role("dialog", name="What was told")
        first = asked.get_by_test_id("delivery").last
        expect(first).to_contain_text("taken")
        assert boss.overflow() == 0
        before = len(hooked.requests)
        first.get_by_role("button", name="Send again").click()
        plant.until(lambda: len(hooked.requests) > before, "it was not sent again")
        assert hooked.ids[-1] == hooked.ids[0]
        asked.get_by_role("button", name="Close").click()

        hook.get_by_role("button", name="End").click()
        asked = page.get_by_role("dialog", name=f"End the webhook to {hooked.host}?")
        asked.get_by_role("button", name="End").click()
        expect(hook).to_have_count(0)
        assert boss.broken == []
