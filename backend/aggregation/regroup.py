"""Summing longer periods anew after days, weeks, months, years or shifts got other bounds.

Quarter hours stay as they are, so no quantity, quality or price changes: only which of them a
period holds. `ask` deletes the accounts of the periods whose bounds moved and leaves a row of
`regroup`; the role that accounts takes it up in bites, the newest time first, so that for a while
these periods have no figures, and never wrong ones.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from backend.aggregation.calendar import QUARTER, Period
from backend.aggregation.cells import Cell, Changed
from backend.core.db import ReadSession, WriteSession

BITE_CELLS: Final = 10_000
"""Quarter hours of meters that one transaction sums anew."""

PassUpward = Callable[
    [WriteSession, int, Changed, tuple[datetime, datetime], datetime], Awaitable[None]
]


async def ask(
    tx: WriteSession,
    project_id: int,
    periods: Iterable[Period],
    first: datetime,
    last: datetime,
) -> None:
    """Have periods that touch [first, last), quarter hours, summed anew; under accounts.LOCK.

    Before the calendar there are no accounts.
    """
    known = await tx.fetch_value(
        "SELECT min(start_ts) FROM calendar_period WHERE project_id = %s AND period = %s",
        (project_id, int(Period.DAY)),
        into=datetime,
    )
    if known is None or max(first, known) >= last:
        return
    first = max(first, known)
    numbers = sorted(int(period) for period in periods)
    span = {"project": project_id, "periods": numbers, "first": first, "last": last}
    await tx.execute(
        "DELETE FROM account WHERE project_id = %(project)s AND scope IN (1, 2)"
        " AND period = ANY(%(periods)s) AND end_ts > %(first)s AND start_ts < %(last)s",
        span,
    )
    await tx.execute(
        "INSERT INTO regroup (project_id, first_ts, last_ts, periods)"
        " VALUES (%(project)s, %(first)s, %(last)s, %(periods)s)",
        span,
    )
    await tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(project_id),))


async def regroup(
    tx: WriteSession, project_id: int, pass_upward: PassUpward, now: datetime
) -> bool:
    """Sum the newest bite of what waits anew; answer whether there was any.

    `pass_upward` is that of accounts, whose lock the caller holds.
    """
    found = await tx.fetch_tuples(
        "SELECT id, first_ts, last_ts FROM regroup WHERE project_id = %s"
        " ORDER BY last_ts DESC LIMIT 1 FOR UPDATE SKIP LOCKED",
        (project_id,),
    )
    if not found:
        return False
    number, first, last = found[0]
    start = max(first, last - await _bite(tx, project_id))
    cells = {Cell(*row) for row in await tx.fetch_tuples(_QUARTERS, (project_id, start, last))}
    if cells:
        await pass_upward(tx, project_id, Changed(cells, vanished=True), (start, last), now)
    if start <= first:
        await tx.execute(
            "DELETE FROM regroup WHERE project_id = %s AND id = %s", (project_id, number)
        )
    else:
        await tx.execute(
            "UPDATE regroup SET last_ts = %s WHERE project_id = %s AND id = %s",
            (start, project_id, number),
        )
    return True


async def waiting(tx: ReadSession, project_id: int) -> timedelta:
    """Answer how much time waits to be summed anew."""
    found = await tx.fetch_value(
        "SELECT sum(last_ts - first_ts) FROM regroup WHERE project_id = %s",
        (project_id,),
        into=timedelta,
    )
    return found or timedelta(0)


async def _bite(tx: ReadSession, project_id: int) -> timedelta:
    meters = await tx.fetch_value(
        "SELECT count(*) FROM meter WHERE project_id = %s", (project_id,), into=int
    )
    return max(1, BITE_CELLS // max(meters or 1, 1)) * QUARTER


_QUARTERS: Final = """
SELECT a.scope_id, a.energy, extract(epoch FROM a.start_ts)::bigint,
       extract(epoch FROM a.end_ts)::bigint
FROM (SELECT %s::int AS project, %s::timestamptz AS first, %s::timestamptz AS last) AS v
JOIN meter m ON m.project_id = v.project
CROSS JOIN LATERAL (SELECT * FROM account q WHERE q.project_id = v.project AND q.scope = 1
    AND q.scope_id = m.id AND q.energy = m.energy AND q.period = 1
    AND q.start_ts >= v.first AND q.start_ts < v.last OFFSET 0) AS a
"""
