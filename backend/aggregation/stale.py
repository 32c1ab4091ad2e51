"""Accounts that wait to be made again from what is below them: of virtual meters and of nodes.

While a project has a backlog its nodes are summed at most every few seconds (`progress.DEBOUNCE`)
for all that changed since; what waits is a row, written in the transaction that changed what is
below, so a crash loses nothing. The same rows carry what people change with effect in the past: an
expression, a membership, shifts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from backend.aggregation.cells import QUARTER_S, Cell, array
from backend.aggregation.chunks import DirtyRow, newest
from backend.aggregation.waiting import consume
from backend.core.db import WriteSession

CLAIM: Final = 2_000
MICROS: Final = 1_000_000


class Whose(NamedTuple):
    """Whose accounts of what."""

    scope: int
    scope_id: int
    energy: str


class Span(NamedTuple):
    """A stretch in Unix seconds; `whole`: all of it counts as changed, whatever comes out."""

    whose: Whose
    first: int
    last: int
    whole: bool


@dataclass(slots=True)
class Pending:
    """Quarter hours to be made again, by scope; those of `whole` scopes count as changed anyway."""

    cells: dict[int, set[Cell]] = field(default_factory=lambda: {1: set(), 2: set()})
    whole: list[Span] = field(default_factory=list)
    vanished: bool = False

    def add(self, scope: int, cells: Iterable[Cell]) -> None:
        """Take more quarter hours."""
        self.cells[scope].update(cells)

    def take(self, span: Span) -> None:
        """Take every quarter hour of a stretch."""
        scope, scope_id, energy = span.whose
        self.cells[scope].update(
            Cell(scope_id, energy, second, second + QUARTER_S)
            for second in range(span.first, span.last, QUARTER_S)
        )
        if span.whole:
            self.whole.append(span)
            self.vanished = True

    def is_whole(self, scope: int, cell: Cell) -> bool:
        """Tell whether a quarter hour counts as changed, whatever comes out."""
        whose = Whose(scope, cell.scope_id, cell.energy)
        return any(one.whose == whose and one.first <= cell.start < one.last for one in self.whole)

    def spans(self) -> list[Span]:
        """Answer the quarter hours as stretches."""
        found: list[Span] = []
        for scope, cells in self.cells.items():
            for cell in sorted(cells):
                whose = Whose(scope, cell.scope_id, cell.energy)
                last = found[-1] if found else None
                if last is not None and last.whose == whose and last.last == cell.start:
                    found[-1] = last._replace(last=cell.end)
                else:
                    found.append(Span(whose, cell.start, cell.end, self.vanished))
        return found


async def put(tx: WriteSession, project_id: int, spans: Sequence[Span]) -> None:
    """Have stretches wait."""
    if not spans:
        return
    rows = [(*one.whose, one.first, one.last, one.whole) for one in spans]
    scopes, ids, energies, firsts, lasts, whole = (array(c) for c in zip(*rows, strict=True))
    await tx.execute(
        "INSERT INTO stale (project_id, scope, scope_id, energy, first_ts, last_ts, whole)"
        " SELECT %(project)s, scope, scope_id, energy,"
        " timestamptz 'epoch' + first * interval '1 second',"
        " timestamptz 'epoch' + last * interval '1 second', whole"
        " FROM unnest(%(scopes)s::smallint[], %(ids)s::bigint[], %(energies)s::text[],"
        " %(firsts)s::bigint[], %(lasts)s::bigint[], %(whole)s::bool[])"
        " AS u (scope, scope_id, energy, first, last, whole)",
        {
            "project": project_id,
            "scopes": scopes,
            "ids": ids,
            "energies": energies,
            "firsts": firsts,
            "lasts": lasts,
            "whole": whole,
        },
    )


@dataclass(frozen=True, slots=True)
class Claimed:
    """How many rows were looked at, and whether some of them wait on."""

    rows: int = 0
    more: bool = False


async def claim(tx: WriteSession, project_id: int, pending: Pending, span: timedelta) -> Claimed:
    """Take the newest waiting stretches, none longer than `span`."""
    found = await tx.fetch_tuples(
        "SELECT id, scope, scope_id, energy, whole, (extract(epoch FROM first_ts))::bigint,"
        " (extract(epoch FROM last_ts))::bigint FROM stale WHERE project_id = %s"
        " ORDER BY last_ts DESC LIMIT %s FOR UPDATE",
        (project_id, CLAIM),
    )
    if not found:
        return Claimed()
    keys: dict[tuple[Whose, bool], int] = {}
    rows = []
    for number, scope, scope_id, energy, whole, first, last in found:
        key = (Whose(scope, scope_id, energy), whole)
        rows.append(
            DirtyRow(number, keys.setdefault(key, len(keys)), first * MICROS, last * MICROS)
        )
    chunk = newest(rows, span // timedelta(microseconds=1))
    kinds = list(keys)
    for one in chunk.stretches:
        whose, whole = kinds[one.point]
        first = one.first // MICROS // QUARTER_S * QUARTER_S
        pending.take(Span(whose, first, one.last // MICROS, whole))
    await consume(tx, project_id, "stale", chunk)
    return Claimed(len(found), len(found) > len(chunk.finished) or len(found) == CLAIM)


async def mark_again(
    tx: WriteSession,
    project_id: int,
    scope: int,
    ids: Sequence[int],
    first: datetime | None,
    last: datetime,
) -> int:
    """Have the accounts of meters or nodes in [first, last) made again from what is below them.

    Of a virtual meter its quarter hours too, of a node also; of other meters only the longer
    periods. For who changes an expression, a membership or shifts, in the same transaction; `first`
    None: from the first account on. Answers how many stretches wait now.
    """
    found = await tx.fetch_tuples(
        _ENERGIES[scope], {"project": project_id, "ids": list(ids), "first": first, "last": last}
    )
    spans = [
        Span(Whose(scope, scope_id, energy), since // QUARTER_S * QUARTER_S, until, whole=True)
        for scope_id, energy, since, until in found
        if since < until
    ]
    await put(tx, project_id, spans)
    await tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(project_id),))
    return len(spans)


# What a scope is accounted of: a meter's energy; what a node's members measure, or measured.
_SPANS: Final = """
SELECT e.scope_id, e.energy,
       extract(epoch FROM greatest(%(first)s::timestamptz, k.first))::bigint,
       ceil(extract(epoch FROM %(last)s::timestamptz))::bigint
FROM ({energies}) AS e, (
    SELECT min(start_ts) AS first FROM account
    WHERE project_id = %(project)s AND scope = 1 AND period = 5
) AS k
WHERE k.first IS NOT NULL
"""
_ENERGIES: Final = {
    1: _SPANS.format(
        energies="SELECT id AS scope_id, energy FROM meter"
        " WHERE project_id = %(project)s AND id = ANY(%(ids)s)"
    ).encode(),
    2: _SPANS.format(
        energies="SELECT n.node_id AS scope_id, m.energy FROM node_meter n"
        " JOIN meter m ON m.project_id = %(project)s AND m.id = n.meter_id"
        " WHERE n.project_id = %(project)s AND n.node_id = ANY(%(ids)s)"
        " UNION SELECT scope_id, energy FROM account WHERE project_id = %(project)s"
        " AND scope = 2 AND period = 5 AND scope_id = ANY(%(ids)s)"
    ).encode(),
}
