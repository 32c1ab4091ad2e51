"""The table of style.md as data: where a new thing goes and what must know it without more code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.reading import ROOT, Module


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of thing that is one file in a folder and one line in its registry."""

    thing: str
    folder: str
    not_members: frozenset[str] = frozenset()
    """Modules of the folder that are shared by its members."""


SHARED = frozenset({"__init__", "registry", "base", "capabilities"})
ROWS = (
    Row("protocol driver", "gateway/drivers", frozenset({"bytestream"})),
    Row("alarm kind", "backend/service/alarms/kinds"),
    Row("notification channel", "backend/service/notify/channels"),
    Row("provider of identities", "backend/service/identity/providers"),
    Row("report", "backend/service/reports/kinds"),
    Row("government uploader", "backend/service/upload/targets"),
)


def members(row: Row, root: Path = ROOT) -> list[str]:
    """Modules and packages of a row's folder that are things of its kind."""
    folder = root / row.folder
    found = {path.stem for path in folder.glob("*.py")}
    found |= {path.parent.name for path in folder.glob("*/__init__.py")}
    return sorted(found - SHARED - row.not_members)


def registry(row: Row, root: Path = ROOT) -> str:
    """Text of the row's registry: `registry.py`, else the package itself."""
    for name in ("registry.py", "__init__.py"):
        if (root / row.folder / name).is_file():
            return (root / row.folder / name).read_text()
    return ""


def unregistered(row: Row, root: Path = ROOT) -> Iterator[str]:
    """Members that the registry does not name."""
    known = registry(row, root)
    for name in members(row, root):
        if not re.search(rf"\b{re.escape(name)}\b", known):
            yield (
                f"{row.folder}/{name}.py: name this {row.thing} in {row.folder}/registry.py; "
                "that line is all it needs"
            )


def untested(row: Row, tests: list[Module], root: Path = ROOT) -> Iterator[str]:
    """Members that no test names, neither by module nor by the suite over the registry."""
    package = row.folder.replace("/", ".")
    suite = f"from {package}.registry import"
    if any(suite in module.text for module in tests):
        return
    for name in members(row, root):
        if not any(f"{package}.{name}" in module.text for module in tests):
            yield f"{row.folder}/{name}.py: no test imports {package}.{name} or walks its registry"
