"""How far a project's accounts are: what waits and since when, and how fast it goes on.

Waiting is measured by the database's clock, which stamps the rows that wait: it is the same for all
who write them and all who work them off.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from backend.core.db import ReadSession, WriteSession

DEBOUNCE: Final = timedelta(seconds=1)
"""How long nodes may wait while a project has a backlog."""
WINDOW: Final = timedelta(seconds=15)
"""What a rate is measured over."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What waits: `ranges` of registers, virtual meters and nodes, together `hours` long.

    `oldest_s`: seconds that the oldest waits, None where nothing does. `rows_per_s`: quarter hours
    of meters recomputed a second over the last quarter of a minute, 0 when nobody works.
    """

    ranges: int
    hours: float
    oldest_s: float | None
    rows_per_s: float


_WAITING: Final = """
SELECT count(*) AS ranges,
       coalesce(sum(extract(epoch FROM last_ts - first_ts)) / 3600, 0)::float8 AS hours,
       extract(epoch FROM clock_timestamp() - min(since))::float8 AS oldest_s,
       coalesce((
           SELECT CASE WHEN clock_timestamp() - r.at > 2 * %(window)s THEN 0 ELSE r.rate END
           FROM account_rate r WHERE r.project_id = %(project)s), 0)::float8 AS rows_per_s
FROM (
    SELECT first_ts, last_ts, since FROM dirty WHERE project_id = %(project)s
    UNION ALL
    SELECT first_ts, last_ts, since FROM stale WHERE project_id = %(project)s
) AS waiting
"""
_COUNT: Final = """
INSERT INTO account_rate AS r (project_id, began, rows, rate, at)
VALUES (%(project)s, clock_timestamp(), %(rows)s, 0, clock_timestamp())
ON CONFLICT (project_id) DO UPDATE SET
    at = excluded.at,
    began = CASE WHEN excluded.at - r.began > %(window)s THEN excluded.at ELSE r.began END,
    rows = CASE WHEN excluded.at - r.began > %(window)s THEN 0 ELSE r.rows END + excluded.rows,
    rate = CASE WHEN excluded.at - r.began > %(window)s OR r.rate = 0
           THEN (r.rows + excluded.rows)
                / greatest(extract(epoch FROM excluded.at - r.began), 1)
           ELSE r.rate END
"""


async def read_progress(tx: ReadSession, project_id: int) -> Progress:
    """Answer how far a project's accounts are."""
    found = await tx.fetch_one(_WAITING, {"project": project_id, "window": WINDOW}, into=Progress)
    return found or Progress(0, 0.0, None, 0.0)


async def count_rows(tx: WriteSession, project_id: int, rows: int) -> None:
    """Count quarter hours that were recomputed, for the rate."""
    await tx.execute(_COUNT, {"project": project_id, "rows": rows, "window": WINDOW})


async def debounced(tx: ReadSession, project_id: int) -> bool:
    """Tell whether nodes have waited for as long as they may."""
    return bool(
        await tx.fetch_value(
            "SELECT coalesce(min(since) <= clock_timestamp() - %s, false) FROM stale"
            " WHERE project_id = %s",
            (DEBOUNCE, project_id),
            into=bool,
        )
    )
