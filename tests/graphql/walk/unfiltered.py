"""The platform's own filter taken out of its statements, so that row-level security stands alone.

Test code only: nothing of the product knows of it. Every statement of kw_app (and so of kw_limited,
which such a transaction becomes) goes through psycopg's cursor; there each condition that a tenant
table's `project_id` is the parameter becomes one that is always true, with the parameter still in
its place. Global tables (GLOBAL_TABLES) have no row-level security, so their conditions stay: the
door to a project is theirs. kw_ingest bypasses row-level security by design and is left alone.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import AsyncCopy
from psycopg.abc import Params, QueryNoTemplate
from psycopg.rows import TupleRow
from psycopg.sql import Composed

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


Cursor = psycopg.AsyncCursor[TupleRow]
Both = Callable[[Cursor, bytes, bytes, Params | None], Awaitable[None]]
"""Told of a statement as it was and as it became, with its parameters, before that is run."""
COPIED = re.compile(r"WHERE project_id = (\d+)")


@contextmanager
def without_filter(both: Both | None = None, *, only_told: bool = False) -> Iterator[Removed]:
    """Take the filter out of all statements of kw_app for the time of the block.

    With `only_told` they are run as they stand, and `both` alone hears of what they became.
    """
    removed = Removed()
    execute = psycopg.AsyncCursor.execute
    executemany = psycopg.AsyncCursor.executemany
    copy = psycopg.AsyncCursor.copy

    def rewritten(cursor: Cursor, query: QueryNoTemplate) -> QueryNoTemplate:
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
        changed = rewritten(self, query)
        asked, bare = as_bytes(query), as_bytes(changed)
        if both is not None and asked != bare:
            await both(self, asked, bare, params)
        run = query if only_told else changed
        await execute(self, run, params, prepare=prepare, binary=binary)
        return self

    async def many(
        self: psycopg.AsyncCursor[TupleRow],
        query: QueryNoTemplate,
        params_seq: Sequence[Params],
        *,
        returning: bool = False,
    ) -> None:
        changed = rewritten(self, query)
        await executemany(self, query if only_told else changed, params_seq, returning=returning)

    @asynccontextmanager
    async def piecewise(self: Cursor, statement: Composed) -> AsyncIterator[AsyncCopy]:
        text = statement.as_string(self)
        changed = COPIED.sub(r"WHERE (project_id = \1 OR true)", text)
        removed.rewritten.add(text)
        if both is not None:
            await both(self, asked_by(text), asked_by(changed), None)
        async with copy(self, changed.encode()) as opened:
            yield opened

    with_patch = psycopg.AsyncCursor
    with_patch.execute = one  # type: ignore[assignment,method-assign]
    with_patch.executemany = many  # type: ignore[assignment,method-assign]
    with_patch.copy = piecewise  # type: ignore[assignment,method-assign]
    try:
        yield removed
    finally:
        with_patch.execute = execute  # type: ignore[method-assign]
        with_patch.executemany = executemany  # type: ignore[method-assign]
        with_patch.copy = copy  # type: ignore[method-assign]


def as_bytes(query: QueryNoTemplate) -> bytes:
    """A statement as it goes to the server."""
    return query.encode() if isinstance(query, str) else bytes(query)  # type: ignore[arg-type]


def asked_by(copied: str) -> bytes:
    """The question whose answer a COPY hands out."""
    return copied.removeprefix("COPY (").rpartition(") TO STDOUT")[0].encode()
