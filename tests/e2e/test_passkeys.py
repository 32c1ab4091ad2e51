"""A passkey in a real browser, with an authenticator that the DevTools protocol simulates."""

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import Phone, phone, sign_in
from tests.e2e.test_every_route import axe
from tests.product import Product


def by_name(running: Product) -> str:
    """Where passkeys work on this machine itself: by its name."""
    return running.url.replace("127.0.0.1", "localhost")


def device(held: Phone) -> None:
    """Give the browser a device that verifies its holder and keeps passkeys."""
    session = held.cdp()
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def test_a_passkey_is_made_signs_in_and_is_removed(browser: Chromium, running: Product) -> None:
    url = by_name(running)
    with phone(browser, running, None, base_url=url, bypass_csp=True) as held:
        sign_in(held.context, url, "manager")
        device(held)
        held.open("/access")
        page = held.page
        page.get_by_label("Name of this device").fill("Works phone")
        page.get_by_role("button", name="Add a passkey").click()
        made = page.get_by_test_id("held").filter(has_text="Works phone")
        expect(made).to_contain_text("Works phone")
        expect(made).to_contain_text("never used")
        assert axe(held) == []
        assert held.overflow() == 0
        held.context.clear_cookies()
        held.open("/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.get_by_test_id("today").wait_for()
        held.open("/access")
        expect(made).to_contain_text("last used")
        made.get_by_role("button", name="Remove").click()
        asked = page.get_by_role("dialog", name="Remove Works phone?")
        asked.get_by_role("button", name="Remove").click()
        expect(made).to_have_count(0)
        assert held.broken == []
        held.context.clear_cookies()
        held.open("/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("This passkey is not known here.")
