"""Keeping what a version replaces, account by account, right before a statement writes it.

While a restatement is being applied, `account_history` has under its version each row that changed
or vanished, once, in however many transactions; a row that there was none of before is kept with
null figures. Whoever writes accounts of cells does it through `Keeper.write` or between
`Keeper.before` and `Keeper.after`. So only what is written is looked at, and what came out the same
is known from the statement's answer instead of being compared. Without a version that is being
applied nothing is done.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from itertools import pairwise
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.cells import (
    CELLS,
    QUARTER_S,
    Cell,
    array,
    columns,
    delete_cells,
    starts_of,
)
from backend.aggregation.fresh import BULK, Bounds, is_fresh
from backend.aggregation.versions import FIGURES, KEY, being_applied
from backend.core.db import WriteSession

EVERY: Final = frozenset(map(int, Period))

# `period` is a column, because a constant one would let the planner take an index for rankings.
_PERIOD: Final = "CROSS JOIN (SELECT %(period)s::smallint AS period OFFSET 0) AS v"
_CURRENT: Final = """
LEFT JOIN LATERAL (
    SELECT * FROM account o WHERE o.project_id = %(project)s AND o.scope = %(scope)s
    AND o.scope_id = c.scope_id AND o.energy = c.energy AND o.period = v.period
    AND o.start_ts = c.start_ts OFFSET 0
) AS a ON true
"""
_KEPT: Final = f"{', '.join(KEY)}, version, {', '.join(FIGURES)}, updated_at"
_OLD: Final = ", ".join(f"a.{name}" for name in (*FIGURES[1:], "updated_at"))
_KEEP: Final = f"""
INSERT INTO account_history ({_KEPT})
SELECT %(project)s, %(scope)s, c.scope_id, c.energy, v.period, c.start_ts, %(version)s,
       coalesce(a.end_ts, c.end_ts), {_OLD}
FROM {CELLS} {_PERIOD} {_CURRENT}
"""
_ONCE: Final = "ON CONFLICT DO NOTHING"
# Quarter hours on end lie side by side: those that there are are walked over.
_KEEP_RUNS: Final = f"""
INSERT INTO account_history ({_KEPT})
SELECT %(project)s, %(scope)s, a.scope_id, a.energy, a.period, a.start_ts, %(version)s, a.end_ts,
       {_OLD}
FROM (SELECT scope_id, energy, timestamptz 'epoch' + first * interval '1 second' AS first_ts,
             timestamptz 'epoch' + last * interval '1 second' AS last_ts
      FROM unnest(%(ids)s::bigint[], %(energies)s::text[], %(firsts)s::bigint[],
                  %(lasts)s::bigint[]) AS u (scope_id, energy, first, last) OFFSET 0) AS c
CROSS JOIN LATERAL (
    SELECT * FROM account o WHERE o.project_id = %(project)s AND o.scope = %(scope)s
    AND o.scope_id = c.scope_id AND o.energy = c.energy AND o.period = {int(Period.QUARTER_HOUR)}
    AND o.start_ts >= c.first_ts AND o.start_ts < c.last_ts OFFSET 0
) AS a
"""
_SPANS: Final = """
SELECT c.scope_id, c.energy, extract(epoch FROM min(h.start_ts))::bigint,
       extract(epoch FROM max(h.start_ts))::bigint
FROM (SELECT * FROM unnest(%(ids)s::bigint[], %(energies)s::text[]) AS u (scope_id, energy)
      OFFSET 0) AS c
CROSS JOIN LATERAL (
    SELECT o.start_ts FROM account_history o
    WHERE o.project_id = %(project)s AND o.scope = %(scope)s AND o.scope_id = c.scope_id
      AND o.energy = c.energy AND o.period = %(period)s AND o.version = %(version)s
      AND o.start_ts BETWEEN timestamptz 'epoch' + %(low)s::bigint * interval '1 second'
                         AND timestamptz 'epoch' + %(high)s::bigint * interval '1 second' OFFSET 0
) AS h
GROUP BY c.scope_id, c.energy
"""
# Row by row through the keys, whatever statistics say of a table that grows meanwhile.
_FORGET: Final = f"""
DELETE FROM account_history WHERE project_id = %(project)s AND ctid = ANY(ARRAY(
    SELECT h.row FROM {CELLS} {_PERIOD}
    CROSS JOIN LATERAL (
        SELECT o.*, o.ctid AS row FROM account_history o
        WHERE o.project_id = %(project)s AND o.version = %(version)s AND o.scope = %(scope)s
          AND o.scope_id = c.scope_id AND o.energy = c.energy AND o.period = v.period
          AND o.start_ts = c.start_ts OFFSET 0
    ) AS h {_CURRENT}
    WHERE (h.qty IS NULL AND a.qty IS NULL)
       OR ({", ".join(f"h.{name}" for name in FIGURES)}) IS NOT DISTINCT FROM
          ({", ".join(f"a.{name}" for name in FIGURES)})))
"""


class Keeper:
    """Keeps what one transaction replaces, if a version is being applied; else does nothing."""

    def __init__(
        self, tx: WriteSession, project_id: int, version: int | None, periods: Collection[int]
    ) -> None:
        """Made by `keeper`."""
        self._tx = tx
        self._project_id = project_id
        self._version = version
        self._periods = periods
        self._again: Set[Cell] = frozenset()

    @property
    def applying(self) -> bool:
        """Whether a version is being applied."""
        return self._version is not None

    async def write(
        self,
        scope: int,
        period: int,
        cells: Set[Cell],
        statement: str,
        params: Mapping[str, object],
    ) -> set[Cell]:
        """Run a statement that writes accounts of these cells; answer those that it says changed.

        It answers them as `cells.KEY` does.
        """
        await self.before(scope, period, cells)
        found = await self._tx.fetch_tuples(statement.encode(), params)
        changed = set(map(Cell._make, found))
        await self.after(scope, period, cells, changed)
        return changed

    async def delete(self, scope: int, period: int, cells: Set[Cell]) -> None:
        """Delete the accounts of these cells that there are."""
        if not cells:
            return
        await self.before(scope, period, cells)
        await delete_cells(self._tx, self._project_id, scope, period, cells)
        await self.after(scope, period, cells)

    async def before(self, scope: int, period: int, cells: Set[Cell]) -> None:
        """Keep accounts of a scope and a period that may be written or deleted next."""
        if self._version is None or period not in self._periods or not cells:
            return
        keys = self._keys(scope, period)
        known = await self._known(keys, cells)
        self._again = cells if known is None else _within(known, cells)
        await self._keep(keys, cells - self._again)
        if self._again:
            await self._tx.execute(f"{_KEEP} {_ONCE}".encode(), keys | columns(self._again))

    async def _keep(self, keys: Mapping[str, object], cells: Set[Cell]) -> None:
        """Keep accounts of which none is kept yet."""
        if not cells:
            return
        statement = _KEEP
        if keys["period"] == Period.QUARTER_HOUR:
            kept = await self._tx.execute(_KEEP_RUNS.encode(), {**keys, **_run_columns(cells)})
            if kept == len(cells):
                return
            statement = f"{_KEEP} {_ONCE}"
        await self._tx.execute(statement.encode(), {**keys, **columns(cells)})

    async def after(
        self, scope: int, period: int, cells: Set[Cell], changed: Set[Cell] = frozenset()
    ) -> None:
        """Forget those of the cells just kept that are as they were, so all but `changed` ones.

        Those kept earlier may have changed back: they are compared in any case.
        """
        if self._version is None or period not in self._periods:
            return
        doubtful = (cells - changed) | self._again
        self._again = frozenset()
        if doubtful:
            await self._tx.execute(_FORGET.encode(), self._keys(scope, period) | columns(doubtful))

    def _keys(self, scope: int, period: int) -> dict[str, object]:
        return {
            "project": self._project_id,
            "version": self._version,
            "scope": int(scope),
            "period": int(period),
        }

    async def _known(self, keys: Mapping[str, object], cells: Set[Cell]) -> Bounds | None:
        """Answer between which starts some of the version are kept already; None: not worth it."""
        if len(cells) < BULK:
            return None
        ids, energies = map(list, zip(*{cell[:2] for cell in cells}, strict=True))
        starts = {cell.start for cell in cells}
        span = {"ids": ids, "energies": energies, "low": min(starts), "high": max(starts)}
        found = await self._tx.fetch_tuples(_SPANS.encode(), {**keys, **span})
        return {(scope_id, energy): (first, last) for scope_id, energy, first, last in found}


def _within(known: Bounds, cells: Set[Cell]) -> set[Cell]:
    """Answer the cells of which some may be kept already."""
    if not known:
        return set()
    low, high = min(first for first, _ in known.values()), max(last for _, last in known.values())
    near = (cell for cell in cells if low <= cell.start <= high)
    return {cell for cell in near if not is_fresh(known, cell[:2], cell.start)}


def _run_columns(cells: Iterable[Cell]) -> dict[str, object]:
    """Answer quarter hours on end as columns: whose, of what, and [first, last) of each."""
    rows = [
        (*key, first, last)
        for key, starts in sorted(starts_of(cells).items())
        for first, last in on_end(sorted(starts))
    ]
    written = (array(column) for column in zip(*rows, strict=True))
    return dict(zip(("ids", "energies", "firsts", "lasts"), written, strict=True))


def on_end(starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Answer [first, last) of quarter hours on end; their starts (Unix seconds) rise."""
    first = starts[0]
    if starts[-1] - first == (len(starts) - 1) * QUARTER_S:
        yield first, starts[-1] + QUARTER_S
        return
    for start, after in pairwise((*starts, starts[-1])):
        if after != start + QUARTER_S:
            yield first, start + QUARTER_S
            first = after


async def keeper(tx: WriteSession, project_id: int, periods: Collection[int] = EVERY) -> Keeper:
    """Answer what keeps the accounts that this transaction replaces.

    Of `periods` alone: for who rolls back all it writes.
    """
    return Keeper(tx, project_id, await being_applied(tx, project_id), periods)
