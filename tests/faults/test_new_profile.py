"""A new profile file alone, no code, makes a new simulated meter readable, shown and documented."""

import time
from pathlib import Path

from gateway.contract.profile_file import find_profile, profile_names
from scripts.device_pages import index, page
from tests.product import product

PROFILE = """
maker: acme
type: WM-7
version: "1.0"
title: {en: Acme WM-7 water meter, zh-CN: Acme WM-7 水表}
protocol: modbus
energy: water
byte_order: big
word_order: high_first
values: primary
ratio_source: none
defaults: {fc: 3, datatype: uint32}
points:
  - {key: vol, address: 0x10, unit: m3, scale: 0.001, kind: register, modulus: 4294967296}
  - {key: flow, address: 0x12, unit: m3/h, scale: 0.01, deadband: "1%"}
sample:
  blocks:
    - {fc: 3, start: 0x10, words: [0x0001, 0x86A0, 0x0000, 0x04D2]}
  values: {vol: 100.0, flow: 12.34}
verify: {point: vol, tolerance_percent: 1}
source: "Made up for this test"
verified: no
"""
QUERY = """query($p: ID!) { project(id: $p) { devices {
  slug profile verified online values { key unit value at quality } } } }"""


def test_a_new_profile_file_alone_makes_a_meter_read_and_shown(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "my profiles"
    (folder / "acme").mkdir(parents=True)
    (folder / "acme" / "wm-7.yaml").write_text(PROFILE, encoding="utf-8")
    words = f"--profiles '{folder}'"
    with product(tmp_path, KILOWISE_SIMULATE=words) as running:
        running.wait_ready()
        deadline = time.monotonic() + 300
        found: dict[str, object] = {}
        while not found:
            assert time.monotonic() < deadline, running.printed()[-3000:]
            rows = running.graphql(QUERY, p="demo")["project"]["devices"]
            found = next((d for d in rows if d["profile"] == "acme/wm-7" and d["values"]), {})
            time.sleep(0.2)
    assert (found["slug"], found["verified"], found["online"]) == ("bench-acme-wm-7", False, True)
    values = found["values"]
    assert isinstance(values, list)
    assert {(one["key"], one["unit"]) for one in values} == {("vol", "m3"), ("flow", "m3/h")}
    assert {one["quality"] for one in values} == {"GOOD"}


def test_a_new_profile_file_alone_is_documented(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "wm-7.yaml").write_text(PROFILE, encoding="utf-8")
    profiles = [find_profile(name, [tmp_path]) for name in profile_names([tmp_path])]
    rows = [line for line in index(profiles).splitlines() if "acme/wm-7" in line]
    assert len(rows) == 1
    assert "Acme WM-7" in rows[0]
    mine = next(profile for profile in profiles if profile.name == "acme/wm-7")
    points = [line for line in page(mine, ()).splitlines() if line.startswith("| `")]
    assert [line.split(" | ")[0] for line in points] == ["| `vol`", "| `flow`"]
