"""The worked example of docs/integration.md, as it stands there, against the running product."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.npm import NODE, cached
from tests.product import ROOT, Product

PAGE = (ROOT / "docs" / "integration.md").read_text()
BLOCKS = re.findall(r"^```(sh|js)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
READING, COMMAND = (text for language, text in BLOCKS if language == "sh")
[SCRIPT] = (text for language, text in BLOCKS if language == "js")
MAKE = """mutation { makeMqttCredential(input: { project: "demo", name: "example",
  scopes: [READINGS, ALARMS, CONFIG, SPARKPLUG, COMMANDS] }) { secret credential { id } } }"""
REVOKE = """mutation ($id: ID!) { revokeMqttCredential(project: "demo", id: $id) { id } }"""
PATIENCE_S = 30


@pytest.fixture
def reader(running: Product) -> Iterator[Mapping[str, str]]:
    """Whoever tries the example: their environment."""
    made = running.graphql(MAKE, login="admin")["makeMqttCredential"]
    port = re.search(r"MQTT on port (\d+)", running.printed())
    assert port is not None
    yield {
        **os.environ,
        "KW_HOST": "127.0.0.1",
        "KW_PORT": port.group(1),
        "KW_USER": made["credential"]["id"],
        "KW_SECRET": made["secret"],
    }
    running.graphql(REVOKE, login="admin", id=made["credential"]["id"])


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
def test_the_example_works_as_it_is_written(reader: Mapping[str, str], tmp_path: Path) -> None:
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

    installed = cached(ROOT / "tests" / "graphql" / "integration")
    script = installed / f"example-{os.getpid()}.mjs"
    script.write_text(SCRIPT)
    code, printed = tried(reader, NODE, script, folder=installed)
    script.unlink()
    assert code == 0
    *_, last = printed.splitlines()
    assert last == "cutoff-2 verified Done."
