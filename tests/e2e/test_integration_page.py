"""The worked example of docs/integration.md, as it stands there, against the running product."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.e2e.browser import phone
from tests.e2e.test_every_route import axe
from tests.npm import NODE, cached
from tests.product import ROOT, Product

PAGE = (ROOT / "docs" / "integration.md").read_text()
BLOCKS = re.findall(r"^```(sh|js)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
READING, COMMAND = (text for language, text in BLOCKS if language == "sh")
[SCRIPT] = (text for language, text in BLOCKS if language == "js")
SCOPES = ("Alarms", "Gateways' configurations", "Set points")
PATIENCE_S = 120


@contextmanager
def reader(browser: Chromium, running: Product) -> Iterator[Mapping[str, str]]:
    """Whoever tries the example, with a credential made in the app: their environment.

    Afterwards it is revoked there.
    """
    port = re.search(r"MQTT on port (\d+)", running.printed())
    assert port is not None
    with phone(browser, running, "admin") as boss:
        boss.open("/access")
        page = boss.page
        page.get_by_label("What the system is called").fill("Example")
        uses = page.get_by_role("group", name="What it is for")
        for scope in SCOPES:
            uses.get_by_role("checkbox", name=scope).check()
        page.get_by_role("button", name="Make a credential").click()
        user = page.get_by_test_id("user").inner_text()
        assert axe(boss) == []
        assert boss.overflow() == 0
        yield {
            **os.environ,
            "KW_HOST": "127.0.0.1",
            "KW_PORT": port.group(1),
            "KW_USER": user,
            "KW_SECRET": page.get_by_test_id("secret").inner_text(),
        }
        held = page.get_by_test_id("held").filter(has_text=user)
        held.get_by_role("button", name="Revoke").click()
        asked = page.get_by_role("dialog", name="Revoke Example?")
        asked.get_by_role("button", name="Revoke").click()
        expect(held).to_have_count(0)
        assert boss.broken == []


def tried(
    environment: Mapping[str, str], *command: str | Path, folder: Path = ROOT
) -> tuple[int, str]:
    """Run a command as the reader would: its exit code and what it printed."""
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.needs("mosquitto-clients")
def test_the_example_works_as_it_is_written(browser: Chromium, running: Product) -> None:
    with reader(browser, running) as environment:
        shell_examples(environment)
        node_example(environment)
    # Within seconds of the revocation the broker refuses it.
    deadline = time.monotonic() + PATIENCE_S
    while tried(environment, "sh", "-e", "-c", READING)[0] == 0:
        assert time.monotonic() < deadline


def shell_examples(reader: Mapping[str, str]) -> None:
    """What mosquitto's clients print."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        # The broker lets a credential in within seconds.
        code, printed = tried(reader, "sh", "-e", "-c", READING)
        if code == 0 or time.monotonic() > deadline:
            break
    value, config = printed.splitlines()
    topic, _, body = value.partition(" ")
    assert topic == "kilowise/demo/readings/gateway-1/incomer-1/p"
    told = json.loads(body)
    assert (told["unit"], told["quality"]) == ("kW", "good")
    assert told["value"] > 100
    assert json.loads(config)["gateway"].startswith("gtw_")

    code, printed = tried(reader, "sh", "-e", "-c", COMMAND)
    assert code == 0
    answers = [json.loads(line) for line in printed.splitlines()]
    assert [one["id"] for one in answers] == ["cutoff-1", "cutoff-1"]
    assert answers[0]["state"] == "waiting"


def node_example(reader: Mapping[str, str]) -> None:
    """What npm's client prints."""
    installed = cached(ROOT / "tests" / "graphql" / "integration")
    script = installed / f"example-{os.getpid()}.mjs"
    script.write_text(SCRIPT)
    code, printed = tried(reader, NODE, script, folder=installed)
    script.unlink()
    assert code == 0
    *_, last = printed.splitlines()
    assert last == "cutoff-2 verified Done."
