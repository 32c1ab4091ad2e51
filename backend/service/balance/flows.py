"""What flows through a place and its parts in each quarter hour of a span, and which of them count.

A quarter hour is complete when every meter's figure stands on readings.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from backend.acquisition.readings import between
from backend.aggregation.calendar import QUARTER, Period
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.service.balance.members import Member, Members
from gateway.contract.quality import Quality

KNOWN = (Quality.GOOD, Quality.SUBSTITUTED, Quality.MANUAL)
"""Qualities whose figures make a loss."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which energy of which place, [start, end) cut at quarter hours."""

    node_id: int
    energy: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Table:
    """Quarter hours of a place and its parts by node, beside which of them are complete.

    `told` are the nodes of which anything is known: a figure, or that nothing is expected.
    """

    starts: Sequence[datetime]
    rows: Mapping[int, Sequence[int]]
    complete: Sequence[bool]
    told: Set[int]

    def whole(self, step: int) -> list[int]:
        """Which quarter hour begins each `step` of them, from the start on, that are complete."""
        firsts = range(0, len(self.starts) - step + 1, step)
        return [first for first in firsts if all(self.complete[first : first + step])]

    def known(self, node_id: int) -> list[int]:
        """Quantities of a node in complete quarter hours."""
        pairs = zip(self.rows[node_id], self.complete, strict=True)
        return [quantity for quantity, complete in pairs if complete]

    def known_by(self, step: int) -> dict[int, list[int]]:
        """Quantities of every node in `step` complete quarter hours each."""
        if step == 1:
            return {node: self.known(node) for node in self.rows}
        firsts = self.whole(step)
        return {
            node: [sum(row[first : first + step]) for first in firsts]
            for node, row in self.rows.items()
        }


_ACCOUNTS = """
SELECT scope_id, ((extract(epoch FROM start_ts) - %(first)s) / 900)::int, qty, quality
FROM {accounts} a
WHERE project_id = %(project)s AND scope = %(scope)s AND scope_id = ANY(%(ids)s)
  AND energy = %(energy)s AND period = %(period)s AND start_ts >= %(start)s AND start_ts < %(end)s
"""
_METERS = """
SELECT scope_id, sum(qty)::bigint FROM {accounts} a
WHERE project_id = %(project)s AND scope = %(scope)s AND scope_id = ANY(%(ids)s)
  AND energy = %(energy)s AND period = %(period)s AND start_ts >= %(start)s AND start_ts < %(end)s
  AND start_ts = ANY(%(starts)s::timestamptz[])
GROUP BY scope_id
"""
_READINGS = between(
    "p.id",
    "%(start)s::timestamptz",
    "%(end)s::timestamptz",
    "r.quality = 0 AND r.ts = ANY(%(ends)s::timestamptz[])",
)
_EXPORTS = f"""
SELECT nm.node_id, ((extract(epoch FROM r.ts) - %(first)s) / 900)::int, r.value
FROM node_meter nm
JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id AND m.energy = %(energy)s
JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
     AND p.name = replace(m.register_name, 'ep_imp', 'ep_exp') AND p.name <> m.register_name
CROSS JOIN LATERAL ({_READINGS}) AS r
WHERE nm.project_id = %(project)s AND nm.node_id = ANY(%(ids)s) AND nm.coefficient = 1
"""


async def read_table(
    tx: ReadSession, project_id: int, span: Span, members: Members, parts: Sequence[int]
) -> Table:
    """Answer the quarter hours of a place and its parts."""
    nodes = [span.node_id, *parts]
    where = await shown(tx, project_id)
    keys = _keys(project_id, span, Scope.NODE, nodes) | {"as_of": where.as_of}
    found = await tx.fetch_tuples(where.sql(_ACCOUNTS), keys)
    count = (span.end - span.start) // QUARTER
    starts = [span.start + number * QUARTER for number in range(count)]
    rows = {node: [0] * count for node in nodes}
    sure = {node: [False] * count for node in nodes}
    told = {node for node, *_ in found}
    for node, number, quantity, quality in found:
        rows[node][number] = quantity
        sure[node][number] = quality in KNOWN
    for node in nodes:
        for number in _absent(members.of(node), starts):
            sure[node][number] = True
            told.add(node)
    complete = [all(one) for one in zip(*sure.values(), strict=True)]
    return Table(starts, rows, complete, told)


def _absent(members: Sequence[Member], starts: Sequence[datetime]) -> Iterable[int]:
    """Quarter hours in which a node counts no meter: nothing is expected of it then."""
    for number, start in enumerate(starts):
        if not any(member.holds(start) for member in members):
            yield number


async def read_meters(
    tx: ReadSession, project_id: int, span: Span, meters: Sequence[int], table: Table
) -> dict[int, int]:
    """Answer what meters counted in the complete quarter hours."""
    starts = [start for start, whole in zip(table.starts, table.complete, strict=True) if whole]
    where = await shown(tx, project_id)
    keys = _keys(project_id, span, Scope.METER, meters) | {"starts": starts, "as_of": where.as_of}
    return dict(await tx.fetch_tuples(where.sql(_METERS), keys))


async def read_exports(
    tx: ReadSession, project_id: int, span: Span, parts: Sequence[int], table: Table, step: int = 1
) -> dict[int, list[int]]:
    """What export registers counted, in mWh, of parts whose import stands still (kWh registers).

    By `step` complete quarter hours, as `Table.known` answers.
    """
    still = [part for part in parts if not any(table.known(part))]
    if not still:
        return {}
    ends = [*table.starts, span.end]
    keys = _keys(project_id, span, Scope.NODE, still) | {"ends": ends}
    shown: dict[int, dict[int, float]] = {}
    for node, number, value in await tx.fetch_tuples(_EXPORTS, keys):
        shown.setdefault(node, {})[number] = value
    firsts = table.whole(step)
    return {
        node: [round((values[first + step] - values[first]) * 1_000_000) for first in firsts]
        for node, values in shown.items()
        if all(first in values and first + step in values for first in firsts)
    }


def _keys(project_id: int, span: Span, scope: Scope, ids: Sequence[int]) -> dict[str, object]:
    return {
        "project": project_id,
        "scope": int(scope),
        "ids": list(ids),
        "energy": span.energy,
        "period": int(Period.QUARTER_HOUR),
        "start": span.start,
        "end": span.end,
        "first": int(span.start.timestamp()),
    }
