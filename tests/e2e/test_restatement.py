"""A past that was wrong is put right on the phone, and every figure leads to its reading sheet."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from backend.core.ids import encode_id
from tests.e2e.browser import Phone, phone
from tests.e2e.plant import ZONE, Plant
from tests.product import Product

METER = "paint"
DAY = timedelta(days=1)
APPLIED_MS = 120_000
"""Live values go first, and the machine may be busy."""
NUMBER = re.compile(r"[-+]?[\d,]+(?:\.\d+)?")
PROPOSE = """mutation($params: JSON!) { proposeRestatement(input: {project: "demo",
  kind: "revoke", reason: "end of the test", params: $params}) { id } }"""
ONE = """query($id: ID!) { project(id: "demo") {
  restatement(id: $id) { state version mayApprove } } }"""
DAYS = """query($scope: ID!, $start: DateTime!, $end: DateTime!, $asOf: BigInt) {
  project(id: "demo") { series(scope: $scope, energy: "electricity", period: DAY, start: $start,
    end: $end, asOf: $asOf) { values } } }"""
AUDIT = '{ project(id: "demo") { audit { action ref } } }'
MIDNIGHT = re.compile(r"^\d{4}-\d\d-\d\dT00:00$")
APPROVE = 'mutation($id: ID!) { approveRestatement(project: "demo", id: $id) { state } }'
EVENT = "SELECT uid FROM register_event WHERE restatement_id IS NOT NULL AND revoked_at IS NULL"


def meter_of(running: Product) -> str:
    """The paint shop's meter, whose ratio is wrong."""
    meters = running.graphql('{ project(id: "demo") { meters { id slug } } }')["project"]["meters"]
    return str(next(one["id"] for one in meters if one["slug"] == METER))


def state_of(running: Product, id: str, wanted: str) -> bool:
    """Whether a restatement is in a state; a failed one is an error."""
    found = running.graphql(ONE, id=id)["project"]["restatement"]
    assert found["state"] != "FAILED"
    return bool(found["state"] == wanted and (wanted != "PROPOSED" or found["mayApprove"]))


def as_of_before(running: Product, id: str, days: dict[str, str], shown: list[float]) -> None:
    """What was shown is there as of the version before; two days are four thirds of it, audited."""
    version = int(running.graphql(ONE, id=id)["project"]["restatement"]["version"])
    before = running.graphql(DAYS, **days, asOf=str(version - 1))["project"]["series"]["values"]
    assert before[:-1] == shown
    now = running.graphql(DAYS, **days)["project"]["series"]["values"][:-1]
    wrong = [value * 4 / 3 for value in shown[2:]]
    assert now == [*shown[:2], *(pytest.approx(value, abs=1e-4) for value in wrong)]
    told = running.graphql(AUDIT)["project"]["audit"]
    assert {"action": "restatement.apply", "ref": id} in told


@pytest.fixture
def put_back(running: Product, plant: Plant) -> Iterator[None]:
    """Afterwards the ratio is what it was, by another restatement."""
    yield
    for row in plant.rows(EVENT):
        answer = running.graphql(PROPOSE, params={"event": encode_id("rev", row["uid"])})
        id = answer["proposeRestatement"]["id"]
        plant.until(partial(state_of, running, id, "PROPOSED"), "no difference was found")
        running.graphql(APPROVE, id=id)
        plant.until(partial(state_of, running, id, "APPLIED"), "it was not applied")


def number(text: str) -> Decimal:
    """The number that a text shows in English."""
    found = NUMBER.search(text)
    assert found, text
    return Decimal(found[0].replace(",", ""))


def add_up(held: Phone) -> None:
    """What a register's sheet shows adds up to its account."""
    page = held.page
    raw = number(page.get_by_test_id("sheet-raw").inner_text())
    parts = page.get_by_test_id("adjustment").locator("td").all_inner_texts()
    total = number(page.get_by_test_id("sheet-total").inner_text())
    assert raw + sum(map(number, parts), Decimal(0)) == total


@pytest.mark.usefixtures("put_back")
def test_the_wrong_ratio_that_the_balance_finds_is_restated_and_explained(
    browser: Chromium, running: Product, tmp_path: Path
) -> None:
    meter = meter_of(running)
    now = datetime.fromisoformat(running.graphql("{ now }")["now"])
    since = now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0) - 2 * DAY
    days = {"scope": meter, "start": (since - 2 * DAY).isoformat(), "end": now.isoformat()}
    shown = running.graphql(DAYS, **days)["project"]["series"]["values"][:-1]
    with phone(browser, running) as held:
        page = held.page
        held.open("/balance")
        page.get_by_role("link", name="Correct its past").click()
        expect(page.get_by_label("CT ratio as entered")).to_have_value("150/5")
        expect(page.get_by_label("CT ratio as it is")).to_have_value("200/5")
        expect(page.get_by_label("From")).to_have_value(MIDNIGHT)
        # From the day it shows since on: five weeks here. Two days are as good, and quicker.
        page.get_by_label("From").fill(f"{since:%Y-%m-%dT%H:%M}")
        page.get_by_role("button", name="Compute the difference").click()
        approve = page.get_by_role("button", name="Approve and apply")
        expect(approve).to_be_enabled(timeout=APPLIED_MS)
        expect(page.get_by_test_id("difference").first).to_be_visible()
        assert held.overflow() == 0
        approve.click()
        state = page.get_by_test_id("restatement-state")
        expect(state).to_have_attribute("data-state", "APPLIED", timeout=APPLIED_MS)
        as_of_before(running, page.url.rpartition("/")[2], days, shown)
        yesterday = (now - timedelta(days=1)).isoformat().replace("+00:00", "Z")
        held.open(f"/sheets/{meter}?period=DAY&at={yesterday}")
        expect(page.get_by_test_id("adjustment")).to_contain_text("Transformer ratio corrected")
        expect(page.get_by_test_id("adjustment")).to_contain_text("× 4/3")
        add_up(held)
        page.emulate_media(media="print")
        expect(page.locator("nav")).to_be_hidden()
        expect(page.get_by_role("button", name="Print")).to_be_hidden()
        printed = tmp_path / "sheet.pdf"
        page.pdf(path=printed, prefer_css_page_size=True)
        assert printed.read_bytes().count(b"/Type /Page\n") == 1
        assert held.broken == []


def test_every_figure_leads_to_its_sheet_in_three_taps(browser: Chromium, running: Product) -> None:
    """From the first screen, from the analysis of any place, and from any meter."""
    ways = {
        "/": ["nav >> text=Analyse", "text=How this figure came about"],
        "/analyse": ["text=How this figure came about", "[data-testid=term] a"],
        "/plant": ["a[href^='/plant/mtr_'] >> nth=0", "text=How this figure came about"],
    }
    with phone(browser, running) as held:
        for start, taps in ways.items():
            held.open(start)
            assert len(taps) <= 3
            for tap in taps:
                held.page.locator(tap).first.click()
                held.settle()
            held.page.wait_for_url("**/sheets/*")
            held.page.get_by_test_id("sheet-total").wait_for()
        add_up(held)
        assert held.broken == []
