"""Quarter hours of nodes: the sum of coefficient x meter over the memberships that hold then.

A sum is rounded once, half even, so that an account stays an integer. What a member has no account
of is missing, never zero: the sum says so by its quality, and by what it expects and has measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from backend.aggregation.cells import CELLS, INSERT, UPSERT, Cell, Changed, columns, delete_cells
from backend.core.db import ReadSession, WriteSession
from gateway.contract.quality import Quality


class Term(NamedTuple):
    """A node that counts a meter in [first, last) (Unix seconds)."""

    node: int
    first: float
    last: float


def half_even(number: str) -> str:
    """Answer SQL that rounds a numeric half even to a bigint."""
    return (
        f"(CASE WHEN abs({number} - trunc({number})) = 0.5 THEN 2 * round({number} / 2)"
        f" ELSE round({number}) END)::bigint"
    )


# The memberships of a node that hold in a cell's quarter hour, of meters that are there then.
_TERMS: Final = """
JOIN node_meter n ON n.project_id = %(project)s AND n.node_id = {node}
     AND n.valid_from <= {start} AND (n.valid_to IS NULL OR n.valid_to > {start})
JOIN meter m ON m.project_id = %(project)s AND m.id = n.meter_id AND m.energy = {energy}
     AND (m.valid_from IS NULL OR m.valid_from < {start} + interval '15 minutes')
     AND (m.valid_to IS NULL OR m.valid_to > {start})
"""
_NODES: Final = f"""
{INSERT}
SELECT %(project)s, 2, t.scope_id, t.energy, 1, t.start_ts, t.end_ts, {half_even("t.qty")},
       {half_even("t.estimated")}, t.quality, t.kgce, t.kgco2, t.cost, t.measured, t.expected,
       %(now)s
FROM (
    SELECT c.scope_id, c.energy, c.start_ts, c.end_ts, sum(n.coefficient * b.qty) AS qty,
           sum(n.coefficient * b.estimated_qty) AS estimated,
           CASE WHEN count(b.qty) < count(*) THEN {int(Quality.MISSING)} ELSE max(b.quality) END
               AS quality,
           CASE WHEN count(b.kgce) = count(b.qty) THEN sum(n.coefficient * b.kgce) END AS kgce,
           CASE WHEN count(b.kgco2) = count(b.qty) THEN sum(n.coefficient * b.kgco2) END AS kgco2,
           CASE WHEN count(b.cost) = count(b.qty) THEN sum(n.coefficient * b.cost) END AS cost,
           sum(b.measured_s)::bigint AS measured, sum(coalesce(b.expected_s, 900))::bigint
               AS expected
    FROM {CELLS}
    {_TERMS.format(node="c.scope_id", start="c.start_ts", energy="c.energy")}
    LEFT JOIN LATERAL (
        SELECT * FROM account k WHERE k.project_id = %(project)s AND k.scope = 1
        AND k.scope_id = n.meter_id AND k.energy = c.energy AND k.period = 1
        AND k.start_ts = c.start_ts OFFSET 0
    ) AS b ON true
    GROUP BY c.scope_id, c.energy, c.start_ts, c.end_ts
    HAVING count(b.qty) > 0
) AS t
{UPSERT}
"""  # noqa: S608 - constants of this file only
_EMPTY: Final = f"""
SELECT c.scope_id, c.energy, extract(epoch FROM c.start_ts)::bigint,
       extract(epoch FROM c.end_ts)::bigint
FROM {CELLS}
LEFT JOIN LATERAL (
    SELECT 1 AS one FROM (SELECT 1) AS first
    {_TERMS.format(node="c.scope_id", start="c.start_ts", energy="c.energy")}
    CROSS JOIN LATERAL (
        SELECT 1 FROM account k WHERE k.project_id = %(project)s AND k.scope = 1
        AND k.scope_id = n.meter_id AND k.energy = c.energy AND k.period = 1
        AND k.start_ts = c.start_ts OFFSET 0
    ) AS b LIMIT 1
) AS part ON true
WHERE part.one IS NULL
"""  # noqa: S608 - constants of this file only


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
    return {
        Cell(term.node, cell.energy, cell.start, cell.end)
        for cell in cells
        for term in terms.get(cell.scope_id, ())
        if term.first <= cell.start < term.last
    }


async def write_nodes(
    tx: WriteSession, project_id: int, cells: set[Cell], *, vanished: bool, now: datetime
) -> Changed:
    """Sum quarter hours of meters into these of nodes.

    `vanished`: some of what they stand on is gone; then all of them count as changed.
    """
    if not cells:
        return Changed(set(), vanished=False)
    params = {"project": project_id, "now": now} | columns(cells)
    found = {Cell(*row) for row in await tx.fetch_tuples(_NODES, params)}
    if not vanished:
        return Changed(found, vanished=False)
    empty = {Cell(*row) for row in await tx.fetch_tuples(_EMPTY, params)}
    await delete_cells(tx, project_id, 2, 1, empty)
    return Changed(cells, vanished=True)
