"""Applying an approved restatement, in as many transactions as it takes, seen whole or not at all.

`begin` writes the change and its dirty ranges, and says that the version is being applied, in one
transaction; the role `aggregate` recomputes them as it does whatever is late, live values first,
and keeps what it replaces (backend/aggregation/versions.py). Readers see the version before until
`seal` finds that nothing of it is dirty any more. Both steps are taken up again after a crash,
because all there is to know is in the database.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from psycopg.types.json import Jsonb

from backend.aggregation.accounts import LOCK
from backend.aggregation.stock_accounts import settle_stock, stock_meters
from backend.core.db import WriteSession
from backend.core.errors import KilowiseError
from backend.core.events import publish
from backend.service.restatement.decide import stored_change, tell
from backend.service.restatement.kinds.base import Writing
from backend.service.restatement.rows import Row, State, find_restatement

_BEFORE: Final = """
SELECT (SELECT coalesce(max(id), 0) FROM dirty WHERE project_id = %(project)s),
       (SELECT coalesce(max(id), 0) FROM stale WHERE project_id = %(project)s)
"""
# What the change left to do: ranges of registers, and of what is summed or computed.
_WORK: Final = """
SELECT coalesce(array_agg(DISTINCT point) FILTER (WHERE point IS NOT NULL), '{}'),
       coalesce(sum(extract(epoch FROM last_ts - first_ts) + 900), 0)::bigint
FROM (
    SELECT point_id AS point, first_ts, last_ts FROM dirty
    WHERE project_id = %(project)s AND id > %(dirty)s
    UNION ALL
    SELECT NULL, first_ts, last_ts FROM stale WHERE project_id = %(project)s AND id > %(stale)s
) AS left_to_do
"""
_LEFT: Final = """
SELECT EXISTS (SELECT 1 FROM dirty WHERE project_id = %(project)s AND id <= %(through)s
               AND point_id = ANY(%(points)s)),
       (SELECT coalesce(max(id), 0) FROM stale WHERE project_id = %(project)s),
       EXISTS (SELECT 1 FROM stale WHERE project_id = %(project)s AND id <= %(stale)s)
"""


async def next_version(tx: WriteSession, project_id: int) -> int:
    """Answer the number after the newest version."""
    newest = await tx.fetch_value(
        "SELECT max(version) FROM restatement WHERE project_id = %s", (project_id,), into=int
    )
    return (newest or 0) + 1


async def settle_stocks(
    tx: WriteSession, project_id: int, meters: Sequence[int], now: datetime
) -> None:
    """Account what time alone changed of stocks, so that it is no effect of a change."""
    stocks = await stock_meters(tx, project_id)
    for meter in set(stocks) & set(meters):
        await settle_stock(tx, project_id, meter, now)


async def write_change(tx: WriteSession, project_id: int, row: Row, now: datetime) -> int:
    """Give the restatement its version, say that it is being applied, and write its change.

    The caller holds the project's accounts, so that nobody writes any in between.
    """
    version = await next_version(tx, project_id)
    await tx.execute(
        "UPDATE restatement SET state = 'applying', version = %s, started_at = %s"
        " WHERE project_id = %s AND id = %s",
        (version, now, project_id, row.id),
    )
    writing = Writing(row.id, row.proposed_by, now, row.reason)
    undo = await stored_change(row).write(tx, project_id, writing)
    await tx.execute(
        "UPDATE restatement SET undo = %s WHERE project_id = %s AND id = %s",
        (None if undo is None else Jsonb(dict(undo)), project_id, row.id),
    )
    return version


async def begin(tx: WriteSession, project_id: int, row: Row, now: datetime) -> None:
    """Begin to apply an approved restatement. Raises what its kind says cannot be any more."""
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, project_id))
    row = await find_restatement(tx, project_id, row.uid, lock=True)
    if row.state is not State.APPROVED:
        return
    touched = await stored_change(row).touched(tx, project_id, now)
    await settle_stocks(tx, project_id, touched.meters, now)
    [(dirty, stale)] = await tx.fetch_tuples(_BEFORE, {"project": project_id})
    await write_change(tx, project_id, row, now)
    news = {"project": project_id, "dirty": dirty, "stale": stale}
    [(points, seconds)] = await tx.fetch_tuples(_WORK, news)
    [(through, stale)] = await tx.fetch_tuples(_BEFORE, {"project": project_id})
    work = {"points": points, "through": through, "stale": stale, "seconds": seconds}
    await tx.execute(
        "UPDATE restatement SET work = %s WHERE project_id = %s AND id = %s",
        (Jsonb(work), project_id, row.id),
    )
    begun = await find_restatement(tx, project_id, row.uid)
    await tell(tx, project_id, begun, "restatement.begin", None, now, old=row)


async def seal(tx: WriteSession, project_id: int, row: Row, now: datetime) -> bool:
    """Make the version visible if nothing of it is left to do; answer whether it is applied.

    What others have proposed is measured anew, because it now changes other figures.
    """
    row = await find_restatement(tx, project_id, row.uid, lock=True)
    if row.state is not State.APPLYING or row.work is None:
        return True
    if not await _done(tx, project_id, row):
        return False
    await tx.execute(
        "UPDATE restatement SET state = 'applied', applied_at = %s"
        " WHERE project_id = %s AND id = %s",
        (now, project_id, row.id),
    )
    await tx.execute(
        "UPDATE restatement SET difference = NULL WHERE project_id = %s AND state = 'proposed'",
        (project_id,),
    )
    applied = await find_restatement(tx, project_id, row.uid)
    await publish(tx, project_id, "account", "", now)
    await tell(tx, project_id, applied, "restatement.apply", None, now, old=row)
    return True


async def _done(tx: WriteSession, project_id: int, row: Row) -> bool:
    """Tell whether nothing is left to do: first of registers, then of what stands on them.

    What registers leave waiting above them has numbers that are known only when they are done.
    """
    work = dict(row.work or {})
    [(dirty, stale, waiting)] = await tx.fetch_tuples(_LEFT, work | {"project": project_id})
    if dirty:
        return False
    if "above" in work:
        return not waiting
    work |= {"above": True, "stale": stale}
    await tx.execute(
        "UPDATE restatement SET work = %s WHERE project_id = %s AND id = %s",
        (Jsonb(work), project_id, row.id),
    )
    return not await tx.fetch_tuples(
        "SELECT 1 FROM stale WHERE project_id = %s LIMIT 1", (project_id,)
    )


async def fail(
    tx: WriteSession, project_id: int, row: Row, error: KilowiseError, now: datetime
) -> None:
    """Write down why a restatement cannot be tried or applied; nothing of it was kept."""
    row = await find_restatement(tx, project_id, row.uid, lock=True)
    if row.state not in (State.PROPOSED, State.APPROVED):
        return
    fault = {"code": error.error_code, "params": dict(error.params)}
    await tx.execute(
        "UPDATE restatement SET state = 'failed', fault = %s WHERE project_id = %s AND id = %s",
        (Jsonb(fault), project_id, row.id),
    )
    failed = await find_restatement(tx, project_id, row.uid)
    await tell(tx, project_id, failed, "restatement.fail", None, now, old=row)
