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
    costs = [0] + [sys.maxsize] * count
    starts = [0] * (count + 1)
    for start in range(count):
        for end, block in enumerate(_runs(points[start:], limits), start + 1):
            cost = costs[start] + limits.request_cost + block.count
            if cost < costs[end]:
                costs[end], starts[end] = cost, start
    return _walk_back(points, starts)


def _runs(points: Sequence[Point], limits: Limits) -> Iterator[Block]:
    """The blocks of the first point, the first two, three, ... as far as one request may go."""
    first = points[0]
    reached = first.address + first.words
    yield Block(first.fc, first.address, first.words)
    for point in points[1:]:
        if limits.max_gap is not None and point.address - reached > limits.max_gap:
            return
        reached = max(reached, point.address + point.words)
        block = Block(first.fc, first.address, reached - first.address)
        if not _allowed(block, limits):
            return
        yield block


def _allowed(block: Block, limits: Limits) -> bool:
    return block.count <= limits.most(block.fc) and not any(
        part.fc == block.fc and part.start < block.end and block.start < part.end
        for part in limits.forbidden
    )


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
