"""From an invitation to a person who is signed in, limited, and signed out again."""

import re

import httpx
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.e2e.joining import invited, join
from tests.e2e.test_every_route import axe
from tests.product import Product

LINK = re.compile(r"/join#[\w-]{43}$")


def test_an_invitation_makes_a_limited_member(browser: Chromium, running: Product) -> None:
    path = invited(browser, running, "Wang Li")
    assert LINK.match(path)
    with phone(browser, running, None, bypass_csp=True) as held:
        held.open(path)
        page = held.page
        expect(page.locator("main")).to_contain_text("invites you as Shift staff")
        assert axe(held) == []
        assert held.overflow() == 0
        join(page, "Wang Li", "20260417", "123qweasdzxc")
        expect(page.get_by_test_id("failure")).to_have_attribute("data-code", "password_frequent")
        page.get_by_label("Password", exact=True).fill("four words apart here")
        page.get_by_role("button", name="Join").click()
        held.page.get_by_test_id("today").wait_for()
        held.open("/more")
        expect(page.locator(".who")).to_contain_text("20260417 · Shift staff")
        expect(page.get_by_role("link", name="People and roles")).to_have_count(0)
        held.open("/plant")
        expect(page.locator("main")).to_contain_text("Foundry")
        expect(page.locator("main")).not_to_contain_text("Heat treatment")
        with phone(browser, running, "admin") as boss:
            boss.open("/people")
            member = boss.page.get_by_test_id("member").filter(has_text="20260417")
            expect(member).to_contain_text("Shift staff · Foundry")
            member.get_by_role("button", name="Sign out").click()
            asked = boss.page.get_by_role("dialog", name="Sign Wang Li out everywhere?")
            asked.get_by_role("button", name="Sign out").click()
            expect(asked).to_have_count(0)
        # The socket closes and the app shows where to sign in again.
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_a_key_is_made_used_and_revoked(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "admin") as boss:
        boss.open("/access")
        page = boss.page
        expect(page.get_by_test_id("session").first).to_contain_text("This device")
        page.get_by_label("For which program").fill("SCADA")
        page.get_by_role("button", name="Make a key").click()
        secret = page.get_by_test_id("secret").inner_text()
        headers = {"Authorization": f"Bearer {secret}"}

        def status() -> int:
            profiles = f"{running.url}/api/v1/profiles?project=demo"
            return httpx.get(profiles, headers=headers, trust_env=False).status_code

        assert status() == 200
        key = page.get_by_test_id("held").filter(has_text="SCADA")
        key.get_by_role("button", name="Revoke").click()
        asked = page.get_by_role("dialog", name="Revoke SCADA?")
        asked.get_by_role("button", name="Revoke").click()
        expect(key).to_have_count(0)
        assert status() == 401
        assert boss.broken == []
