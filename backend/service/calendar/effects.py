"""What follows when a plant's calendar changes: shifts laid anew, accounts recomputed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from backend.aggregation.accounts import LOCK
from backend.aggregation.calendar import (
    AHEAD,
    BACK,
    QUARTER,
    Period,
    PlantTime,
    quarter_of,
    read_plant_time,
)
from backend.aggregation.dirty import mark_points
from backend.aggregation.mapping import OWN
from backend.aggregation.plant_states import below, read_parents
from backend.aggregation.regroup import ask
from backend.aggregation.shift_rows import MARGIN, keep_shifts, lay_anew
from backend.core.db import WriteSession
from backend.core.errors import InvalidInput
from backend.core.events import publish

FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2090, 1, 1)
"""Days that a person may name; others come from a clock that was never set."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change under way: every row is of this project and this moment."""

    tx: WriteSession
    project_id: int
    plant: PlantTime
    now: datetime


async def begin(tx: WriteSession, project_id: int, now: datetime) -> Change:
    """Open a change; waits until nothing is accounted, so that no sum mixes old and new bounds."""
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, project_id))
    return Change(tx, project_id, await read_plant_time(tx, project_id), now)


async def days_changed(change: Change, node: int, first: date, last: date) -> None:
    """Lay the shifts below a node anew after states of its days [first, last) changed."""
    await shifts_changed(change, await nodes_with_patterns(change, node), first, last)


async def shifts_changed(
    change: Change, nodes: Collection[int], first: date, last: date | None = None
) -> None:
    """Lay the shifts of nodes anew, and sum their accounts anew as far as they are past."""
    if not nodes:
        return
    tx, project_id, plant, now = change.tx, change.project_id, change.plant, change.now
    await lay_anew(tx, project_id, plant, nodes, first, last)
    await keep_shifts(tx, project_id, plant, now - BACK, now + AHEAD)
    begin = plant.start_of(first)
    end = now if last is None else min(now, plant.start_of(last + MARGIN))
    await ask(tx, project_id, [Period.SHIFT], begin, quarter_of(end) + QUARTER)


async def nodes_with_patterns(change: Change, node: int) -> list[int]:
    """Answer a node and those below it that have shift patterns of their own."""
    nodes = below(await read_parents(change.tx, change.project_id), node)
    rows = await change.tx.fetch_tuples(
        "SELECT DISTINCT node_id FROM shift_pattern WHERE project_id = %s AND node_id = ANY(%s)",
        (change.project_id, nodes),
    )
    return [row[0] for row in rows]


async def power_changed(change: Change, node: int, start: datetime, end: datetime) -> None:
    """Have the registers at and below a node recomputed in [start, end): they were planned dead."""
    if start >= change.now:
        return
    nodes = below(await read_parents(change.tx, change.project_id), node)
    rows = await change.tx.fetch_tuples(_POINTS, {"project": change.project_id, "nodes": nodes})
    points = [row[0] for row in rows]
    await mark_points(change.tx, change.project_id, points, start, min(end, change.now))


_POINTS: Final = f"""
SELECT DISTINCT o.point
FROM ({OWN.format(condition="true")}) AS o
JOIN node_meter nm ON nm.project_id = %(project)s AND nm.meter_id = o.meter
WHERE nm.node_id = ANY(%(nodes)s)
"""


async def tell(change: Change) -> None:
    """Tell who looks at the project that its calendar changed."""
    await publish(change.tx, change.project_id, "model", "", change.now)


def known_day(day: date, name: str) -> date:
    """Answer a day that a person named. InvalidInput for one of a clock that was never set."""
    if not FIRST_DAY <= day < LAST_DAY:
        raise InvalidInput("calendar_day", field=name, day=day.isoformat())
    return day
