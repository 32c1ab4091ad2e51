"""One thing, one file: the rows of style.md's table that exist are walked member by member."""

import json
import re
from pathlib import Path

import pytest

from backend.core.tables import metadata
from gateway.contract.profile_file import profile_names
from tests.architecture.reading import ROOT, Module, modules
from tests.architecture.walk import ROWS, Row, members, unregistered, untested

EXISTING = [row for row in ROWS if (ROOT / row.folder).is_dir()]
# A single member may be wired by hand; the second one brings the registry.
WITHOUT_REGISTRY = {"notification channel"}
CATALOGUE = ROOT / "backend" / "core" / "texts" / "en.json"


@pytest.mark.parametrize("row", EXISTING, ids=lambda row: row.thing)
def test_one_file_and_one_line_of_the_registry(row: Row) -> None:
    assert members(row), f"{row.folder} has no member yet: take the folder away"
    if row.thing in WITHOUT_REGISTRY and len(members(row)) == 1:
        return
    assert list(unregistered(row)) == []


@pytest.mark.parametrize("row", EXISTING, ids=lambda row: row.thing)
def test_every_member_is_tested(row: Row) -> None:
    assert list(untested(row, modules("tests"))) == []


def test_every_profile_is_found_and_documented() -> None:
    files = {
        path.relative_to(ROOT / "gateway/profiles").with_suffix("").as_posix()
        for path in (ROOT / "gateway/profiles").rglob("*.yaml")
    }
    assert files == set(profile_names())
    page = (ROOT / "docs/devices.md").read_text()
    links = {name: f"devices/{name.replace('/', '-')}.md" for name in files}
    assert [name for name, link in links.items() if f"| [`{name}`]({link}) |" not in page] == []
    pages = {file.relative_to(ROOT / "docs").as_posix() for file in ROOT.glob("docs/devices/*.md")}
    assert pages == set(links.values())


def test_every_alarm_kind_has_its_words() -> None:
    keys = set(json.loads(CATALOGUE.read_text()))
    kinds = members(next(row for row in ROWS if row.thing == "alarm kind"))
    for kind in kinds:
        assert any(kind in key.split(".") for key in keys), f"no text of {kind} in {CATALOGUE}"


def test_every_table_is_in_the_metadata_and_in_a_migration() -> None:
    written = {
        name
        for module in modules("backend/core/tables")
        for name in re.findall(r'__tablename__ = "(\w+)"', module.text)
    }
    assert written == set(metadata.tables)
    migrations = "\n".join(module.text for module in modules("migrations/versions"))
    assert [name for name in sorted(written) if f'"{name}"' not in migrations] == []


@pytest.fixture
def planted(tmp_path: Path) -> Row:
    """A folder of two members, one of which the registry does not know."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    for name in ("__init__", "base", "known", "stranger"):
        (folder / f"{name}.py").write_text("")
    (folder / "registry.py").write_text("from kinds.known import Known\n# strangers are not it\n")
    return Row("kind", "kinds")


def test_a_planted_member_without_its_line(planted: Row, tmp_path: Path) -> None:
    assert members(planted, tmp_path) == ["known", "stranger"]
    [told] = unregistered(planted, tmp_path)
    assert told.startswith("kinds/stranger.py: name this kind in kinds/registry.py")


def test_a_planted_member_without_a_test(planted: Row, tmp_path: Path) -> None:
    tests = [Module("tests/test_known.py", "from kinds.known import Known")]
    [told] = untested(planted, tests, tmp_path)
    assert told.startswith("kinds/stranger.py: no test imports")
    tests.append(Module("tests/test_all.py", "from kinds.registry import KINDS"))
    assert not list(untested(planted, tests, tmp_path))
