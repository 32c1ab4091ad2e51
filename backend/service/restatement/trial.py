"""The dry run: the real recomputation in a transaction that is rolled back.

So the difference is what applying does, exactly. The transaction sees one moment only: what comes
in meanwhile is not mistaken for an effect of the change. Accounting of the project waits as long.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from psycopg import errors

from backend.aggregation.accounts import LOCK, Purpose, account
from backend.aggregation.calendar import Period
from backend.aggregation.mapping import points_of
from backend.aggregation.rollup import MONTHS
from backend.core.db import Database, WriteSession
from backend.service.restatement.apply import settle_stocks, write_change
from backend.service.restatement.decide import stored_change
from backend.service.restatement.difference import Moved, read_difference
from backend.service.restatement.rows import Row

SPAN: Final = timedelta(days=7)
TRIAL: Final = Purpose(MONTHS, [Period.MONTH])
"""A difference is read from months: other periods above quarter hours would be rolled back only."""
# Ranges of other registers wait outside, so that the trial does only its own work.
_OTHERS: Final = """
DELETE FROM dirty WHERE project_id = %s AND point_id <> ALL(%s::bigint[])
"""


class _RolledBack(Exception):
    """Carries the difference out of the transaction that it undoes."""

    def __init__(self, found: Sequence[Moved]) -> None:
        super().__init__()
        self.found = found


async def measure(
    database: Database, project_id: int, row: Row, now: datetime
) -> Sequence[Moved] | None:
    """Answer what the restatement would change; None: accounting was busy, ask again.

    Raises what the change's kind says cannot be.
    """
    try:
        async with database.project(project_id) as tx:
            await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            if not await tx.fetch_value(
                "SELECT pg_try_advisory_xact_lock(%s, %s)", (LOCK, project_id), into=bool
            ):
                return None
            raise _RolledBack(await _tried(tx, project_id, row, now))
    except _RolledBack as done:
        return done.found
    except errors.SerializationFailure:
        return None


async def _tried(tx: WriteSession, project_id: int, row: Row, now: datetime) -> Sequence[Moved]:
    touched = await stored_change(row).touched(tx, project_id, now)
    points = [*await points_of(tx, project_id, touched.meters), *touched.points]
    await tx.execute(_OTHERS, (project_id, points))
    await _settle(tx, project_id, now)
    await settle_stocks(tx, project_id, touched.meters, now)
    version = await write_change(tx, project_id, row, now)
    await _settle(tx, project_id, now)
    return await read_difference(tx, project_id, version)


async def _settle(tx: WriteSession, project_id: int, now: datetime) -> None:
    while (await account(tx, project_id, now, SPAN, TRIAL)).rows:
        pass
