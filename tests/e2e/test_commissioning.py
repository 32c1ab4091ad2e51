"""From an invitation to the first live value: a project, ten meters by workbook, a gateway."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.browser import phone
from tests.e2e.joining import invited, join
from tests.e2e.ten_meters import PROFILE, UNITS
from tests.graphql.workbooks import workbook
from tests.product import ROOT, Product

HEADERS = ("name", "energy", "gateway", "device", "profile", "host", "port", "unit id",
           "asset number", "place: organisation")  # fmt: skip
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NUMBER = re.compile(r"\d")
MOST_S = 300
"""Seconds from the invitation to the first value at most."""


@contextmanager
def program(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A Python program that ends with the block."""
    child = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, text=True, env=dict(os.environ),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.terminate()
        child.communicate(timeout=30)


def make_project(page: Page) -> None:
    """Make a project of the machinery template, in the four steps of the app."""
    page.get_by_role("link", name="New project").click()
    form = page.get_by_test_id("new-project")
    form.get_by_text("Machinery").click()
    form.get_by_role("button", name="Next").click()
    form.get_by_label("Name in English").fill("North Works")
    form.get_by_role("button", name="Next").click()
    form.get_by_role("button", name="Next").click()
    form.get_by_role("button", name="Make the project").click()
    page.wait_for_url(re.compile(r"/$"))


def bring_list(page: Page, port: int) -> None:
    """Bring ten meters of one gateway as a workbook, look at what it changes, and apply it."""
    rows = [
        (f"Press {unit}", "electricity", "gateway-1", f"press-{unit}", PROFILE, "127.0.0.1",
         port, unit, f"A-{unit:03}", "line-1")
        for unit in UNITS
    ]  # fmt: skip
    file = FilePayload(name="list.xlsx", mimeType=XLSX, buffer=workbook(HEADERS, *rows))
    page.get_by_label("Choose XLSX or CSV").set_input_files(file)
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_test_id("counts")).to_contain_text("10 meters change")
    expect(page.get_by_test_id("differences")).to_contain_text("10 devices are added")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_test_id("stand")).to_have_text("applied")


def enrol(page: Page, config: Path) -> None:
    """Make a code on the gateway's page, and type what it says at the gateway."""
    page.get_by_role("button", name="Create a code").click()
    command = page.get_by_test_id("enrolment-code").locator("code").inner_text()
    words = ["-m", "gateway", *command.split()[1:], "--config", str(config)]
    with program(*words) as typed:
        assert typed.wait(timeout=60) == 0


def test_from_an_invitation_to_the_first_live_value(
    browser: Chromium, running: Product, tmp_path: Path
) -> None:
    with (
        program("-m", "tests.e2e.ten_meters") as meters,
        phone(browser, running, None) as held,
    ):
        assert meters.stdout is not None
        port, page = int(meters.stdout.readline()), held.page
        began = time.monotonic()
        held.open(invited(browser, running, "陈洁"))
        join(page, "陈洁", "20261126", "four words apart here")
        page.get_by_test_id("today").wait_for()
        held.open("/projects")
        make_project(page)
        held.open("/meters/list")
        bring_list(page, port)
        page.get_by_role("main").get_by_role("link", name="Gateways").click()
        page.get_by_test_id("gateway").filter(has_text="gateway-1").click()
        config = tmp_path / "gateway.yaml"
        enrol(page, config)
        with program("-m", "gateway", "run", "--config", str(config)):
            held.open("/meters")
            page.get_by_role("link", name="Press 7").click()
            asked: list[str] = []
            page.on("request", lambda one: asked.append(one.post_data or ""))
            page.get_by_role("link", name="Points").click()
            power = page.locator("dl > div").filter(has_text="Active power").first
            expect(power.locator("b")).to_have_text(NUMBER, timeout=MOST_S * 1000)
            # It came by itself, and the page did not ask again and again for it.
            assert 2 <= sum("query Meter(" in one for one in asked) <= 5
            print(f"first live value after {time.monotonic() - began:.1f} s", file=sys.stderr)
        assert held.broken == []
