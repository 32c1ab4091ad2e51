"""Having accounts recomputed: ranges of points whose readings, or what is known of them, changed.

Written in the transaction that changes them; the `aggregate` role hears of it after the commit.
"""

from collections.abc import Sequence
from datetime import datetime

from backend.core.db import WriteSession


async def mark_points(
    tx: WriteSession, project_id: int, points: Sequence[int], first: datetime, last: datetime
) -> None:
    """Have the accounts of points recomputed from the reading before `first` to that after `last`.

    Also for instants without readings. A `last` before `first` counts as `first`.
    """
    await tx.execute(
        "INSERT INTO dirty (project_id, point_id, first_ts, last_ts)"
        " SELECT %s, point, %s::timestamptz, greatest(%s::timestamptz, %s::timestamptz)"
        " FROM unnest(%s::bigint[]) AS point",
        (project_id, first, first, last, sorted(set(points))),
    )
    await tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(project_id),))
