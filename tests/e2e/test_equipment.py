"""Gateways and devices from the phone: a point is set, a gateway let in, a profile brought."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.e2e.plant import Plant
from tests.product import ROOT, Product

PROFILE = ROOT / "gateway" / "profiles" / "generic" / "air-flow.yaml"
CUTOFF = """SELECT c.value, c.state, c.read_value, p.login FROM command c
JOIN person p ON p.id = c.person_id ORDER BY c.id DESC LIMIT 1"""


BACK = """mutation($device: ID!, $key: ID!) { writePoint(input: {project: "demo", device: $device,
  point: "cutoff", value: 4, key: $key}) { id } }"""


@pytest.fixture
def air(running: Product) -> Iterator[str]:
    """The page of the compressed-air meter; its low-flow cut-off may be set from 0 to 50 m3/h."""
    project = running.graphql('{ project(id: "demo") { devices { id slug } } }')["project"]
    device = next(one["id"] for one in project["devices"] if one["slug"] == "air-main")
    yield f"/devices/{device}"
    running.graphql(BACK, device=device, key=str(uuid.uuid4()))


def test_a_point_is_set_and_verified_with_the_persons_name(
    browser: Chromium, running: Product, plant: Plant, air: str
) -> None:
    with phone(browser, running) as held:
        held.open(air)
        held.page.get_by_role("button", name="Set Low-flow cut-off").click()
        sheet = held.page.get_by_role("dialog", name="Set: Low-flow cut-off")
        sheet.get_by_label("New value").fill("60")
        expect(sheet).to_contain_text("Enter a value from 0.0 m³/h to 50.0 m³/h.")
        expect(sheet.get_by_role("button", name="Next")).to_be_disabled()
        sheet.get_by_label("New value").fill("12.5")
        sheet.get_by_role("button", name="Next").click()
        expect(sheet).to_contain_text("Change from 4.0 m³/h to 12.5 m³/h?")
        sheet.get_by_role("button", name="Set 12.5 m³/h now").click()
        outcome = held.page.get_by_test_id("outcome")
        expect(outcome.get_by_test_id("command")).to_have_attribute("data-state", "VERIFIED")
        sheet.get_by_role("button", name="Close").click()
        known = held.page.get_by_test_id("command").first
        for said in ("Low-flow cut-off: 12.50 m³/h", "Verified", "Lin Yue", "was 4.00 m³/h"):
            expect(known).to_contain_text(said)
        expect(held.page.get_by_test_id("point").first).to_contain_text("12.50")
        assert held.broken == []
    [row] = plant.rows(CUTOFF)
    assert row == {"value": 12.5, "state": "verified", "read_value": 12.5, "login": "manager"}


def test_who_may_not_write_sees_the_history_and_no_way_to(
    browser: Chromium, running: Product, air: str
) -> None:
    with phone(browser, running, "shift") as held:
        held.open(air)
        expect(held.page.get_by_test_id("point").first).to_contain_text("Low-flow cut-off")
        expect(held.page.get_by_role("button", name="Set")).to_have_count(0)
        held.open("/gateways")
        expect(held.page.get_by_test_id("gateway")).to_have_count(1)
        expect(held.page.get_by_role("button", name="Create a code")).to_have_count(0)
        held.open("/profiles")
        expect(held.page.get_by_role("button", name="Check and store")).to_have_count(0)
        assert held.broken == []


@pytest.fixture
def no_new_gateway(plant: Plant) -> Iterator[None]:
    """Afterwards the plant has its one gateway again."""
    yield
    others = "(SELECT id FROM gateway WHERE slug <> 'gateway-1')"
    for table in ("enrolment_code", "enrolment_event"):
        plant.rows(f"DELETE FROM {table} WHERE gateway_id IN {others} RETURNING id")
    plant.rows(f"DELETE FROM gateway WHERE id IN {others} RETURNING id")


@pytest.mark.usefixtures("no_new_gateway")
def test_an_administrator_lets_a_gateway_in_and_out(browser: Chromium, running: Product) -> None:
    with phone(browser, running, "admin") as held:
        held.open("/gateways")
        held.page.get_by_label("Short name").fill("paint-shop")
        held.page.get_by_label("Name", exact=True).fill("Paint shop")
        held.page.get_by_role("button", name="Create a code").click()
        shown = held.page.get_by_test_id("enrolment-code")
        expect(shown.locator("code")).to_contain_text(f"kilowise-gateway enrol {running.url} ")
        code = shown.locator("b").inner_text()
        assert code in shown.locator("code").inner_text()
        held.open("/gateways")
        new = held.page.get_by_test_id("gateway").first
        expect(new).to_contain_text("Paint shop")
        expect(new.get_by_test_id("troubles")).to_contain_text("It was never let in")
        new.click()
        expect(held.page.get_by_text("Code created")).to_be_visible()
        held.page.get_by_role("button", name="Revoke its access").click()
        held.page.get_by_role("dialog").get_by_role("button", name="Revoke its access").click()
        expect(held.page.get_by_text("Access revoked")).to_be_visible()
        assert held.broken == []


def test_a_profile_is_told_what_is_wrong_by_line_and_then_stored(
    browser: Chromium, running: Product
) -> None:
    text = PROFILE.read_text(encoding="utf-8")
    with phone(browser, running, "admin") as held:
        held.open("/profiles")
        wrong = text.replace("datatype: float32", "datatype: float31")
        held.page.get_by_label("Text (YAML)").fill(wrong)
        held.page.get_by_label("Name (vendor/model)").fill("ours/air")
        held.page.get_by_role("button", name="Check and store").click()
        failure = held.page.get_by_test_id("failure")
        line = 1 + wrong.splitlines().index("defaults: {fc: 3, datatype: float31}")
        expect(failure).to_contain_text(f"ours/air.yaml:{line} at defaults.datatype: 'float31'")
        held.page.locator("input[type=file]").set_input_files(PROFILE)
        expect(held.page.get_by_label("Name (vendor/model)")).to_have_value("generic/air-flow")
        held.page.get_by_label("Name (vendor/model)").fill("ours/air")
        held.page.get_by_role("button", name="Check and store").click()
        expect(held.page.get_by_test_id("uploaded")).to_have_text("Stored.")
        stored = held.page.get_by_test_id("profile")
        expect(stored).to_contain_text("ours/air")
        expect(stored).to_contain_text("No device uses it yet.")
        stored.get_by_role("button", name="Remove").click()
        held.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(stored).to_have_count(0)
        assert held.broken == []
