"""What the platform recorded of registers, as causes of gaps in quarter hours of a span."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from backend.core.db import ReadSession
from backend.service.quality.stretches import Cause, Recorded

_RECORDED: Final = """
SELECT point_id, cause, first, last FROM (
    SELECT j.point_id, CASE WHEN j.until_ts IS NULL THEN 'held' ELSE 'judged' END AS cause,
           j.ts AS first, coalesce(j.until_ts, %(end)s) AS last
    FROM register_judgement j
    WHERE j.project_id = %(project)s AND j.point_id = ANY(%(points)s)
      AND j.kind IN ('held', 'dip', 'zero', 'spike', 'jump')
    UNION ALL
    SELECT e.point_id, CASE e.kind WHEN 'exclude' THEN 'excluded' ELSE 'changed' END, e.ts,
           coalesce(e.until_ts, %(end)s)
    FROM register_event e
    WHERE e.project_id = %(project)s AND e.point_id = ANY(%(points)s) AND e.revoked_at IS NULL
      AND (e.kind = 'exclude' OR e.kind = 'changed' AND NOT EXISTS (
          SELECT 1 FROM register_event a WHERE a.project_id = %(project)s
          AND a.point_id = e.point_id AND a.answers = e.id AND a.revoked_at IS NULL))
    UNION ALL
    SELECT q.point_id, 'clock', q.received_at, q.received_at
    FROM reading_quarantine q
    WHERE q.project_id = %(project)s AND q.point_id = ANY(%(points)s)
      AND q.received_at >= %(start)s AND q.received_at < %(end)s
) AS told
WHERE first < %(end)s AND last >= %(start)s
ORDER BY point_id, first
"""
_QUARTER_S: Final = 900


class _Subject(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def point_id(self) -> int | None: ...


async def read_recorded(
    tx: ReadSession,
    project_id: int,
    subjects: Sequence[_Subject],
    start: datetime,
    end: datetime,
) -> list[Recorded]:
    """Answer what is recorded of meters in [start, end); a part of a quarter hour marks it."""
    meters = {one.point_id: one.id for one in subjects if one.point_id is not None}
    keys = {"project": project_id, "points": list(meters), "start": start, "end": end}
    origin, whole = start.timestamp(), (end - start).total_seconds()
    found = []
    for point, cause, first, last in await tx.fetch_tuples(_RECORDED, keys):
        low = max(0.0, first.timestamp() - origin)
        high = min(whole, last.timestamp() - origin)
        begin = int(low // _QUARTER_S)
        finish = max(begin + 1, int(-(-high // _QUARTER_S)))
        found.append(Recorded(meters[point], Cause(cause), begin, finish))
    return found
