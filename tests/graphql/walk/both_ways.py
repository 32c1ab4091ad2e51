"""Each statement asked as it stands and without the platform's own filter, side by side.

What differs is what row-level security let through. Both are run in a savepoint of the statement's
own transaction and taken back; then it runs for good without its filter.
"""

from collections import Counter
from dataclasses import dataclass, field

import psycopg
from psycopg.abc import Params
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from tests.graphql.walk.unfiltered import Cursor

EXECUTE = psycopg.AsyncCursor.execute
"""As psycopg has it: nothing is taken out of what goes through it."""

OFTEN = 3
"""So often one statement is asked both ways; loops ask the same again and again."""


@dataclass(slots=True)
class BothWays:
    """What came of every statement, with its filter and without."""

    asked: Counter[str] = field(default_factory=Counter)
    """How often each statement was asked."""
    same: Counter[str] = field(default_factory=Counter)
    """Statements that came to the same, and the rows that they answered or touched."""
    leaking: set[str] = field(default_factory=set)
    """Statements that reached rows which the filter keeps away."""

    async def __call__(
        self, cursor: Cursor, asked: bytes, unfiltered: bytes, params: Params | None
    ) -> None:
        """Ask both ways, where there is a transaction to take it back in."""
        if cursor.connection.info.transaction_status != TransactionStatus.INTRANS:
            return
        name = asked.decode()
        self.asked[name] += 1
        if self.asked[name] > OFTEN:
            return
        kept, rows = await outcome(cursor, asked, params)
        bare, _ = await outcome(cursor, unfiltered, params)
        if kept == bare:
            self.same[name] += rows
        else:
            self.leaking.add(name)


async def outcome(
    cursor: Cursor, query: bytes, params: Params | None
) -> tuple[tuple[int, tuple[str, ...]], int]:
    """What a statement answers, in any order, or how many rows it would touch; and their number.

    Rows that a change answers count only by their number: identities are given out anew each time.
    """
    connection = cursor.connection
    async with connection.cursor(row_factory=tuple_row) as other:
        await EXECUTE(other, b"SAVEPOINT both_ways")
        try:
            await EXECUTE(other, query, params)
            rows = await other.fetchall() if other.description else []
            told = () if changes(query) else tuple(sorted(map(repr, rows)))
            count = other.rowcount
        except psycopg.Error as error:
            told, count = (type(error).__name__,), 0
        await EXECUTE(other, b"ROLLBACK TO SAVEPOINT both_ways")
        await EXECUTE(other, b"RELEASE SAVEPOINT both_ways")
    return (count, told), count


def changes(query: bytes) -> bool:
    """Whether a statement puts, changes or takes away rows."""
    text = query.upper()
    return any(word in text for word in (b"INSERT INTO", b"UPDATE ", b"DELETE FROM"))
