"""Docs cannot rot: every setting, wire name and command has its place in them."""

import json
import re
import shlex
from collections.abc import Collection

import pytest

from backend.core.ports import HANDED
from scripts import tables
from tests.architecture.reading import ROOT, modules

SETTING = re.compile(r"\"(KILOWISE_[A-Z_]+|PORT|MQTT_PORT|MODBUS_PORT|BIND|PHONE)\"")
# Set by the platform for its own children, not by people.
INTERNAL = {"KILOWISE_LIFELINE", "KILOWISE_GATE", "KILOWISE_SUPERVISED", *HANDED.values()}
WIRE_NAME = re.compile(r"\"((?:Ext|Node Control)/[A-Za-z]+)\"")
TARGET = re.compile(r"^([a-z]+):.*##", re.MULTILINE)


def docs(*names: str) -> str:
    """Text of the docs named, or of all of them."""
    files = [ROOT / "docs" / name for name in names] or sorted((ROOT / "docs").rglob("*.md"))
    return "\n".join(file.read_text() for file in files)


def missing(wanted: Collection[str], text: str) -> list[str]:
    """What stands nowhere in the text as a word of its own."""
    return sorted(
        name for name in wanted if not re.search(rf"(?<![\w/]){re.escape(name)}(?!\w)", text)
    )


def test_every_setting_has_a_row() -> None:
    names = {name for module in modules() for name in SETTING.findall(module.text)}
    assert "KILOWISE_DATA" in names
    table = "\n".join(line for line in docs("operating.md").splitlines() if line.startswith("|"))
    assert not missing(names - INTERNAL, table), "give it a row in docs/operating.md, Settings"


def test_every_wire_name_is_described() -> None:
    texts = [module.text for module in modules("gateway/contract")]
    names = {name for text in texts for name in WIRE_NAME.findall(text)}
    assert "Ext/Committed" in names
    assert not missing(names, docs()), "describe it in docs/architecture.md, The wire"


def test_every_target_has_its_script() -> None:
    targets = TARGET.findall((ROOT / "Makefile").read_text())
    assert targets == [
        "run",
        "test",
        "faults",
        "check",
        "bench",
        "story",
        "generate",
        "sbom",
        "clean",
        "help",
    ]
    for target in targets:
        script = ROOT / "scripts" / target
        assert script.stat().st_mode & 0o111, f"{script} is not executable"
        assert script.read_text().startswith("#!/bin/sh\n# "), f"{script} does not say what it does"


def test_every_decision_is_short_and_quotable() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [record.name[:4] for record in records] == [
        f"{number:04}" for number in range(1, len(records) + 1)
    ]
    for record in records:
        text = record.read_text()
        assert text.count("\n") <= 40, f"{record.name}: at most 40 lines"
        decision = text.partition("## Decision\n")[2].partition("\n## ")[0].strip()
        assert decision.startswith("> "), f"{record.name}: quote the Decision"
        sentence = " ".join(line.removeprefix("> ") for line in decision.splitlines())
        assert len(re.findall(r"[.!?](?:\s|$)", sentence)) == 1, f"{record.name}: one sentence"


def test_every_command_shown_is_one() -> None:
    parsers = {parser.prog: parser for parser in tables.parsers()}
    shown = [
        shlex.split(line.replace("INSTANT", "2026-03-01T00:00:00Z"), comments=True)
        for block in re.findall(r"^```\w*\n(.*?)^```$", docs(), re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.partition(" ")[0] in parsers
    ]
    assert ["kilowise", "authority", "rotate", "--distrust"] in shown
    for program, *words in shown:
        parsers[program].parse_args(words)


def test_every_address_to_enrol_is_one() -> None:
    section = docs("operating.md").partition("## Enrol a gateway")[2].partition("\n## ")[0]
    shown = set(re.findall(r"/api/v1(/[a-z0-9/-]+)", section))
    known = json.loads((ROOT / "openapi.json").read_text())["paths"]
    assert len(shown) == 2
    assert {path.replace("east-1", "{gateway}") for path in shown} <= known.keys()


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"])
def test_every_link_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", (ROOT / name).read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_a_planted_omission_is_found() -> None:
    assert missing(["KILOWISE_DATA"], "| `KILOWISE_DATABASE_URL` |") == ["KILOWISE_DATA"]
    assert missing(["Ext/Rec"], "`Ext/Record`") == ["Ext/Rec"]
    assert missing(["Ext/Rec"], "`Ext/Rec`, ") == []
