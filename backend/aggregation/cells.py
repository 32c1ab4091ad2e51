"""Accounts as cells, and the parts of every statement that writes them.

Every statement carries the project on every table, and modifying ones read from parameters or plain
tables only, so that the schema can be distributed by project.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from backend.core.db import WriteSession


class Cell(NamedTuple):
    """One account of a scope and a period: whose, of what, from when to when (Unix seconds)."""

    scope_id: int
    energy: str
    start: int
    end: int


QUARTER_S: Final = 900


@dataclass(frozen=True, slots=True)
class Changed:
    """What a write changed, and whether rows vanished (then parents may have to as well)."""

    cells: set[Cell]
    vanished: bool


def starts_of(cells: Iterable[Cell]) -> dict[tuple[int, str], set[int]]:
    """Answer when cells begin, by whose they are and of what."""
    starts: dict[tuple[int, str], set[int]] = {}
    for scope_id, energy, start, _ in cells:
        starts.setdefault((scope_id, energy), set()).add(start)
    return starts


KEY: Final = """
RETURNING a.scope_id, a.energy, extract(epoch FROM a.start_ts)::bigint,
          extract(epoch FROM a.end_ts)::bigint
"""
INSERT: Final = """
INSERT INTO account AS a (project_id, scope, scope_id, energy, period, start_ts, end_ts, qty,
    estimated_qty, quality, kgce, kgco2, cost, measured_s, expected_s, updated_at)
"""
UPSERT: Final = f"""
ON CONFLICT (project_id, scope, scope_id, energy, period, start_ts) DO UPDATE SET
    end_ts = excluded.end_ts, qty = excluded.qty, estimated_qty = excluded.estimated_qty,
    quality = excluded.quality, kgce = excluded.kgce, kgco2 = excluded.kgco2,
    cost = excluded.cost, measured_s = excluded.measured_s, expected_s = excluded.expected_s,
    updated_at = excluded.updated_at
WHERE (a.end_ts, a.qty, a.estimated_qty, a.quality, a.kgce, a.kgco2, a.cost, a.measured_s,
       a.expected_s) IS DISTINCT FROM
    (excluded.end_ts, excluded.qty, excluded.estimated_qty, excluded.quality, excluded.kgce,
     excluded.kgco2, excluded.cost, excluded.measured_s, excluded.expected_s)
{KEY}
"""
CELLS: Final = """
(SELECT scope_id, energy, timestamptz 'epoch' + first * interval '1 second' AS start_ts,
        timestamptz 'epoch' + last * interval '1 second' AS end_ts
 FROM unnest(%(ids)s::bigint[], %(energies)s::text[], %(starts)s::bigint[], %(ends)s::bigint[])
      AS u (scope_id, energy, first, last) OFFSET 0) AS c
"""


def columns(cells: Iterable[Cell]) -> dict[str, object]:
    """Answer the parameters of CELLS; there is at least one cell.

    In one order everywhere, so that two writers never wait for each other in a circle.
    """
    ids, energies, starts, ends = zip(*sorted(cells), strict=True)
    return {
        "ids": array(ids),
        "energies": array(energies),
        "starts": array(starts),
        "ends": array(ends),
    }


def array(column: Iterable[object]) -> str:
    """Write numbers and codes as an array for PostgreSQL: a tenth of a generic list's cost."""
    return "{" + ",".join(["NULL" if one is None else str(one) for one in column]) + "}"


# A join of many keys to the whole table is planned from its other end where the planner takes the
# table for empty; one scope at a time, every row is looked up by the primary key.
_DELETE: Final = """
DELETE FROM account WHERE project_id = %s AND scope = %s AND scope_id = %s AND energy = %s
AND period = %s AND start_ts = ANY(%s)
"""


async def delete_cells(
    tx: WriteSession, project_id: int, scope: int, period: int, cells: Iterable[Cell]
) -> None:
    """Delete the accounts of a period."""
    starts: dict[tuple[int, str], list[datetime]] = {}
    for cell in sorted(cells):
        at = datetime.fromtimestamp(cell.start, UTC)
        starts.setdefault((cell.scope_id, cell.energy), []).append(at)
    await tx.execute_many(
        _DELETE,
        [
            (project_id, scope, scope_id, energy, period, instants)
            for (scope_id, energy), instants in starts.items()
        ],
    )
