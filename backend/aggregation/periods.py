"""Which period holds an instant: the business calendar of a project, and the shifts of its scopes.

A node works by its own shifts or by those of the nearest node above that has any. A meter works by
the shifts of the deepest node that counts it; without such a node it has no shifts.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from backend.aggregation.calendar import Period
from backend.aggregation.cells import Cell, starts_of
from backend.aggregation.nodes import Term
from backend.core.db import ReadSession


class Place(NamedTuple):
    """A node's place in its tree, and whether shifts are laid for it."""

    node: int
    parent: int | None
    has_shifts: bool


class Bounds:
    """Periods of one kind that rise and never overlap, in Unix seconds."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        """Begin without any."""
        self.starts: list[int] = []
        self.ends: list[int] = []

    def holding(self, second: int) -> tuple[int, int] | None:
        """Answer the bounds of the period that holds an instant; None where none does."""
        place = bisect_right(self.starts, second) - 1
        if place < 0 or second >= self.ends[place]:
            return None
        return self.starts[place], self.ends[place]


class Calendar:
    """The periods around what changed, and by whose shifts each scope works."""

    def __init__(
        self,
        rows: Iterable[tuple[int, int, int]],
        shifts: Iterable[tuple[int, int, int]] = (),
        patterns: Mapping[tuple[int, int], int] | None = None,
    ) -> None:
        """Take (period, start, end) and (node, start, end) that rise, and node by (scope, id)."""
        self._periods: dict[int, Bounds] = {}
        self._shifts: dict[int, Bounds] = {}
        self._patterns = patterns or {}
        for bounds, found in ((self._periods, rows), (self._shifts, shifts)):
            for key, start, end in found:
                one = bounds.setdefault(key, Bounds())
                one.starts.append(start)
                one.ends.append(end)

    def holding(self, period: Period, second: int) -> tuple[int, int]:
        """Answer the bounds of the period that holds an instant. Raises LookupError."""
        bounds = self._periods.get(period)
        found = None if bounds is None else bounds.holding(second)
        if found is None:
            raise LookupError(f"the calendar has no {period.name} at {second}")
        return found

    def pattern(self, scope: int, scope_id: int) -> int | None:
        """Answer the node by whose shifts a scope works; None without any."""
        return self._patterns.get((scope, scope_id))

    def parents(self, scope: int, period: Period, cells: Iterable[Cell]) -> set[Cell]:
        """Answer the cells of a period that hold these; what nobody works by shifts has none."""
        if period is Period.SHIFT:
            return set(self._shifts_of(scope, cells))
        groups = starts_of(cells)
        known = set[int]().union(*groups.values())
        holding = {start: self.holding(period, start) for start in known}
        return {
            Cell(scope_id, energy, *bounds)
            for (scope_id, energy), starts in groups.items()
            for bounds in {holding[start] for start in starts}
        }

    def _shifts_of(self, scope: int, cells: Iterable[Cell]) -> Iterable[Cell]:
        for (scope_id, energy), starts in starts_of(cells).items():
            pattern = self.pattern(scope, scope_id)
            bounds = None if pattern is None else self._shifts.get(pattern)
            held = (
                set[tuple[int, int] | None]()
                if bounds is None
                else set(map(bounds.holding, starts))
            )
            yield from (Cell(scope_id, energy, *one) for one in held if one is not None)


def patterns(
    places: Sequence[Place], terms: Mapping[int, Sequence[Term]]
) -> dict[tuple[int, int], int]:
    """Answer whose shifts each scope works by, as node by (scope, id)."""
    known = {one.node: one for one in places}
    found: dict[tuple[int, int], int] = {}
    depths: dict[int, int] = {}
    for place in places:
        path = _path(place, known)
        depths[place.node] = len(path)
        pattern = next((one.node for one in path if one.has_shifts), None)
        if pattern is not None:
            found[2, place.node] = pattern
    for meter, counted in terms.items():
        nodes = sorted({t.node for t in counted if (2, t.node) in found})
        if nodes:
            found[1, meter] = found[2, max(nodes, key=lambda node: depths[node])]
    return found


def _path(place: Place, known: Mapping[int, Place]) -> list[Place]:
    """Answer a node and all above it, the nearest first."""
    path = [place]
    while (parent := path[-1].parent) is not None and parent in known and len(path) <= len(known):
        path.append(known[parent])
    return path


async def read_calendar(
    tx: ReadSession,
    project_id: int,
    terms: Mapping[int, Sequence[Term]],
    first: datetime,
    last: datetime,
) -> Calendar:
    """Answer the periods and shifts that touch [first, last]."""
    span = {"project": project_id, "first": first, "last": last}
    rows = await tx.fetch_tuples(
        "SELECT period, extract(epoch FROM start_ts)::bigint, extract(epoch FROM end_ts)::bigint"
        " FROM calendar_period WHERE project_id = %(project)s AND start_ts <= %(last)s"
        " AND end_ts > %(first)s ORDER BY period, start_ts",
        span,
    )
    shifts = await tx.fetch_tuples(
        "SELECT node_id, extract(epoch FROM start_ts)::bigint, extract(epoch FROM end_ts)::bigint"
        " FROM shift_period WHERE project_id = %(project)s AND start_ts <= %(last)s"
        " AND end_ts > %(first)s ORDER BY node_id, start_ts",
        span,
    )
    places = await tx.fetch_tuples(
        "SELECT n.id, n.parent_id, EXISTS (SELECT 1 FROM shift_period s"
        " WHERE s.project_id = %(project)s AND s.node_id = n.id)"
        " FROM node n WHERE n.project_id = %(project)s ORDER BY n.id",
        span,
    )
    return Calendar(
        ((row[0], row[1], row[2]) for row in rows),
        ((row[0], row[1], row[2]) for row in shifts),
        patterns([Place(*row) for row in places], terms),
    )
