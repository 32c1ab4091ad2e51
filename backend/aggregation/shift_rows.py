"""Shift patterns laid out as rows of `shift_period`, kept around the present and laid anew.

A node that has a pattern has rows of its own, which follow each other without gaps; on a day
without a pattern of its own in force they are laid by the pattern of the nearest node above that
has one, else they say that nobody works. They begin with the first of these patterns, or as far
back as accounts were asked for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from backend.aggregation.calendar import DAY, PlantTime
from backend.aggregation.operating import Rules, worked_days
from backend.aggregation.plant_states import (
    Parents,
    chain_of,
    read_entries,
    read_parents,
    read_patterns,
    read_rules,
)
from backend.aggregation.shifts import DatedPattern, ShiftRow, expand
from backend.core.db import ReadSession, WriteSession

MARGIN: Final = 2 * DAY
"""How far a shift may reach beyond its day; as much is expanded on either side of what is laid."""
SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Layer:
    """What rows of a project are laid from."""

    plant: PlantTime
    parents: Parents
    rules: Rules
    patterns: dict[int, list[DatedPattern]]

    def by(self, node: int) -> list[DatedPattern]:
        """Answer the patterns that a node works by: its own, then those of the nodes above."""
        return [
            one for above in chain_of(self.parents, node) for one in self.patterns.get(above, ())
        ]

    def earliest(self, node: int) -> date:
        """Answer the day from which a node has shifts."""
        return min(one.first for one in self.by(node))


class Reach(NamedTuple):
    """How far the rows of a node with a pattern reach; None where it has none yet."""

    node: int
    low: datetime | None
    high: datetime | None


async def keep_shifts(
    tx: WriteSession, project_id: int, plant: PlantTime, since: datetime, until: datetime
) -> None:
    """Have shift rows for every node with a pattern that cover [since, until]."""
    first, last = plant.day_of(since), plant.day_of(until) + DAY
    due = [one for one in await _reaches(tx, project_id) if _missing(plant, one, first, last)]
    if not due:
        return
    layer = await _layer(tx, project_id, plant)
    for reach in due:
        begin = max(first, layer.earliest(reach.node))
        for span in _missing(plant, reach, begin, last):
            await _lay(tx, project_id, layer, reach.node, *span)


async def shift_node(tx: ReadSession, project_id: int, chain: Sequence[int]) -> int | None:
    """Answer by whose rows a node works: its own or the nearest above's; None without any.

    `chain` is the node and its ancestors, nearest first.
    """
    return await tx.fetch_value(
        "SELECT c.node FROM unnest(%(chain)s::bigint[]) WITH ORDINALITY AS c (node, place)"
        " WHERE EXISTS (SELECT 1 FROM shift_period s WHERE s.project_id = %(project)s"
        " AND s.node_id = c.node) ORDER BY c.place LIMIT 1",
        {"project": project_id, "chain": list(chain)},
        into=int,
    )


async def lay_anew(
    tx: WriteSession,
    project_id: int,
    plant: PlantTime,
    nodes: Collection[int],
    first: date,
    last: date | None = None,
) -> None:
    """Lay the rows of nodes anew on the days from `first` to before `last`, as far as they reach.

    A node that has no pattern any more loses its rows and works by those above it.
    """
    layer = await _layer(tx, project_id, plant)
    await tx.execute(
        "DELETE FROM shift_period WHERE project_id = %s AND node_id = ANY(%s)"
        " AND NOT node_id = ANY(%s)",
        (project_id, list(nodes), list(layer.patterns)),
    )
    for reach in await _reaches(tx, project_id):
        if reach.node not in nodes or reach.low is None or reach.high is None:
            continue
        earliest = layer.earliest(reach.node)
        await tx.execute(
            "DELETE FROM shift_period WHERE project_id = %s AND node_id = %s AND start_ts < %s",
            (project_id, reach.node, plant.start_of(earliest)),
        )
        begin = max(first, plant.day_of(reach.low), earliest)
        high = plant.day_of(reach.high - SECOND) + DAY
        end = high if last is None else min(last + MARGIN, high)
        await _lay(tx, project_id, layer, reach.node, begin, end)


async def _reaches(tx: ReadSession, project_id: int) -> list[Reach]:
    """Answer how far the rows of each node with a pattern reach."""
    rows = await tx.fetch_tuples(_REACHES, {"project": project_id})
    return [Reach(*row) for row in rows]


_REACHES: Final = """
SELECT p.node_id, low.start_ts, high.end_ts
FROM (SELECT DISTINCT node_id FROM shift_pattern WHERE project_id = %(project)s) AS p
LEFT JOIN LATERAL (SELECT s.start_ts FROM shift_period s WHERE s.project_id = %(project)s
    AND s.node_id = p.node_id ORDER BY s.start_ts LIMIT 1) AS low ON true
LEFT JOIN LATERAL (SELECT s.end_ts FROM shift_period s WHERE s.project_id = %(project)s
    AND s.node_id = p.node_id ORDER BY s.start_ts DESC LIMIT 1) AS high ON true
ORDER BY p.node_id
"""


def _missing(plant: PlantTime, reach: Reach, first: date, last: date) -> list[tuple[date, date]]:
    """Answer the days of [first, last) to lay before and after what is there."""
    if first >= last:
        return []
    if reach.low is None or reach.high is None:
        return [(first, last)]
    low, high = plant.day_of(reach.low), plant.day_of(reach.high)
    # The days that the rows begin and end in are laid again: rows may cover a part of them only.
    before = [(first, low + DAY)] if plant.start_of(first) < reach.low else []
    return before + ([(high, last)] if reach.high < plant.start_of(last) else [])


async def _layer(tx: ReadSession, project_id: int, plant: PlantTime) -> Layer:
    parents = await read_parents(tx, project_id)
    rules = await read_rules(tx, project_id)
    return Layer(plant, parents, rules, await read_patterns(tx, project_id))


async def _lay(
    tx: WriteSession, project_id: int, layer: Layer, node: int, first: date, last: date
) -> None:
    """Replace the rows of a node that touch the days from `first` to before `last`."""
    if first >= last:
        return
    plant, dated = layer.plant, layer.by(node)
    chain = chain_of(layer.parents, node)
    low, high = plant.start_of(first), plant.start_of(last)
    span = plant.start_of(first - 2 * MARGIN), plant.start_of(last + 2 * MARGIN)
    entries = await read_entries(tx, project_id, *span, chain)
    works = worked_days(plant, chain, entries, layer.rules)
    begin = max(first - MARGIN, layer.earliest(node))
    rows = expand(plant, dated, works, begin, last + MARGIN)
    await _replace(
        tx, project_id, node, (low, high), [r for r in rows if r.end > low and r.start < high]
    )


async def _replace(
    tx: WriteSession,
    project_id: int,
    node: int,
    span: tuple[datetime, datetime],
    rows: Sequence[ShiftRow],
) -> None:
    await tx.execute(
        "DELETE FROM shift_period WHERE project_id = %s AND node_id = %s"
        " AND end_ts > %s AND start_ts < %s",
        (project_id, node, *span),
    )
    columns = (list(column) for column in zip(*rows, strict=True))
    await tx.execute(
        "INSERT INTO shift_period (project_id, node_id, start_ts, end_ts, shift, team, day)"
        " SELECT %s, %s, * FROM unnest(%s::timestamptz[], %s::timestamptz[], %s::text[],"
        " %s::text[], %s::date[])",
        (project_id, node, *columns),
    )
