"""Planned de-energised time of registers: where nothing flows on purpose, R(t) is flat.

A meter is without power while a node that counts it whole, and only adds meters, is de-energised: a
node that subtracts meters, or takes a share of one, says nothing of its single meters. Membership
counts as it was then.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from backend.aggregation.calendar import DAY, PlantTime, read_plant_time
from backend.aggregation.mapping import OWNERS, POINTS
from backend.aggregation.operating import Entry, Rules, Stretch, joined, resolve
from backend.aggregation.plant_states import Parents, chain_of, read_entries, read_parents
from backend.core.db import ReadSession

Micros = tuple[int, int]
"""A stretch [start, end) in microseconds since 1970."""
_NO_RULES: Final = Rules(frozenset())
"""Only entries can say that no power flows."""


class Membership(NamedTuple):
    """A register's meter is counted by a node in [start, end) (None: without end)."""

    point: int
    node: int
    start: datetime
    end: datetime | None


async def planned_stretches(
    tx: ReadSession,
    project_id: int,
    points: Sequence[int],
    first: datetime,
    last: datetime,
) -> dict[int, list[Micros]]:
    """Answer when the registers `points` are de-energised on purpose within [first, last).

    Rising, not overlapping; a register that always has power is not in the answer.
    """
    entries = await read_entries(tx, project_id, first, last)
    if not any(entry.de_energised for entry in entries):
        return {}
    members = await _memberships(tx, project_id, points)
    parents = await read_parents(tx, project_id)
    plant = await read_plant_time(tx, project_id)
    dead = {
        node: _de_energised(plant, parents, entries, node, first, last)
        for node in {one.node for one in members}
    }
    found: dict[int, list[Micros]] = {}
    for one in members:
        for stretch in dead[one.node]:
            start = max(stretch.start, first, one.start)
            end = min(stretch.end, last, one.end or last)
            if start < end:
                found.setdefault(one.point, []).append((_micros(start), _micros(end)))
    return {point: merged(stretches) for point, stretches in found.items()}


def merged(stretches: Iterable[Micros]) -> list[Micros]:
    """Answer stretches as rising ones that neither overlap nor touch."""
    found: list[Micros] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _de_energised(
    plant: PlantTime,
    parents: Parents,
    entries: Sequence[Entry],
    node: int,
    first: datetime,
    last: datetime,
) -> list[Stretch]:
    """Answer when a node is de-energised; days without any entry are passed over."""
    chain = chain_of(parents, node)
    own = [entry for entry in entries if entry.node_id in chain]
    spans = [(max(e.start, first), min(e.end, last)) for e in own if e.de_energised]
    days = {
        day
        for start, end in spans
        for offset in range((plant.day_of(end) - plant.day_of(start)).days + 1)
        for day in [plant.day_of(start) + offset * DAY]
    }
    resolved = (
        stretch
        for day in sorted(days)
        for stretch in resolve(plant, chain, own, _NO_RULES, day, day + DAY)
    )
    return [stretch for stretch in joined(resolved) if stretch.de_energised]


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


_MEMBERS: Final = f"""
SELECT p.id, nm.node_id, nm.valid_from, nm.valid_to
FROM {POINTS}
CROSS JOIN LATERAL ({OWNERS}) AS m
JOIN node_meter nm ON nm.project_id = %(project)s AND nm.meter_id = m.id AND nm.coefficient = 1
WHERE NOT EXISTS (SELECT 1 FROM node_meter x WHERE x.project_id = %(project)s
                  AND x.node_id = nm.node_id AND x.coefficient < 0)
ORDER BY p.id, nm.node_id, nm.valid_from
"""


async def _memberships(tx: ReadSession, project_id: int, points: Sequence[int]) -> list[Membership]:
    rows = await tx.fetch_tuples(_MEMBERS, {"project": project_id, "points": list(points)})
    return [Membership(*row) for row in rows]
