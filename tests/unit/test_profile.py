"""Profile files: shipped ones load and decode their own sample; faults are sentences."""

from pathlib import Path

import pytest

from gateway.contract.documents import DocumentFault
from gateway.contract.profile import Kind, Ratios
from gateway.contract.profile_file import find_profile, load_profile, parse_profile, profile_names
from gateway.plan import Limits

shipped = profile_names()


@pytest.mark.parametrize("name", shipped)
def test_a_shipped_profile_loads_and_its_sample_decodes(name: str) -> None:
    profile = find_profile(name)
    assert profile.name == name
    assert len(profile.hash) == 64
    assert profile.points


@pytest.mark.parametrize("name", [name for name in shipped if find_profile(name).has_registers])
def test_what_the_simulator_encodes_the_driver_decodes(name: str) -> None:
    profile = find_profile(name)
    ratios = profile.sample.ratios
    for point_name, value in profile.sample.values.items():
        point = profile.point(point_name)
        words = profile.encode(point, value, ratios)
        expected = None if value is None else pytest.approx(value, rel=1e-6)
        assert profile.decode(point, words, ratios) == expected


def test_a_function_may_read_less_than_the_others() -> None:
    text = f"{base}quirks: {{functions: [{{fc: 4, max_registers: 60}}]}}\n"
    limits = Limits.of(parse_profile("m/t", text))
    assert (limits.most(3), limits.most(4)) == (125, 60)


def test_the_first_profile_says_what_its_sheet_says() -> None:
    profile = find_profile("eastron/sdm630")
    energy = profile.point("ep_imp")
    assert (energy.fc, energy.address, energy.kind, energy.unit) == (4, 0x48, Kind.REGISTER, "kWh")
    power = profile.point("p")
    assert profile.decode(power, (0x461C, 0x4000), Ratios()) == 10.0
    assert profile.decode(power, (0x7FC0, 0x0000), Ratios()) is None


base = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: modbus
values: primary
points:
  - {key: p, address: 10, datatype: int16, scale: 0.1, unit: kW}
sample:
  blocks: [{fc: 3, start: 10, words: [0xFFFF]}]
  values: {p: -0.1}
verify: {point: p, tolerance_percent: 1}
source: a test
verified: no
"""


def test_a_profile_from_text() -> None:
    point = parse_profile("m/t", base).point("p")
    assert (point.fc, point.words, point.modulus) == (3, 1, None)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "unit: kW}",
            "unti: kW}",
            "m/t.yaml:8 at points[0].unti: unknown key 'unti'. Did you mean 'unit'?",
        ),
        ("int16", "int15", "m/t.yaml:8 at points[0].datatype: 'int15' is not allowed."),
        ("values: {p: -0.1}", "values: {p: 4}", "sample.values.p: the registers mean -0.1"),
        ("maker: M\n", "", "'maker' is missing."),
        ("point: p,", "point: q,", "verify.point: the profile has no point 'q'."),
        ("address: 10", "address: 70000", "70000 is too large. The limit is 65535."),
        ("values: primary", "values: secondary", "no point has a ratio rule"),
        ("protocol: modbus", "protocol: [modbus", "this is not valid YAML"),
    ],
)
def test_a_fault_is_a_sentence_with_place_and_remedy(old: str, new: str, sentence: str) -> None:
    assert old in base
    with pytest.raises(DocumentFault) as caught:
        parse_profile("m/t", base.replace(old, new))
    assert sentence in str(caught.value)


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(DocumentFault, match=r"Known: .*eastron/sdm630"):
        find_profile("acme/none")


def test_own_folders_go_first(tmp_path: Path) -> None:
    folder = tmp_path / "eastron"
    folder.mkdir()
    (folder / "sdm630.yaml").write_text(base, encoding="utf-8")
    assert find_profile("eastron/sdm630", [tmp_path]).maker == "M"
    with pytest.raises(DocumentFault, match="does not exist"):
        load_profile(tmp_path / "missing.yaml")
