"""Which gauges meters are read from: their samples change accounts, as those of registers do.

Ingest looks every few seconds; whoever makes such a meter has its past recomputed and waits for
nobody.
"""

from datetime import datetime, timedelta
from typing import Final

from backend.acquisition.batch import PointKey
from backend.core.db import WriteSession

BACK: Final = timedelta(minutes=1)
"""Longer than the time between two looks: so far back a gauge that is new here is recomputed."""
_GAUGES: Final = """
SELECT m.project_id, p.id FROM meter m
JOIN point p ON p.project_id = m.project_id AND p.device_id = m.device_id AND p.name = m.power_name
WHERE m.source = 'gauge' AND m.point_id IS NULL
UNION
SELECT m.project_id, m.point_id FROM meter m WHERE m.source = 'gauge' AND m.point_id IS NOT NULL
UNION
SELECT s.project_id, s.point_id FROM meter_source s
JOIN meter m ON m.project_id = s.project_id AND m.id = s.meter_id WHERE m.source = 'gauge'
"""
_NEW: Final = """
INSERT INTO dirty (project_id, point_id, first_ts, last_ts)
SELECT n.project_id, n.point_id, %s, %s FROM unnest(%s::int[], %s::bigint[])
     AS n (project_id, point_id)
"""


async def read_accounted(
    tx: WriteSession, known: frozenset[PointKey] | None, now: datetime
) -> frozenset[PointKey]:
    """Answer the gauges of meters; those that were not `known` a moment ago are made dirty."""
    found = frozenset((row[0], row[1]) for row in await tx.fetch_tuples(_GAUGES))
    new = sorted(found - known) if known is not None else []
    if new:
        projects, points = [list(column) for column in zip(*new, strict=True)]
        await tx.execute(_NEW, (now - BACK, now, projects, points))
    return found
