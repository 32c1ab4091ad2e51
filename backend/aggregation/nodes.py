"""Quarter hours of nodes: the sum of coefficient x meter over the memberships that hold then.

A sum is rounded once, half even, so that an account stays an integer. What a member has no account
of is missing, never zero: the sum says so by its quality, and by what it expects and has measured.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from backend.aggregation.cells import (
    INSERT,
    KEY,
    QUARTER_S,
    UPSERT,
    Cell,
    Changed,
    array,
    starts_of,
)
from backend.aggregation.fresh import fresh
from backend.aggregation.keeper import Keeper
from backend.core.db import ReadSession, WriteSession
from gateway.contract.quality import Quality


class Term(NamedTuple):
    """A node that counts a meter in [first, last) (Unix seconds)."""

    node: int
    first: float
    last: float


class Group(NamedTuple):
    """So many meters of one energy that a node counts in [first, last) (Unix seconds)."""

    first: float
    last: float
    meters: int


class Run(NamedTuple):
    """Quarter hours on end, [first, last) (Unix seconds), in which a node counts as many meters."""

    node: int
    energy: str
    first: int
    last: int
    members: int


Groups = Mapping[tuple[int, str], Sequence[Group]]


def half_even(number: str) -> str:
    """Answer SQL that rounds a numeric half even to a bigint."""
    return (
        f"(CASE WHEN abs({number} - trunc({number})) = 0.5 THEN 2 * round({number} / 2)"
        f" ELSE round({number}) END)::bigint"
    )


# Each run with how many meters it counts. The other tables are looked up by their whole keys,
# whatever the planner takes them for; a meter's quarter hours of a run lie side by side.
_RUNS: Final = """
(SELECT scope_id, energy, timestamptz 'epoch' + first * interval '1 second' AS first_ts,
        timestamptz 'epoch' + last * interval '1 second' AS last_ts, members
 FROM unnest(%(ids)s::bigint[], %(energies)s::text[], %(firsts)s::bigint[], %(lasts)s::bigint[],
             %(members)s::bigint[]) AS u (scope_id, energy, first, last, members) OFFSET 0) AS c
CROSS JOIN LATERAL (
    SELECT m.meter_id, m.coefficient, greatest(m.valid_from, c.first_ts) AS first_ts,
           least(m.valid_to, c.last_ts) AS last_ts
    FROM node_meter m WHERE m.project_id = %(project)s AND m.node_id = c.scope_id
    AND m.valid_from < c.last_ts AND (m.valid_to IS NULL OR m.valid_to > c.first_ts) OFFSET 0
) AS n
CROSS JOIN LATERAL (
    SELECT * FROM account k WHERE k.project_id = %(project)s AND k.scope = 1
    AND k.scope_id = n.meter_id AND k.energy = c.energy AND k.period = 1
    AND k.start_ts >= n.first_ts AND k.start_ts < n.last_ts OFFSET 0
) AS b
"""
_FRESH: Final = f"""
{INSERT}
SELECT %(project)s, 2, t.scope_id, t.energy, 1, t.start_ts, t.end_ts, {half_even("t.qty")},
       {half_even("t.estimated")}, t.quality, t.kgce, t.kgco2, t.cost, t.measured, t.expected,
       %(now)s
FROM (
    SELECT c.scope_id, c.energy, b.start_ts, b.end_ts, sum(n.coefficient * b.qty) AS qty,
           sum(n.coefficient * b.estimated_qty) AS estimated,
           CASE WHEN count(*) < c.members THEN {int(Quality.MISSING)} ELSE max(b.quality) END
               AS quality,
           CASE WHEN count(b.kgce) = count(*) THEN sum(n.coefficient * b.kgce) END AS kgce,
           CASE WHEN count(b.kgco2) = count(*) THEN sum(n.coefficient * b.kgco2) END AS kgco2,
           CASE WHEN count(b.cost) = count(*) THEN sum(n.coefficient * b.cost) END AS cost,
           sum(b.measured_s)::bigint AS measured,
           sum(b.expected_s)::bigint + 900 * greatest(c.members - count(*), 0) AS expected
    FROM {_RUNS}
    GROUP BY c.scope_id, c.energy, b.start_ts, b.end_ts, c.members
) AS t
"""
_NODES: Final = f"{_FRESH}{UPSERT}"
_NODES_FRESH: Final = f"{_FRESH}{KEY}"
_COLUMNS: Final = ("ids", "energies", "firsts", "lasts", "members")
_FILLED: Final = f"""
SELECT DISTINCT c.scope_id, c.energy, extract(epoch FROM b.start_ts)::bigint,
       extract(epoch FROM b.end_ts)::bigint FROM {_RUNS}
"""
_GROUPS: Final = """
SELECT n.node_id, m.energy,
       coalesce(extract(epoch FROM greatest(n.valid_from, m.valid_from))::float8, '-infinity'),
       coalesce(extract(epoch FROM least(n.valid_to, m.valid_to))::float8, 'infinity'), count(*)
FROM (SELECT unnest(%(nodes)s::bigint[]) AS node_id OFFSET 0) AS u
CROSS JOIN LATERAL (SELECT * FROM node_meter e WHERE e.project_id = %(project)s
                    AND e.node_id = u.node_id OFFSET 0) AS n
CROSS JOIN LATERAL (SELECT * FROM meter e WHERE e.project_id = %(project)s
                    AND e.id = n.meter_id OFFSET 0) AS m
GROUP BY 1, 2, 3, 4
"""


async def read_terms(
    tx: ReadSession, project_id: int, meters: Iterable[int] | None = None
) -> dict[int, list[Term]]:
    """Answer the nodes that ever counted each meter, of some meters only or of all."""
    terms: dict[int, list[Term]] = {}
    for meter, *term in await tx.fetch_tuples(
        "SELECT meter_id, node_id, extract(epoch FROM valid_from)::float8,"
        " coalesce(extract(epoch FROM valid_to)::float8, 'infinity') FROM node_meter"
        " WHERE project_id = %(project)s"
        " AND (%(meters)s::bigint[] IS NULL OR meter_id = ANY(%(meters)s::bigint[]))"
        " ORDER BY meter_id, node_id",
        {"project": project_id, "meters": None if meters is None else sorted(set(meters))},
    ):
        terms.setdefault(meter, []).append(Term(*term))
    return terms


def cells_above(cells: Iterable[Cell], terms: Mapping[int, Sequence[Term]]) -> set[Cell]:
    """Answer the quarter hours of nodes that stand on these quarter hours of meters."""
    above: dict[tuple[int, str], set[int]] = {}
    for (meter, energy), starts in starts_of(cells).items():
        first, last = min(starts), max(starts)
        for term in terms.get(meter, ()):
            whole = term.first <= first and last < term.last
            holding = starts if whole else {s for s in starts if term.first <= s < term.last}
            above.setdefault((term.node, energy), set()).update(holding)
    return {
        Cell(node, energy, start, start + QUARTER_S)
        for (node, energy), starts in above.items()
        for start in starts
    }


def runs(cells: Iterable[Cell], groups: Groups) -> list[Run]:
    """Answer quarter hours of nodes as runs: each is summed in one walk over its meters."""
    return [
        Run(*key, *run)
        for key, starts in sorted(starts_of(cells).items())
        for run in _runs(sorted(starts), groups.get(key, ()))
    ]


def _runs(starts: Sequence[int], groups: Sequence[Group]) -> Iterator[tuple[int, int, int]]:
    """Answer (first, last, members) of the runs of one node; `starts` rise."""
    first = last = starts[0]
    counted = members(first, groups)
    steady = all(one.first <= first and one.last > starts[-1] for one in groups)
    for start in starts:
        now = counted if steady else members(start, groups)
        if start != last or now != counted:
            if last > first:
                yield first, last, counted
            first, counted = start, now
        last = start + QUARTER_S
    yield first, last, counted


def members(start: int, groups: Sequence[Group]) -> int:
    """Answer how many meters a node counts in the quarter hour that begins at a Unix second."""
    return sum(one.meters for one in groups if one.first < start + QUARTER_S and one.last > start)


async def _read_groups(
    tx: ReadSession, project_id: int, nodes: Iterable[int]
) -> dict[tuple[int, str], list[Group]]:
    groups: dict[tuple[int, str], list[Group]] = {}
    params = {"project": project_id, "nodes": sorted(set(nodes))}
    for node, energy, *group in await tx.fetch_tuples(_GROUPS, params):
        groups.setdefault((node, energy), []).append(Group(*group))
    return groups


async def write_nodes(
    tx: WriteSession,
    project_id: int,
    cells: set[Cell],
    *,
    vanished: bool,
    now: datetime,
    keep: Keeper,
) -> Changed:
    """Sum quarter hours of meters into these of nodes.

    `vanished`: some of what they stand on is gone; then all of them count as changed.
    """
    if not cells:
        return Changed(set(), vanished=False)
    groups = await _read_groups(tx, project_id, {cell.scope_id for cell in cells})
    new = await fresh(tx, project_id, 2, 1, cells)
    found: set[Cell] = set()
    for statement, some in ((_NODES_FRESH, new), (_NODES, cells - new)):
        if some:
            params = _params(project_id, some, groups) | {"now": now}
            found |= await keep.write(2, 1, some, statement, params)
    if not vanished:
        return Changed(found, vanished=False)
    params = _params(project_id, cells, groups)
    filled = {Cell(*row) for row in await tx.fetch_tuples(_FILLED, params)}
    await keep.delete(2, 1, cells - filled)
    return Changed(cells, vanished=True)


def _params(project_id: int, cells: Iterable[Cell], groups: Groups) -> dict[str, object]:
    columns = map(array, zip(*runs(cells, groups), strict=True))
    return {"project": project_id, **dict(zip(_COLUMNS, columns, strict=True))}
