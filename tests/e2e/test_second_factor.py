"""A second factor in the browser: set up with an app's code, then asked for after the password."""

import base64

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from backend.core.clock import SystemClock
from backend.service.identity.totp import code_of, step_of
from tests.e2e.browser import phone
from tests.e2e.test_every_route import axe
from tests.product import Product


def test_a_code_is_asked_for_after_the_password(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "admin", bypass_csp=True) as held:
        held.open("/access")
        page = held.page
        page.get_by_role("button", name="Set up").click()
        secret = base64.b32decode(page.get_by_test_id("totp-secret").inner_text())
        expect(page.get_by_role("img", name="QR code for the authenticator app")).to_be_visible()
        assert axe(held) == []
        assert held.overflow() == 0
        page.get_by_role("textbox", name="Code", exact=True).fill("000000")
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_test_id("failure")).to_have_attribute("data-code", "wrong_code")
        page.get_by_role("textbox", name="Code", exact=True).fill(
            code_of(secret, step_of(SystemClock().now()))
        )
        page.get_by_role("button", name="Confirm").click()
        codes = page.get_by_test_id("recovery-codes").inner_text().split()
        page.get_by_role("button", name="I keep them").click()
        expect(page.locator("main")).to_contain_text("Recovery codes left: 10.")
        held.context.clear_cookies()
        held.open("/")
        page.get_by_label("Employee number").fill("admin")
        page.get_by_label("Password", exact=True).fill("kilowise-demo")
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_label("Code of your authenticator app").fill(codes[0])
        assert axe(held) == []
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_test_id("today").wait_for()
        held.open("/access")
        expect(page.locator("main")).to_contain_text("Recovery codes left: 9.")
        page.get_by_role("button", name="Remove").click()
        asked = page.get_by_role("dialog", name="Remove the second factor")
        asked.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("button", name="Set up")).to_be_visible()
        assert held.broken == []
