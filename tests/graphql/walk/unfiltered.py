"""The platform's own filter taken out of its statements, so that row-level security stands alone.

Test code only: nothing of the product knows of it. Every statement of kw_app (and so of kw_limited,
which such a transaction becomes) goes through psycopg's cursor; there each condition that a tenant
table's `project_id` is the parameter becomes one that is always true, with the parameter still in
its place. Global tables (GLOBAL_TABLES) have no row-level security, so their conditions stay: the
door to a project is theirs. kw_ingest bypasses row-level security by design and is left alone.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg.abc import Params, QueryNoTemplate
from psycopg.rows import TupleRow

from backend.core.tables import GLOBAL_TABLES, metadata

TENANT_TABLES = sorted(set(metadata.tables) - GLOBAL_TABLES)
CONDITION = re.compile(
    r"(?P<column>(?:(?P<alias>\w+)\.)?\bproject_id)\s*=\s*"
    r"(?P<given>%s|%\(\w+\)s|v\.project\b)(?P<cast>(?:::\w+)?)"
)
"""`project_id = %s`, `a.project_id = %(project)s`, or a row `v` of parameters in their place."""
SOURCE = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO|USING)\s+(?:ONLY\s+)?(\w+)(?:\s+(?:AS\s+)?(\w+))?")


TENANT = re.compile(rf"\b(?:FROM|JOIN|UPDATE)\s+(?:{'|'.join(TENANT_TABLES)})\b")


@dataclass(slots=True)
class Removed:
    """What became of the filter."""

    rewritten: set[str] = field(default_factory=set)
    """Statements it was taken out of."""
    kept: set[str] = field(default_factory=set)
    """Statements about tenant tables in which no condition was found."""

    def rewrite(self, sql: str) -> str:
        """Answer a statement whose conditions on the project of tenant tables are always true."""
        walled = {alias for one in SOURCE.findall(sql) if one[0] in GLOBAL_TABLES for alias in one}

        def opened(found: re.Match[str]) -> str:
            if found["alias"] in walled or (found["alias"] is None and walled):
                return found[0]
            self.rewritten.add(sql)
            return f"({found['column']} = {found['given']}{found['cast']} OR true)"

        changed = CONDITION.sub(opened, sql)
        if changed == sql and TENANT.search(sql):
            self.kept.add(sql)
        return changed


@contextmanager
def without_filter() -> Iterator[Removed]:
    """Take the filter out of all statements of kw_app for the time of the block."""
    removed = Removed()
    execute = psycopg.AsyncCursor.execute
    executemany = psycopg.AsyncCursor.executemany

    def rewritten(cursor: psycopg.AsyncCursor[TupleRow], query: QueryNoTemplate) -> QueryNoTemplate:
        if cursor.connection.info.user != "kw_app":
            return query
        text = query.decode() if isinstance(query, bytes) else query
        return removed.rewrite(text).encode() if isinstance(text, str) else query

    async def one(
        self: psycopg.AsyncCursor[TupleRow],
        query: QueryNoTemplate,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> psycopg.AsyncCursor[TupleRow]:
        await execute(self, rewritten(self, query), params, prepare=prepare, binary=binary)
        return self

    async def many(
        self: psycopg.AsyncCursor[TupleRow],
        query: QueryNoTemplate,
        params_seq: Sequence[Params],
        *,
        returning: bool = False,
    ) -> None:
        await executemany(self, rewritten(self, query), params_seq, returning=returning)

    with_patch = psycopg.AsyncCursor
    with_patch.execute = one  # type: ignore[assignment,method-assign]
    with_patch.executemany = many  # type: ignore[assignment,method-assign]
    try:
        yield removed
    finally:
        with_patch.execute = execute  # type: ignore[method-assign]
        with_patch.executemany = executemany  # type: ignore[method-assign]
