"""The bill of materials: valid CycloneDX, every locked package with hashes, licences as told."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts import licences, sbom

ROOT = Path(__file__).resolve().parents[2]


class Hash(msgspec.Struct, frozen=True):
    alg: str
    content: str


class Component(msgspec.Struct, frozen=True, rename={"ref": "bom-ref"}):
    name: str
    version: str
    scope: str
    purl: str
    ref: str
    hashes: list[Hash]
    licenses: list[dict[str, object]]


class Dependency(msgspec.Struct, frozen=True):
    ref: str
    dependsOn: list[str]  # noqa: N815 - CycloneDX's name


class Bill(msgspec.Struct, frozen=True):
    components: list[Component]
    dependencies: list[Dependency]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the command writes."""
    file = tmp_path_factory.mktemp("sbom") / "kilowise.cdx.json"
    subprocess.run([sys.executable, "-m", "scripts.sbom", str(file)], cwd=ROOT, check=True)
    return file.read_bytes()


@pytest.fixture(scope="module")
def bill(written: bytes) -> Bill:
    """The same, read."""
    return msgspec.json.decode(written, type=Bill)


def test_it_is_valid_and_has_every_locked_package(written: bytes, bill: Bill) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(written.decode()) is None
    assert validator.validate_str(written.decode().replace('"library"', '"thing"', 1)) is not None
    lock = (ROOT / "pwa" / "package-lock.json").read_text()
    npm = {
        name.rpartition("node_modules/")[2] for name in re.findall(r'"(node_modules/[^"]+)"', lock)
    }
    found = {(one.purl.partition("/")[0], one.name) for one in bill.components}
    wanted = {("pkg:pypi", name) for name in licences.names("run")} | {("pkg:npm", n) for n in npm}
    assert found == wanted
    assert len(bill.components) == len({one.ref for one in bill.components})


def test_every_package_has_its_hashes(bill: Bill) -> None:
    lengths = {"SHA-256": 64, "SHA-384": 96, "SHA-512": 128}
    for one in bill.components:
        assert one.hashes, one.purl
        for told in one.hashes:
            assert re.fullmatch(rf"[0-9a-f]{{{lengths[told.alg]}}}", told.content), one.purl
    run = (ROOT / "requirements" / "run.txt").read_text()
    python = {told.content for one in bill.components if "pypi" in one.purl for told in one.hashes}
    assert python == set(re.findall(r"sha256:(\w+)", run))


def test_licences_are_those_of_the_page(bill: Bill) -> None:
    page = (ROOT / "docs" / "licences.md").read_text()
    told = dict(
        re.findall(r"^\| ([\w.-]+) \| (.+?) \| (?:gateway|backend, demo) \|$", page, re.MULTILINE)
    )
    assert len(told) > 50
    for one in bill.components:
        (licence,) = one.licenses
        inner = licence.get("license")
        said = inner.get("name") if isinstance(inner, dict) else licence.get("expression")
        assert licences.verdict(str(said)) == "", one.purl
        if one.purl.startswith("pkg:pypi"):
            assert told[one.name] == said


def test_what_runs_is_told_from_what_builds(bill: Bill) -> None:
    scopes = {one.purl.rpartition("@")[0]: one.scope for one in bill.components}
    assert (
        scopes["pkg:npm/uplot"] == scopes["pkg:npm/idb"] == scopes["pkg:npm/svelte"] == "required"
    )
    assert scopes["pkg:npm/vitest"] == scopes["pkg:npm/eslint"] == "excluded"
    (root,) = bill.dependencies
    assert root.dependsOn == sorted(o.ref for o in bill.components if o.scope == "required")


def test_the_same_locks_give_the_same_bytes(written: bytes) -> None:
    assert sbom.written() == written
    assert not re.search(rb"https?://", written)
