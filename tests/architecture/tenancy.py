"""Lint of the tenancy door: every query starts from backend/core/db.py and names its project."""

import ast
import re
from collections.abc import Collection, Iterator

from tests.architecture.reading import Module, Statement, statements

DOOR = "backend/core/"
"""Where connections are made: the door itself, roles, migrations, the launcher."""
OPENERS = {
    "psycopg": {"connect", "Connection", "AsyncConnection"},
    "psycopg_pool": {"ConnectionPool", "AsyncConnectionPool"},
    "sqlalchemy": {"create_engine"},
    "sqlalchemy.ext.asyncio": {"create_async_engine"},
    "sqlmodel": {"create_engine", "Session", "select"},
}
REFERENCE = r"\b(?:FROM|JOIN|INTO|UPDATE|COPY|ONLY|USING)\s+(?:ONLY\s+)?\"?({names})\b"
WALL_CLOCK = re.compile(
    r"\b(?:now|clock_timestamp|statement_timestamp)\s*\(\)|\bcurrent_(?:timestamp|date|time)\b",
    re.IGNORECASE,
)


INSTEAD = "open the door of backend.core.db instead (database.project, .read, .ingest)"


def openers(module: Module) -> Iterator[str]:
    """Imports and calls by which a module could open a connection of its own."""
    if module.path.startswith(DOOR):
        return
    for node in ast.walk(module.tree):
        for line, name in opened(node):
            yield f"{module.path}:{line}: {name}: {INSTEAD}"


def opened(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The ways around the door that one node takes, with their lines."""
    match node:
        case ast.ImportFrom(module=str(package), names=names, lineno=line):
            for alias in names:
                if alias.name in OPENERS.get(package, ()):
                    yield line, f"imports {alias.name} of {package}"
        case ast.Attribute(value=ast.Name(id=package), attr="connect", lineno=line):
            if package in OPENERS:
                yield line, f"{package}.connect"


def without_project(statement: Statement, tenant_tables: Collection[str]) -> Iterator[str]:
    """Tenant tables that a statement touches without naming `project_id`."""
    pattern = REFERENCE.format(names="|".join(sorted(tenant_tables, key=len, reverse=True)))
    found = sorted(
        {match[1].lower() for match in re.finditer(pattern, statement.sql, re.IGNORECASE)}
    )
    if found and "project_id" not in statement.sql:
        yield (
            f"{statement.path}:{statement.line}: touches {', '.join(found)} without project_id: "
            "write `project_id = %s`, also where row-level security would filter"
        )


def wall_clock(statement: Statement) -> Iterator[str]:
    """Statements that ask the database for the time; leases do, since all processes share it."""
    if "lease" not in statement.sql and (match := WALL_CLOCK.search(statement.sql)):
        yield (
            f"{statement.path}:{statement.line}: {match[0]} in SQL: pass the Clock's now as a "
            "parameter, so that accelerated clocks and tests hold"
        )


def findings(module: Module, tenant_tables: Collection[str]) -> Iterator[str]:
    """All three lints over one module."""
    yield from openers(module)
    for statement in statements(module):
        yield from without_project(statement, tenant_tables)
        yield from wall_clock(statement)
