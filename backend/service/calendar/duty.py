"""Who is at work at a node, and which devices are without power on purpose: what alarms ask."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from backend.aggregation.calendar import DAY, read_plant_time
from backend.aggregation.operating import State, resolve
from backend.aggregation.planned import planned_stretches
from backend.aggregation.plant_states import chain_of, read_entries, read_parents, read_rules
from backend.aggregation.shift_rows import shift_node
from backend.core.db import ReadSession

AT_WORK: Final = frozenset({State.RATIONED, State.MAINTENANCE})
"""States in which people use power outside their shifts: work is moved to hours without rationing,
or equipment is tried out. At a stop and at rest use is what the alarm is for.
"""


async def at_work(
    tx: ReadSession, project_id: int, node: int, since: datetime, until: datetime
) -> bool:
    """Tell whether somebody works at a node at any time in [since, until).

    By its own shifts or those of the nearest node above that has any, or by an entered state.
    """
    chain = chain_of(await read_parents(tx, project_id), node)
    on_shift = await tx.fetch_value(
        "SELECT EXISTS (SELECT 1 FROM shift_period WHERE project_id = %s AND node_id = %s"
        " AND shift <> '' AND start_ts < %s AND end_ts > %s)",
        (project_id, await shift_node(tx, project_id, chain), until, since),
        into=bool,
    )
    if on_shift:
        return True
    entries = await read_entries(tx, project_id, since, until, chain)
    if not any(entry.state in AT_WORK for entry in entries):
        return False
    plant, rules = await read_plant_time(tx, project_id), await read_rules(tx, project_id)
    days = plant.day_of(since), plant.day_of(until) + DAY
    return any(
        stretch.state in AT_WORK and stretch.start < until and stretch.end > since
        for stretch in resolve(plant, chain, entries, rules, *days)
    )


async def without_power(
    tx: ReadSession, project_id: int, devices: Sequence[int], since: datetime, until: datetime
) -> set[int]:
    """Answer which devices have a register that is dead on purpose within [since, until)."""
    rows = await tx.fetch_tuples(
        "SELECT id, device_id FROM point WHERE project_id = %s AND device_id = ANY(%s)"
        " AND kind = 'register'",
        (project_id, list(devices)),
    )
    device_of = {row[0]: row[1] for row in rows}
    planned = await planned_stretches(tx, project_id, list(device_of), since, until)
    return {device_of[point] for point in planned}
