"""The tenancy door: every query of the platform begins here, with its project already set.

    async with database.project(7) as tx:        # write transaction, commits at the end
        await tx.execute("INSERT ...")
    async with database.read(7) as tx:           # read-only transaction
        rows = await tx.fetch_all("SELECT ... WHERE project_id = %s", (7,))

The project is set by `SET LOCAL app.project` as a statement of its own; row-level security refuses
everything of other projects, and queries write `project_id = %s` as well. `platform()` and
`platform_read()` open the door to global tables only: tenant tables show no rows there. Nobody
commits but the door: an error inside rolls back, the end of the block commits, and what was handed
to `after_commit` runs only then. SQL has psycopg's placeholders `%s` or `%(name)s`, never text
pasted in; times come back aware in UTC, numeric as Decimal. With a `Sight` a transaction sees and
changes a part of its project only; what reaches beyond it raises NotAllowed.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol, Self, TypeVar, overload

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.abc import QueryNoTemplate as Query
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, TupleRow, class_row, dict_row, tuple_row
from psycopg.sql import SQL, Identifier, Literal
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from backend.core.errors import InvalidInput, NotAllowed, Unavailable
from backend.core.sight import Sight

log = logging.getLogger(__name__)

T = TypeVar("T")
Params = Sequence[object] | Mapping[str, object] | None
AfterCommit = Callable[[], Awaitable[None]]
Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]

GETCONN_S = 1.0
"""Seconds to wait for one connection before the pool is nudged to try the server again."""


class ReadSession:
    """One read-only transaction in one project (or on the global tables)."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        """Made by the door only."""
        self._connection = connection

    @overload
    async def fetch_all(self, sql: Query, params: Params = None) -> list[DictRow]: ...
    @overload
    async def fetch_all(self, sql: Query, params: Params = None, *, into: type[T]) -> list[T]: ...
    async def fetch_all(
        self, sql: Query, params: Params = None, *, into: type[T] | None = None
    ) -> list[DictRow] | list[T]:
        """Answer all rows as dicts, or as objects of the class `into` (made by keyword)."""
        if into is None:
            async with self._connection.cursor(row_factory=dict_row) as cursor:
                return await (await cursor.execute(sql, params)).fetchall()
        async with self._connection.cursor(row_factory=class_row(into)) as typed:
            return await (await typed.execute(sql, params)).fetchall()

    @overload
    async def fetch_one(self, sql: Query, params: Params = None) -> DictRow | None: ...
    @overload
    async def fetch_one(self, sql: Query, params: Params = None, *, into: type[T]) -> T | None: ...
    async def fetch_one(
        self, sql: Query, params: Params = None, *, into: type[T] | None = None
    ) -> DictRow | T | None:
        """Answer the first row as a dict or as an object of the class `into`; None without one."""
        if into is None:
            async with self._connection.cursor(row_factory=dict_row) as cursor:
                return await (await cursor.execute(sql, params)).fetchone()
        async with self._connection.cursor(row_factory=class_row(into)) as typed:
            return await (await typed.execute(sql, params)).fetchone()

    async def fetch_tuples(self, sql: Query, params: Params = None) -> list[TupleRow]:
        """Answer all rows as tuples: the cheapest form, for many rows."""
        async with self._connection.cursor(row_factory=tuple_row) as cursor:
            return await (await cursor.execute(sql, params)).fetchall()

    async def copy_csv(
        self, table: str, columns: Sequence[str], project_id: int
    ) -> AsyncIterator[bytes]:
        """Answer a project's rows of a table as CSV with a header, piece by piece."""
        query = SQL("COPY (SELECT {} FROM {} WHERE project_id = {}) TO STDOUT (FORMAT csv, HEADER)")
        names = SQL(", ").join(map(Identifier, columns))
        statement = query.format(names, Identifier(table), Literal(project_id))
        async with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            async for piece in copy:
                yield bytes(piece)

    async def narrow(self, sight: Sight) -> None:
        """See no more than a part from here to the end of the transaction (see core/sight.py)."""
        # Without parameters this goes out as one simple query: one round trip.
        await self._connection.execute(sight.begin().encode())

    async def fetch_value(self, sql: Query, params: Params = None, *, into: type[T]) -> T | None:
        """Answer the first column of the first row, of type `into`; None without a row or null."""
        rows = await self.fetch_tuples(sql, params)
        value: object = rows[0][0] if rows else None
        if value is not None and not isinstance(value, into):
            raise TypeError(f"expected {into.__name__}, the database answered {value!r}")
        return value


class WriteSession(ReadSession):
    """One transaction that may write in one project (or on the global tables)."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        """Made by the door only."""
        super().__init__(connection)
        self._after: list[AfterCommit] = []

    async def execute(self, sql: Query, params: Params = None) -> int:
        """Run one statement and answer the number of rows it touched."""
        async with self._connection.cursor() as cursor:
            return (await cursor.execute(sql, params)).rowcount

    async def execute_many(self, sql: Query, rows: Sequence[Params]) -> None:
        """Run one statement for each of `rows` in one pipeline."""
        async with self._connection.cursor() as cursor:
            await cursor.executemany(sql, [row or () for row in rows])

    async def go_on_in(self, project_id: int) -> None:
        """Turn to a project that this transaction on the global tables has just made."""
        text = str(int(project_id))
        await self.fetch_tuples("SELECT set_config('app.project', %s, true)", (text,))

    def after_commit(self, action: AfterCommit) -> None:
        """Have `action` run once this transaction is committed; never when it is rolled back."""
        self._after.append(action)

    @property
    def pending(self) -> list[AfterCommit]:
        """What runs after the commit, in order (for the door)."""
        return self._after


class IngestSession(WriteSession):
    """A write transaction of kw_ingest, which bypasses row-level security.

    It reaches readings, last values, dirty ranges, leases, births and gaps of every project, so
    each statement carries `project_id`, taken from the credential and the lease.
    """

    @property
    def connection(self) -> AsyncConnection[TupleRow]:
        """The connection itself, for binary COPY and savepoints; its commit stays the door's."""
        return self._connection


class Opens(Protocol):
    """What opens transactions in projects: the database, or what makes one of several."""

    def read(
        self, project_id: int, sight: Sight | None = None
    ) -> AbstractAsyncContextManager[ReadSession]:
        """Open a read-only transaction in one project."""

    def project(
        self, project_id: int, sight: Sight | None = None
    ) -> AbstractAsyncContextManager[WriteSession]:
        """Open a write transaction in one project."""


class Database:
    """The pools of this process, one a role it logs in as, and the doors to them."""

    def __init__(
        self,
        url_for: Callable[[str], str],
        *,
        max_size: int = 8,
        timeout_s: float = 10.0,
        max_waiting: int = 1000,
    ) -> None:
        """Take a function role -> connection URL; pools open on first use.

        A role has at most `max_size` connections; at most `max_waiting` transactions wait for one,
        at most `timeout_s` seconds each: beyond either bound `Unavailable` is raised.
        """
        self._url_for = url_for
        self._max_size = max_size
        self._timeout_s = timeout_s
        self._max_waiting = max_waiting
        self._pools: dict[str, Pool] = {}

    async def __aenter__(self) -> Self:
        """Answer itself; pools open on first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all pools."""
        await self.close()

    async def close(self) -> None:
        """Close all pools and their connections."""
        pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            await pool.close()

    def url(self, role: str) -> str:
        """Answer the connection URL of a role, for what needs a connection of its own."""
        return self._url_for(role)

    def refused(self) -> int:
        """Answer how often no connection could be had since the process began (for metrics)."""
        return sum(pool.get_stats().get("requests_errors", 0) for pool in self._pools.values())

    @asynccontextmanager
    async def project(
        self, project_id: int, sight: Sight | None = None
    ) -> AsyncIterator[WriteSession]:
        """Open a write transaction in one project, or in the part of it that a sight shows."""
        begin = _begin(project_id, sight=sight)
        async with self._transaction("kw_app", begin, limited=sight is not None) as connection:
            session = WriteSession(connection)
            yield session
        await _run_after(session)

    @asynccontextmanager
    async def read(self, project_id: int, sight: Sight | None = None) -> AsyncIterator[ReadSession]:
        """Open a read-only transaction in one project; all its statements see one moment."""
        begin = _begin(project_id, "ISOLATION LEVEL REPEATABLE READ READ ONLY", sight)
        async with self._transaction("kw_app", begin, limited=sight is not None) as connection:
            yield ReadSession(connection)

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[WriteSession]:
        """Open a write transaction on the global tables; tenant tables show no rows here."""
        async with self._transaction("kw_app", b"BEGIN") as connection:
            session = WriteSession(connection)
            yield session
        await _run_after(session)

    @asynccontextmanager
    async def platform_read(self) -> AsyncIterator[ReadSession]:
        """Open a read-only transaction on the global tables; tenant tables show no rows here."""
        async with self._transaction("kw_app", b"BEGIN READ ONLY") as connection:
            yield ReadSession(connection)

    async def look(self, sql: Query, params: Params, *, into: type[T]) -> list[T]:
        """Answer the rows of one SELECT on the global tables; tenant tables show no rows here.

        There is no transaction around it: one round trip instead of three, for what every request
        asks.
        """
        pool = await self._pool("kw_app")
        try:
            connection, rows = await self._first(
                pool, lambda connection: ReadSession(connection).fetch_all(sql, params, into=into)
            )
        except errors.FeatureNotSupported:
            # As in `_transaction`: the schema changed under live sessions.
            await pool.drain()
            raise
        except psycopg.DataError as error:
            if _no_text(error):
                raise InvalidInput("text_nul") from error
            raise
        await pool.putconn(connection)
        return rows

    @asynccontextmanager
    async def ingest(self) -> AsyncIterator[IngestSession]:
        """Open a write transaction as kw_ingest, for all projects (see IngestSession)."""
        async with self._transaction("kw_ingest", b"BEGIN") as connection:
            session = IngestSession(connection)
            yield session
        await _run_after(session)

    @asynccontextmanager
    async def owner(self, project_id: int) -> AsyncIterator[WriteSession]:
        """Open a write transaction in one project as kw_owner, for what kw_app has no rights to.

        That is moving old entries out of the audit, and nothing else.
        """
        async with self._transaction("kw_owner", _begin(project_id)) as connection:
            session = WriteSession(connection)
            yield session
        await _run_after(session)

    @asynccontextmanager
    async def _transaction(
        self, role: str, begin: bytes, *, limited: bool = False
    ) -> AsyncIterator[AsyncConnection[TupleRow]]:
        pool = await self._pool(role)
        connection = await self._begun(pool, begin)
        try:
            try:
                yield connection
            except BaseException:
                with suppress(psycopg.OperationalError):
                    await connection.execute(b"ROLLBACK")
                raise
            await _commit(connection)
        except errors.FeatureNotSupported as error:
            # "cached plan must not change result type": the schema changed under live sessions.
            if "cached plan" in str(error):
                await pool.drain()
            raise
        except psycopg.DataError as error:
            if _no_text(error):
                raise InvalidInput("text_nul") from error
            raise
        except errors.InsufficientPrivilege as error:
            if limited:
                raise NotAllowed("beyond_your_part") from error
            raise
        finally:
            await pool.putconn(connection)

    async def _begun(self, pool: Pool, begin: bytes) -> AsyncConnection[TupleRow]:
        """Answer a connection in a fresh transaction."""
        # Without parameters this goes out as one simple query: one round trip.
        connection, _ = await self._first(pool, lambda connection: connection.execute(begin))
        return connection

    async def _first(
        self, pool: Pool, ask: Callable[[AsyncConnection[TupleRow]], Awaitable[T]]
    ) -> tuple[AsyncConnection[TupleRow], T]:
        """Answer a connection and what it answered first, passing over those whose server died.

        Raises Unavailable when none could be had within the time-out.
        """
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            try:
                connection = await pool.getconn(min(GETCONN_S, self._timeout_s))
            except PoolTimeout:
                continue
            except TooManyRequests as error:
                raise Unavailable from error
            try:
                answer = await ask(connection)
            except psycopg.OperationalError:
                await connection.close()
                await pool.putconn(connection)
            except BaseException:
                await connection.close()
                await pool.putconn(connection)
                raise
            else:
                return connection, answer
        raise Unavailable

    async def _pool(self, role: str) -> Pool:
        pool = self._pools.get(role)
        if pool is None:
            pool = self._pools[role] = AsyncConnectionPool(
                self._url_for(role),
                kwargs={"autocommit": True},
                min_size=1,
                max_size=self._max_size,
                max_waiting=self._max_waiting,
                # A failed attempt ends at once; the next `getconn` starts a new one.
                reconnect_timeout=0,
                open=False,
                name=role,
            )
            await pool.open()
        return pool


def _no_text(error: psycopg.DataError) -> bool:
    """Tell whether a text has the character NUL, which PostgreSQL keeps in none."""
    return isinstance(error, errors.UntranslatableCharacter) or "NUL (0x00)" in str(error)


def _begin(project_id: int, mode: str = "", sight: Sight | None = None) -> bytes:
    # The project is an integer of ours, never text from outside.
    begin = f"BEGIN {mode}; SET LOCAL app.project = '{int(project_id)}'"
    return (begin if sight is None else f"{begin}; {sight.begin()}").encode()


async def _commit(connection: AsyncConnection[TupleRow]) -> None:
    """Commit; an error that was swallowed inside the block must not look like success."""
    if connection.info.transaction_status == TransactionStatus.INERROR:
        await connection.execute(b"ROLLBACK")
        raise errors.InFailedSqlTransaction("the transaction had failed and was rolled back")
    await connection.execute(b"COMMIT")


async def _run_after(session: WriteSession) -> None:
    for action in session.pending:
        await action()
