"""Nodes counted anew over a span because what they count changed, not what was counted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from backend.aggregation.accounts import LOCK
from backend.aggregation.calendar import QUARTER, keep_calendar, quarter_of, read_plant_time
from backend.aggregation.cells import Cell
from backend.aggregation.nodes import read_terms, write_nodes
from backend.aggregation.periods import read_calendar
from backend.aggregation.rollup import Scope, roll_up
from backend.core.db import WriteSession

_FIFTEEN: Final = int(QUARTER.total_seconds())


async def count_nodes_anew(
    tx: WriteSession,
    project_id: int,
    nodes: Sequence[int],
    energy: str,
    span: tuple[datetime, datetime],
    now: datetime,
) -> None:
    """Sum the quarter hours in [first, last) of nodes again, and all above them.

    Waits for the worker that accounts this project, so that neither overwrites the other's sum. For
    spans of a day or so: every quarter hour of every node is looked at in one statement.
    """
    first, last = quarter_of(span[0]), span[1]
    starts = range(int(first.timestamp()), int(last.timestamp()), _FIFTEEN)
    cells = {Cell(node, energy, start, start + _FIFTEEN) for node in nodes for start in starts}
    if not cells:
        return
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, project_id))
    await keep_calendar(tx, project_id, await read_plant_time(tx, project_id), first, last)
    calendar = await read_calendar(tx, project_id, await read_terms(tx, project_id), first, last)
    changed = await write_nodes(tx, project_id, cells, vanished=True, now=now)
    await roll_up(tx, project_id, Scope.NODE, changed, calendar, now)
