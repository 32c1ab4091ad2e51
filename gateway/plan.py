"""Which registers to ask for together: the plan that takes the least time on the line.

On TCP that is the fewest requests, and of those plans the one that moves the fewest registers. On a
serial bus a request costs as much time as some number of registers (`Limits.request_cost`), so a
gap is read along only where that is quicker than asking again.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.contract.profile import Block, Point, Profile

TCP_MAX_REGISTERS = 125
MORE_THAN_ANY_PLAN = 1 << 20
"""A request's cost in registers where nothing but the number of requests counts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may look like."""

    max_registers: int = TCP_MAX_REGISTERS
    max_gap: int | None = None
    """Unused registers in a row that the device lets a request span; None = any number."""
    forbidden: tuple[Block, ...] = ()
    request_cost: int = MORE_THAN_ANY_PLAN
    """Registers that take as long on the line as one more request."""
    by_function: tuple[tuple[int, int], ...] = ()
    """(function code, max_registers) where a function takes less than the others."""

    @classmethod
    def of(cls, profile: Profile, request_cost: int | None = None) -> "Limits":
        """A profile's own limits; `request_cost` is the line's, None = only requests count."""
        quirks = profile.quirks
        return cls(
            quirks.max_registers,
            quirks.max_gap,
            profile.forbidden,
            MORE_THAN_ANY_PLAN if request_cost is None else request_cost,
            tuple(sorted(quirks.max_registers_by_fc.items())),
        )

    def most(self, fc: int) -> int:
        """Registers that one request of a function may read."""
        return dict(self.by_function).get(fc, self.max_registers)


@dataclass(frozen=True, slots=True)
class Request:
    """One block to read and the points whose registers lie in it."""

    block: Block
    points: tuple[Point, ...]


def plan_requests(points: Iterable[Point], limits: Limits) -> list[Request]:
    """The requests that take the least time, in the order of function code and address.

    A point longer than `max_registers` still gets a request of its own.
    """
    by_fc: dict[int, list[Point]] = {}
    for point in points:
        by_fc.setdefault(point.fc, []).append(point)
    requests: list[Request] = []
    for fc in sorted(by_fc):
        ordered = sorted(by_fc[fc], key=lambda point: (point.address, point.words))
        requests.extend(_best(ordered, limits))
    return requests


def split(request: Request, limits: Limits) -> list[Request]:
    """Smaller requests for a block the device refused: without gaps, then halves, then points."""
    if len(request.points) == 1:
        return [request]
    tight = plan_requests(request.points, replace(limits, max_gap=0))
    if len(tight) > 1:
        return tight
    half = len(request.points) // 2
    parts = request.points[:half], request.points[half:]
    return [smaller for part in parts for smaller in plan_requests(part, limits)]


def _best(points: Sequence[Point], limits: Limits) -> list[Request]:
    # costs[i] = registers' worth of line time for the first i points, whose last request begins at
    # point starts[i].
    count = len(points)
    spans = [(point.address, point.address + point.words) for point in points]
    costs = [0] + [sys.maxsize] * count
    starts = [0] * (count + 1)
    rule = _Rule.of(limits, points[0].fc)
    for start in range(count):
        base = costs[start] + limits.request_cost - spans[start][0]
        for end, reached in enumerate(rule.reaches(spans, start), start + 1):
            if base + reached < costs[end]:
                costs[end], starts[end] = base + reached, start
    return _walk_back(points, starts)


Span = tuple[int, int]
"""First register, and the first after the last."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a request of one function may be, in plain numbers: planning tries many."""

    most: int
    max_gap: int
    forbidden: tuple[Span, ...]

    @classmethod
    def of(cls, limits: Limits, fc: int) -> "_Rule":
        forbidden = tuple((part.start, part.end) for part in limits.forbidden if part.fc == fc)
        gap = sys.maxsize if limits.max_gap is None else limits.max_gap
        return cls(limits.most(fc), gap, forbidden)

    def reaches(self, spans: Sequence[Span], start: int) -> Iterator[int]:
        """Where a request ends that takes one point from `start` on, two, three, ... as far as it
        may.
        """
        first, reached = spans[start]
        yield reached
        for index in range(start + 1, len(spans)):
            address, end = spans[index]
            if address - reached > self.max_gap:
                return
            reached = max(reached, end)
            if reached - first > self.most or self._touches(first, reached):
                return
            yield reached

    def _touches(self, first: int, reached: int) -> bool:
        return any(low < reached and first < high for low, high in self.forbidden)


def _walk_back(points: Sequence[Point], starts: Sequence[int]) -> list[Request]:
    requests: list[Request] = []
    end = len(points)
    while end > 0:
        run = tuple(points[starts[end] : end])
        reached = max(point.address + point.words for point in run)
        block = Block(run[0].fc, run[0].address, reached - run[0].address)
        requests.append(Request(block, run))
        end = starts[end]
    return requests[::-1]
