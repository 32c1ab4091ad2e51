"""Which part of the waiting dirty ranges is recomputed next: the newest first, in bites. Pure.

Ranges of one register that overlap or nearly touch are merged, so that no stretch is recomputed
twice in one go; a long one is cut, so that live values never wait for a long import.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from backend.aggregation.curve import HOUR

NEAR: Final = HOUR
"""Ranges closer than this are one."""


class DirtyRow(NamedTuple):
    """A waiting row: the readings of `point` in [first, last] changed (microseconds)."""

    id: int
    point: int
    first: int
    last: int


class Stretch(NamedTuple):
    """The readings of `point` in [first, last] are recomputed now."""

    point: int
    first: int
    last: int


@dataclass(slots=True)
class Chunk:
    """What is done now, the rows it finishes, and the rows that end at an earlier instant after."""

    stretches: list[Stretch] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    shortened: list[tuple[int, int]] = field(default_factory=list)


def newest(rows: Iterable[DirtyRow], span: int) -> Chunk:
    """Answer the newest stretch of each register, none longer than `span` microseconds."""
    chunk = Chunk()
    points: dict[int, list[DirtyRow]] = {}
    for row in rows:
        points.setdefault(row.point, []).append(row)
    for point, waiting in points.items():
        _take(chunk, point, sorted(waiting, key=lambda row: -row.last), span)
    return chunk


def _take(chunk: Chunk, point: int, rows: Sequence[DirtyRow], span: int) -> None:
    """Take the newest stretch of one register; `rows` end ever earlier."""
    last = rows[0].last
    first = rows[0].first
    for row in rows:
        if row.last + NEAR >= first:
            first = min(first, row.first)
    first = max(first, last - span)
    chunk.stretches.append(Stretch(point, first, last))
    for row in rows:
        if row.first >= first:
            chunk.finished.append(row.id)
        elif row.last > first:
            chunk.shortened.append((row.id, first))
