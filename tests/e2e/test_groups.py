"""A group is made on the phone, a project lets it see totals, and takes that back."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.e2e.test_every_route import axe
from tests.product import Product

MAKE = 'mutation { makeGroup(name: "The Board") { id } }'
TO_GROUP = """mutation ($group: ID!) {
  inviteToGroup(group: $group, kind: READER, days: 1, note: "Lea") { link } }"""
JOIN_GROUP = "mutation ($token: String!) { acceptGroupInvitation(token: $token) { id } }"
INVITE = """mutation { invite(input: { project: "demo", role: "shift_staff", days: 1 }) {
  link } }"""
ACCEPT = """mutation ($token: String!) { acceptInvitation(input: { token: $token, name: "Lea",
  login: "lea-70", password: "kilowise-demo" }) { viewer { person { id } } } }"""
END_MEMBER = 'mutation ($person: ID!) { endMember(project: "demo", person: $person) }'


def test_a_project_consents_is_ranked_and_withdraws(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "admin", bypass_csp=True) as boss:
        boss.open("/groups")
        page = boss.page
        page.get_by_label("Name of the group").fill("The Holding")
        page.get_by_role("button", name="Make the group").click()
        expect(page.locator("main")).to_contain_text("No project lets the group see anything yet")
        page.get_by_role("button", name="Make the link").click()
        link = urlsplit(page.get_by_test_id("made-once").locator("code").inner_text())
        boss.open(f"{link.path}#{link.fragment}")
        expect(page.locator("main")).to_contain_text("would like to see totals")
        page.get_by_label("By day, up to now").check()
        page.get_by_label("From this day").fill("2020-01-01")
        assert (axe(boss), boss.overflow()) == ([], 0)
        page.get_by_role("button", name="Let the group see this").click()
        page.get_by_test_id("consent").wait_for()
        boss.open("/groups")
        page.get_by_test_id("group").click()
        member = page.get_by_test_id("group-member")
        expect(member).to_contain_text("tce")
        expect(page.get_by_test_id("group-totals")).to_contain_text("1 project")
        expect(page.get_by_test_id("group-curve").get_by_role("img")).to_have_accessible_name(
            re.compile("Coal equivalent by project, 20")
        )
        page.get_by_label("Ranked by").select_option("QUANTITY")
        expect(member).to_contain_text("kWh")
        page.get_by_role("button", name="Table").click()
        rows = page.get_by_test_id("group-curve-table").locator("tbody tr")
        expect(rows).to_have_count(13)
        expect(rows.last).to_contain_text("kWh")
        assert (axe(boss), boss.overflow()) == ([], 0)
        boss.open("/groups/consents")
        expect(page.locator("main")).to_contain_text("looked on 1 day")
        assert (axe(boss), boss.overflow()) == ([], 0)
        page.get_by_role("button", name="Withdraw").click()
        page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
        expect(page.locator("main")).to_contain_text("withdrawn")
        boss.open("/groups")
        page.get_by_test_id("group").click()
        page.get_by_role("button", name="End the group").click()
        page.get_by_role("dialog").get_by_role("button", name="End the group").click()
        expect(page.locator("main")).to_contain_text("You are in no group")
        assert boss.broken == []


@pytest.fixture
def lea(running: Product) -> None:
    """Somebody of a group who was in a project for a moment."""
    group = running.graphql(MAKE, login="admin")["makeGroup"]["id"]
    to_group = running.graphql(TO_GROUP, login="admin", group=group)["inviteToGroup"]["link"]
    link = running.graphql(INVITE, login="admin")["invite"]["link"]
    joined = running.graphql(ACCEPT, login=None, token=urlsplit(link).fragment)
    running.graphql(JOIN_GROUP, login="lea-70", token=urlsplit(to_group).fragment)
    person = joined["acceptInvitation"]["viewer"]["person"]["id"]
    running.graphql(END_MEMBER, login="admin", person=person)


@pytest.mark.usefixtures("lea")
def test_who_is_in_no_project_finds_the_way_to_their_groups(
    browser: Chromium, running: Product
) -> None:
    with phone(browser, running, "lea-70", bypass_csp=True) as lea:
        lea.open("/")
        page = lea.page
        expect(page.locator("h1")).to_have_text("You belong to no project yet.")
        page.get_by_role("link", name="My groups").wait_for()
        assert (axe(lea), lea.overflow()) == ([], 0)
        page.get_by_role("link", name="My groups").click()
        expect(page.get_by_test_id("group")).to_contain_text("The Board")
        assert lea.broken == []
