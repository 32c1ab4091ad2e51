"""What ingest stores in one transaction: rows of readings, and what follows from them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple


class Row(NamedTuple):
    """One sample: the point's time in UTC milliseconds, the value in the point's unit."""

    project_id: int
    point_id: int
    ts_ms: int
    value: float
    quality: int


PointKey = tuple[int, int]
"""(project_id, point_id)."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A point said that it has no value at this time."""

    project_id: int
    point_id: int
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Unfit:
    """A sample that cannot be a reading: set aside with the reason."""

    row: Row
    gateway_id: int | None
    reason: str


@dataclass(slots=True)
class Batch:
    """Readings of one transaction. `registers` are the points whose accounts they change.

    `late` rows are older than the hot window: they are set aside and join the arrays of their days.
    """

    rows: list[Row] = field(default_factory=list)
    registers: set[PointKey] = field(default_factory=set)
    gateways: dict[PointKey, int] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)
    late: list[Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is anything to store."""
        return bool(self.rows or self.missing or self.unfit or self.late)

    def part(self, rows: list[Row]) -> "Batch":
        """Answer the same batch with some of its rows and nothing else."""
        return Batch(rows, self.registers, self.gateways)

    def by_gateway(self) -> Iterator["Batch"]:
        """Answer one part for each gateway, in order of first appearance."""
        parts: dict[int | None, list[Row]] = {}
        for row in self.rows:
            parts.setdefault(self.gateways.get((row.project_id, row.point_id)), []).append(row)
        return (self.part(rows) for rows in parts.values())

    def halves(self) -> tuple["Batch", "Batch"]:
        """Answer two parts of about the same size."""
        middle = len(self.rows) // 2
        return self.part(self.rows[:middle]), self.part(self.rows[middle:])


@dataclass(frozen=True, slots=True)
class DirtyRange:
    """First and last sample of a register point in a batch; its accounts must be recomputed."""

    project_id: int
    point_id: int
    first_ms: int
    last_ms: int


_KEY = itemgetter(0, 1)


def newest(rows: Sequence[Row]) -> list[Row]:
    """Answer the newest row of each point of sorted rows.

    In key order, so that two writers never deadlock.
    """
    return list({(row[0], row[1]): row for row in rows}.values())


def dirty_ranges(rows: Sequence[Row], registers: set[PointKey]) -> list[DirtyRange]:
    """Answer one range for each register point among sorted rows."""
    found, end = [], 0
    for key in sorted(registers):
        start = bisect_left(rows, key, end, key=_KEY)
        end = bisect_right(rows, key, start, key=_KEY)
        if start < end:
            found.append(DirtyRange(*key, rows[start].ts_ms, rows[end - 1].ts_ms))
    return found
