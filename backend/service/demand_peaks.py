"""The highest demand of each hour, kept as rows, so that a month's maximum is one small query.

An hour is computed from its readings, by the contract's own method, whenever a quarter hour of the
contract's node in it or before it was accounted anew: live values, a gateway's backlog and an
import end in the same rows, and a register that was judged anew corrects them. Hours that a version
being applied reaches wait until it is applied.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.aggregation.calendar import HOUR, read_plant_time
from backend.aggregation.figures import Today, today_of
from backend.aggregation.versions import unsettled_until
from backend.core.db import Database, ReadSession
from backend.core.platform import Platform
from backend.service.demand import Contract, Stretch, contract_in_force, peak_demands
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
"""Seconds of the platform's clock between two looks at all projects."""
PAUSE_S: Final = 0.25
"""Real seconds between them at least, however fast that clock runs."""
BITE: Final = 12
"""Hours a call: a month of one-second registers is read in 60 of them, newest first."""

_CHANGED: Final = """
WITH hours AS (
    SELECT date_bin('1 hour', start_ts, %(month)s::timestamptz) AS start_ts,
           max(updated_at) AS updated_at
    FROM account
    WHERE project_id = %(project)s AND scope = 2 AND scope_id = %(node)s
      AND energy = 'electricity' AND period = 1
      AND start_ts >= %(month)s::timestamptz - interval '1 hour' AND start_ts < %(end)s
    GROUP BY 1
), touched AS (
    SELECT start_ts, greatest(updated_at, lag(updated_at) OVER (ORDER BY start_ts)) AS seen_at
    FROM hours
)
SELECT t.start_ts, t.seen_at
FROM touched t LEFT JOIN demand_peak d ON d.project_id = %(project)s
    AND d.node_id = %(node)s AND d.start_ts = t.start_ts
WHERE t.start_ts >= %(month)s AND t.start_ts >= %(settled)s AND d.seen_at IS DISTINCT FROM t.seen_at
ORDER BY t.start_ts DESC LIMIT %(bite)s
"""
_STORE: Final = """
INSERT INTO demand_peak (project_id, node_id, start_ts, kw, at, seen_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (project_id, node_id, start_ts) DO UPDATE
SET kw = excluded.kw, at = excluded.at, seen_at = excluded.seen_at
"""


@dataclass(frozen=True, slots=True)
class _Due:
    """Hours to compute: (start, newest accounting that touched it), and the contract."""

    contract: Contract
    hours: Sequence[tuple[datetime, datetime]]
    peaks: Sequence[tuple[datetime, float] | None]


async def run(platform: Platform) -> None:
    """Keep the highest demands of all projects, with a look once a minute; for ever."""
    while True:
        await keep_all(platform)
        await asyncio.gather(platform.clock.sleep(EVERY_S), asyncio.sleep(PAUSE_S))


async def keep_all(platform: Platform) -> None:
    """Bring every project's hours up to date, bite after bite."""
    for project_id, slug in await known_projects(platform.database):
        try:
            while await keep_peaks(platform.database, project_id, platform.clock.now()):
                pass
        except Exception:  # one project's fault must not stop the others (supervisor)
            log.exception("highest demands of project %s were not kept; trying again", slug)


async def keep_peaks(database: Database, project_id: int, now: datetime) -> bool:
    """Bring a bite of this month's hours up to date; answer whether there may be more to do."""
    async with database.read(project_id) as tx:
        due = await _due(tx, project_id, now)
    if due is None or not due.hours:
        return False
    rows = [
        (
            project_id,
            due.contract.node_id,
            start,
            None if peak is None else Decimal(str(round(peak[1], 3))),
            None if peak is None else peak[0],
            seen,
        )
        for (start, seen), peak in zip(due.hours, due.peaks, strict=True)
    ]
    async with database.project(project_id) as writing:
        await writing.execute_many(_STORE, rows)
    return len(rows) == BITE


async def _due(tx: ReadSession, project_id: int, now: datetime) -> _Due | None:
    contract = await contract_in_force(tx, project_id, now)
    if contract is None:
        return None
    today = await _today(tx, project_id, now)
    params = {
        "project": project_id,
        "node": contract.node_id,
        "month": today.month,
        "end": today.month_end,
        "bite": BITE,
        "settled": await unsettled_until(tx, project_id) or today.month,
    }
    hours = [(row[0], row[1]) for row in await tx.fetch_tuples(_CHANGED, params)]
    stretches = [Stretch(contract, start, min(start + HOUR, now)) for start, _ in hours]
    return _Due(contract, hours, await peak_demands(tx, project_id, stretches) if hours else [])


async def _today(tx: ReadSession, project_id: int, now: datetime) -> Today:
    return today_of(await read_plant_time(tx, project_id), now)


async def month_peak(
    tx: ReadSession, project_id: int, node_id: int, start: datetime, end: datetime
) -> float | None:
    """The highest demand (kW) kept of [start, end); None until one is known."""
    row = await tx.fetch_one(
        "SELECT max(kw) AS kw FROM demand_peak"
        " WHERE project_id = %s AND node_id = %s AND start_ts >= %s AND start_ts < %s",
        (project_id, node_id, start, end),
    )
    return None if row is None or row["kw"] is None else float(row["kw"])
