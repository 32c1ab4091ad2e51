"""Sizes, names, types and queues of the product, and that each lint finds a planted breach."""

import subprocess

import pytest
import yaml

from tests.architecture.reading import ROOT, Module, modules
from tests.architecture.shape import (
    any_types,
    banned_names,
    branches_on_energy,
    oversize,
    queues,
)

CODE = (".py", ".ts", ".js", ".svelte")
ANY_ALLOWED = {
    "backend/core/tables/columns.py": "sqlmodel declares Field's answer as Any",
    "backend/service/alarms/kinds/registry.py": "kinds of different parameters in one mapping",
}
# Tests that queue rows name and nobody has written yet.
OWED: set[str] = set()
WRITTEN_ONCE = "migrations/versions/"
GENERATED = ("_pb2.py", "graphql-env.d.ts", ".generated.ts")


def hand_written() -> list[str]:
    """Paths of our own code in git, the app's included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = (name for name in listed.stdout.split("\0") if (ROOT / name).is_file())
    return [name for name in names if name.endswith(CODE) and not name.endswith(GENERATED)]


def energies() -> set[str]:
    """Codes of the energy types."""
    rows = yaml.safe_load((ROOT / "gateway" / "contract" / "energy_types.yaml").read_text())
    return {row["code"] for row in rows}


def test_files_keep_to_one_idea() -> None:
    found = [
        finding
        for name in hand_written()
        if not name.startswith(WRITTEN_ONCE)
        for finding in oversize(name, (ROOT / name).read_text())
    ]
    assert not found, "\n".join(found)


def test_names_say_what_they_are() -> None:
    found = [finding for name in hand_written() for finding in banned_names(name)]
    assert not found, "\n".join(found)


def test_types_are_real_types() -> None:
    found = [
        finding
        for module in modules()
        if module.path not in ANY_ALLOWED
        for finding in any_types(module)
    ]
    assert not found, "\n".join(found)


def test_nothing_branches_on_an_energy() -> None:
    keys = energies()
    assert "electricity" in keys
    found = [
        finding for module in modules("backend") for finding in branches_on_energy(module, keys)
    ]
    assert not found, "\n".join(found)


def queue_rows() -> list[list[str]]:
    """Cells of the queue table of docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.partition("\n## Queues\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split("|") for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_every_queue_is_bounded_and_has_a_row() -> None:
    described = " ".join(row[1] for row in queue_rows())
    found = []
    for module in modules():
        for line, has_bound in queues(module):
            if not has_bound:
                found.append(f"{module.path}:{line}: give the queue a bound and say what then")
            if module.path not in described:
                found.append(
                    f"{module.path}:{line}: add the queue's row to docs/architecture.md, Queues "
                    f"(where = `{module.path}`)"
                )
    assert not found, "\n".join(found)


def test_every_queue_row_is_true() -> None:
    for row in queue_rows():
        row_is_true(row)


def row_is_true(row: list[str]) -> None:
    """The row is whole, its module and its test exist."""
    assert len(row) == 6, "columns: queue, where, bound, when full, counted as, test"
    assert all(row), f"a cell of {row[0]} is empty"
    where = row[1].split("`")[1]
    path, _, name = row[5].strip("`").partition("::")
    assert (ROOT / where).is_file(), f"{row[0]}: {where} does not exist"
    if path in OWED:
        return
    assert (ROOT / path).is_file(), f"{row[0]}: there is no test file {path}"
    assert not name or f"def {name}(" in (ROOT / path).read_text(), f"no test {name} in {path}"


def test_owed_tests_are_still_owed() -> None:
    assert [path for path in OWED if (ROOT / path).exists()] == [], "take it out of OWED"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (["q", "`backend/core/clock.py`", "1", "drops", "", "tests/conftest.py"], "is empty"),
        (["q", "`backend/none.py` `_X`", "1", "drops", "n", "tests/conftest.py"], "does not exist"),
        (["q", "`backend/core/clock.py`", "1", "drops", "n", "tests/none.py"], "no test file"),
        (["q", "`backend/core/clock.py`", "1", "drops", "n", "tests/conftest.py::x"], "no test x"),
    ],
)
def test_a_planted_queue_row(row: list[str], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        row_is_true(row)


@pytest.mark.parametrize("text", ["from typing import Any", "import typing\nx: typing.Any = 1"])
def test_a_planted_any(text: str) -> None:
    assert "Any: use object" in next(any_types(Module("backend/x.py", text)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('if energy == "gas": pass', True),
        ('if row.energy_key in ("gas", "steam"): pass', True),
        ("if energy == other.energy: pass", False),
        ('if kind == "gas": pass', False),
    ],
)
def test_a_planted_branch_on_an_energy(text: str, found: bool) -> None:
    module = Module("backend/x.py", text)
    assert bool(list(branches_on_energy(module, {"gas", "steam"}))) is found


@pytest.mark.parametrize(
    ("text", "has_bound"),
    [
        ("asyncio.Queue()", False),
        ("asyncio.Queue[int](maxsize=0)", False),
        ("Queue[int](100)", True),
        ("asyncio.Queue(maxsize=BOUND)", True),
        ("deque()", False),
        ("deque([1])", False),
        ("deque(rows, 5)", True),
        ("collections.deque(maxlen=5)", True),
        ("queue.SimpleQueue()", False),
    ],
)
def test_a_planted_queue(text: str, has_bound: bool) -> None:
    assert list(queues(Module("backend/x.py", text))) == [(1, has_bound)]
