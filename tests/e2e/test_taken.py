"""Files that the app writes by itself stand in the audit: who wrote them, and what they hold."""

import csv
import json
from pathlib import Path

from playwright.sync_api import Browser as Chromium

from tests.e2e.browser import phone
from tests.product import Product

AUDIT = """{ project(id: "demo") {
  audit(first: 1, filter: {action: "export.analyse"}) { ref new person { login } } } }"""


def test_a_chart_taken_as_a_file_stands_in_the_audit(
    browser: Chromium, running: Product, tmp_path: Path
) -> None:
    with phone(browser, running) as held:
        held.open("/analyse")
        button = held.page.get_by_role("button", name="CSV")
        with held.page.expect_download() as taken:
            button.click()
        taken.value.save_as(tmp_path / "taken.csv")
        written = (tmp_path / "taken.csv").read_text(encoding="utf-8-sig")
        rows = list(csv.reader(written.splitlines()))[1:]
        [entry] = running.graphql(AUDIT)["project"]["audit"]
        about = json.loads(entry["new"])
        assert (about["rows"], about["format"]) == (len(rows), "csv")
        assert about["start"] == rows[0][0].replace(".000Z", "+00:00")
        assert entry["ref"].startswith("node_")
        # Without a network it says so, and writes nothing.
        held.page.context.set_offline(True)
        refused: list[object] = []
        held.page.on("download", lambda download: refused.append(download))
        button.click()
        held.page.locator("[data-testid=failure][data-code=export_offline]").wait_for()
        assert refused == []
        held.page.context.set_offline(False)
