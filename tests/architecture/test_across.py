"""Statements that reach more than one project stand on a list by hand, each with its reason.

All others name the project by a parameter: what a second wall makes of them alone is the matter of
tests/graphql/test_second_wall.py and test_second_wall_workers.py.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from backend.core.tables import GLOBAL_TABLES, metadata
from tests.architecture.reading import Module, Statement, modules, statements

TENANT = frozenset(metadata.tables) - frozenset(GLOBAL_TABLES)
BOUND = {
    name
    for name, table in metadata.tables.items()
    if name in GLOBAL_TABLES and (name == "project" or "project_id" in table.c)
}
"""Global tables that tell of projects."""
LIMITED = re.compile(
    r"\bproject_id\s*=\s*(?:%s|%\(\w+\)s|v\.project\b)"
    r"|\b(?:p\.|project\.)?id\s*=\s*(?:%s|%\(project\w*\)s|v\.project\b)"
)
TENANT_LIMITED = re.compile(r"\bproject_id\s*=\s*(?:%s|%\(\w+\)s|v\.project\b)")
PEOPLES = re.compile(
    r"backend/(?:application|main|service/(?:people|identity|groups|integration))/"
)
"""Where global tables are asked about a person, a session, a key: the walk's matter."""


def touching(names: Collection[str]) -> re.Pattern[str]:
    """What reads or changes rows of one of these tables; where rows are put is no reading."""
    tables = "|".join(sorted(names, key=len, reverse=True))
    return re.compile(rf"\b(?:FROM|JOIN|UPDATE|USING)\s+(?:ONLY\s+)?(?:{tables})\b")


@cache
def listed() -> dict[str, dict[str, dict[str, str]]]:
    """The list by hand: which kind of tables, file, first words: the reason."""
    found: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(
        (Path(__file__).parent / "across.yaml").read_text()
    )
    return found


def across(kind: str, looked_at: Iterable[Module]) -> Iterator[Statement]:
    """Statements about such tables that no parameter limits to a project."""
    names, limit = (TENANT, TENANT_LIMITED) if kind == "tenant" else (BOUND, LIMITED)
    reads = touching(names)
    for module in looked_at:
        if kind == "platform" and PEOPLES.match(module.path):
            continue
        for one in statements(module):
            if reads.search(one.sql) and not limit.search(one.sql):
                yield one


def row_of(kind: str, one: Statement) -> str | None:
    """The list's row of a statement: the longest that begins like it."""
    text = " ".join(one.sql.split())
    rows = (row for row in listed()[kind].get(one.path, {}) if text.startswith(row))
    return max(rows, key=len, default=None)


@cache
def found(kind: str) -> list[Statement]:
    """Those of the whole platform."""
    return list(across(kind, modules("backend")))


@pytest.mark.parametrize("kind", ["tenant", "platform"])
def test_each_has_its_reason(kind: str) -> None:
    without = [
        f"{one.path}:{one.line}: reaches more than one project: {' '.join(one.sql.split())[:70]}"
        for one in found(kind)
        if row_of(kind, one) is None
    ]
    assert not without, "limit it, or list it in tests/architecture/across.yaml:\n" + "\n".join(
        without
    )


@pytest.mark.parametrize("kind", ["tenant", "platform"])
def test_each_row_is_still_needed(kind: str) -> None:
    needed = {(one.path, row_of(kind, one)) for one in found(kind)}
    rows = {(path, row) for path, rows in listed()[kind].items() for row in rows}
    assert rows == needed


def test_only_acquisition_reaches_rows_of_several_projects() -> None:
    assert {one.path.split("/")[1] for one in found("tenant")} == {"acquisition"}


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("SELECT id FROM meter WHERE slug = %s", ["tenant"]),
        ("DELETE FROM stale", ["tenant"]),
        ("INSERT INTO dirty (project_id) SELECT project_id FROM point", ["tenant"]),
        ("SELECT slug FROM project", ["platform"]),
        ("SELECT 1 FROM meter m JOIN project p ON p.id = m.project_id", ["tenant", "platform"]),
        ("SELECT id FROM meter WHERE project_id = %(project)s", []),
        ("INSERT INTO dirty (project_id) VALUES (%s)", []),
        ("SELECT slug FROM project WHERE id = %s", []),
    ],
)
def test_what_reaches_several_is_seen(sql: str, kinds: list[str]) -> None:
    module = Module("backend/service/made_up.py", f'_SQL = "{sql}"\n')
    assert [kind for kind in ("tenant", "platform") if list(across(kind, [module]))] == kinds
