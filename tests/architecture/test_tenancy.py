"""Every query of the platform starts from the door and names its project."""

from functools import cache

import pytest

from backend.core.tables import GLOBAL_TABLES, metadata
from tests.architecture.composing import composed, enumerations
from tests.architecture.reading import Module, modules
from tests.architecture.tenancy import findings

TENANT_TABLES = frozenset(metadata.tables) - frozenset(GLOBAL_TABLES)

# Path and what the finding says, with the reason why it stands.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("backend/acquisition/leases.py", "touches gateway_state"): "a worker gives up all its leases",
    ("backend/aggregation/progress.py", "clock_timestamp()"): "the clock that stamps what waits",
}


def excused(finding: str) -> bool:
    """Whether an exception names this finding."""
    return any(finding.startswith(path) and told in finding for path, told in EXCEPTIONS)


@cache
def all_findings() -> list[str]:
    """Findings of the whole platform, excused ones too."""
    return [finding for module in modules("backend") for finding in findings(module, TENANT_TABLES)]


def test_every_query_starts_from_the_door() -> None:
    found = [finding for finding in all_findings() if not excused(finding)]
    assert not found, "\n".join(found)


def test_every_exception_is_still_needed() -> None:
    found = all_findings()
    unused = [
        (path, told)
        for path, told in EXCEPTIONS
        if not any(finding.startswith(path) and told in finding for finding in found)
    ]
    assert not unused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('x = "SELECT ts FROM reading WHERE point_id = %s"', "touches reading without project_id"),
        ('x = f"UPDATE meter SET {y} WHERE id = %s"', "touches meter without project_id"),
        ('x = "DELETE " + "FROM meter"', "touches meter without project_id"),
        ('x = b"COPY reading (ts) FROM STDIN"', "touches reading without project_id"),
        ('Y = "a"\nx = f"SELECT ts FROM reading WHERE {Y}"', "touches reading without project_id"),
        ('x = "SELECT now()"', "now() in SQL"),
        ('x = "DELETE FROM sign_in_session WHERE until < CURRENT_TIMESTAMP"', "in SQL"),
        ("from sqlmodel import select", "imports select of sqlmodel"),
        ("from psycopg_pool import AsyncConnectionPool", "imports AsyncConnectionPool"),
        ("import psycopg\npsycopg.connect('')", "psycopg.connect: open the door"),
    ],
)
def test_a_planted_breach_is_found(text: str, told: str) -> None:
    module = Module("backend/service/planted.py", text)
    assert told in "\n".join(findings(module, TENANT_TABLES))


@pytest.mark.parametrize(
    "text",
    [
        'x = "SELECT ts FROM reading WHERE project_id = %s"',
        'x = "SELECT ts " f"FROM reading WHERE project_id = {y}"',
        '"""SELECT from meter now() is a docstring."""',
        "def f():\n    '''UPDATE meter'''",
        'MINE = "r.project_id = %s"\nx = f"SELECT ts FROM reading r WHERE {MINE}"',
        'x = "the demand knows now"',
        'x = "UPDATE alarm_lease SET until = clock_timestamp() WHERE project_id = %s"',
    ],
)
def test_a_proper_query_is_not_found(text: str) -> None:
    assert not list(findings(Module("backend/service/fine.py", text), TENANT_TABLES))


def test_whatever_is_put_into_a_statement_is_of_our_making() -> None:
    enums = enumerations(modules())
    found = [finding for module in modules("backend") for finding in composed(module, enums)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "body",
    [
        'return f"SELECT 1 FROM meter WHERE slug = {slug}"',
        'return "SELECT 1 FROM meter WHERE slug = " + slug',
        "return \"SELECT 1 FROM meter WHERE slug = '%s'\" % slug",
        'return "SELECT 1 FROM {}".format(slug)',
        "return WANTED.format(slug)",
        'wanted = slug.strip()\n    return f"SELECT 1 FROM meter WHERE slug = {wanted}"',
    ],
)
def test_what_comes_from_outside_is_never_put_into_a_statement(body: str) -> None:
    text = f'WANTED = "SELECT 1 FROM {{}}"\ndef f(slug: str) -> str:\n    {body}'
    (found,) = composed(Module("backend/service/planted.py", text), {"Kind"})
    assert "is put into SQL" in found


@pytest.mark.parametrize(
    "body",
    [
        'return f"SELECT {COLUMNS} FROM meter WHERE {condition} AND kind = {kind.value}"',
        "return f\"SELECT {', '.join(one for one in COLUMNS)} FROM meter LIMIT {most}\"",
        'tail = condition.lower()\n    return "SELECT 1 FROM meter WHERE " + tail',
        'return f"SELECT 1 FROM {accounts(as_of=slug is None)} WHERE project_id = %s"',
        'return f"the demand of {slug}"',
    ],
)
def test_what_is_ours_may_be_put_into_a_statement(body: str) -> None:
    text = f"def f(condition: LiteralString, kind: Kind, most: int, slug: str) -> str:\n    {body}"
    assert not list(composed(Module("backend/service/fine.py", text), {"Kind"}))
