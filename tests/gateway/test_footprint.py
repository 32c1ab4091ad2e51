"""A gateway loads only what its configuration needs; docs/gateway-memory.md has the figures."""

import subprocess
import sys
from pathlib import Path

from gateway.installed import FROM_SOURCE, software_version

LOADED = """
import os, sys
from pathlib import Path
import gateway.__main__, gateway.run
from gateway.config import load_config
from gateway.drivers.registry import find_driver
config = load_config(Path(sys.argv[1]), os.environ)
assert not config.problems, config.problems
find_driver(config.devices[0].profile.protocol)
print(*sys.modules)
"""
NOT_NEEDED = {
    "gateway.simulator",
    "gateway.status_server",
    "gateway.drivers.dlt645.line",
    "gateway.drivers.iec104",
    "gateway.drivers.mqtt_in.line",
    "gateway.drivers.opcua",
    "asyncua",
    "cryptography",
    "email",
    "html",
    "importlib.metadata",
    "jsonschema",
    "shutil",
    "urllib.request",
}
CONFIGURATION = """
project: works
node: edge
mqtt: {url: "mqtt://127.0.0.1:1"}
devices: [{slug: m1, profile: eastron/sdm630, host: 127.0.0.1, unit: 1}]
"""


def test_a_gateway_of_modbus_meters_loads_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    words = [sys.executable, "-c", LOADED, str(file)]
    told = subprocess.run(words, check=True, capture_output=True, text=True)
    modules = set(told.stdout.split())
    assert {"gateway.drivers.modbus", "gateway.journal"} <= modules
    assert modules & NOT_NEEDED == set()


def test_the_version_is_that_of_the_first_installation_on_the_path(tmp_path: Path) -> None:
    for folder, version in (("release", "1.2.3"), ("base", "1.0.0")):
        (tmp_path / folder / f"kilowise-{version}.dist-info").mkdir(parents=True)
    (tmp_path / "empty" / "other-9.dist-info").mkdir(parents=True)
    folders = [str(tmp_path / name) for name in ("empty", "missing", "release", "base")]
    assert software_version(folders) == "1.2.3"
    assert software_version(folders[:2]) == FROM_SOURCE
