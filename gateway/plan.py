"""Which registers to ask for together: the fewest requests that read a set of points, and of those
plans the one that moves the fewest registers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.contract.profile import Block, Point, Profile

TCP_MAX_REGISTERS = 125


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may look like."""

    max_registers: int = TCP_MAX_REGISTERS
    max_gap: int | None = None
    """Unused registers in a row that a request may span; None = any number (right on TCP)."""
    forbidden: tuple[Block, ...] = ()

    @classmethod
    def of(cls, profile: Profile, max_gap: int | None = None) -> "Limits":
        """A profile's own limits; `max_gap` is the line's rule where the profile has none."""
        quirks = profile.quirks
        gap = max_gap if quirks.max_gap is None else quirks.max_gap
        return cls(quirks.max_registers, gap, profile.forbidden)


@dataclass(frozen=True, slots=True)
class Request:
    """One block to read and the points whose registers lie in it."""

    block: Block
    points: tuple[Point, ...]


def plan_requests(points: Iterable[Point], limits: Limits) -> list[Request]:
    """The optimal requests for these points, in the order of function code and address.

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
    tight = plan_requests(request.points, Limits(limits.max_registers, 0, limits.forbidden))
    if len(tight) > 1:
        return tight
    half = len(request.points) // 2
    parts = request.points[:half], request.points[half:]
    return [smaller for part in parts for smaller in plan_requests(part, limits)]


def _best(points: Sequence[Point], limits: Limits) -> list[Request]:
    # costs[i] = (requests, registers) for the first i points; starts[i] = where its last run begins
    costs: list[tuple[int, int]] = [(0, 0)]
    starts: list[int] = [0]
    for end in range(1, len(points) + 1):
        options = []
        for start in range(end - 1, -1, -1):
            block = _block(points[start:end])
            if start < end - 1 and not _allowed(points[start:end], block, limits):
                break
            requests, registers = costs[start]
            options.append(((requests + 1, registers + block.count), start))
        cost, start = min(options)
        costs.append(cost)
        starts.append(start)
    return _walk_back(points, starts)


def _walk_back(points: Sequence[Point], starts: Sequence[int]) -> list[Request]:
    requests: list[Request] = []
    end = len(points)
    while end > 0:
        run = tuple(points[starts[end] : end])
        requests.append(Request(_block(run), run))
        end = starts[end]
    return requests[::-1]


def _block(points: Sequence[Point]) -> Block:
    start = points[0].address
    end = max(point.address + point.words for point in points)
    return Block(points[0].fc, start, end - start)


def _allowed(points: Sequence[Point], block: Block, limits: Limits) -> bool:
    if block.count > limits.max_registers:
        return False
    for part in limits.forbidden:
        if part.fc == block.fc and part.start < block.end and block.start < part.end:
            return False
    return limits.max_gap is None or _widest_gap(points) <= limits.max_gap


def _widest_gap(points: Sequence[Point]) -> int:
    widest, reached = 0, points[0].address
    for point in points:
        widest = max(widest, point.address - reached)
        reached = max(reached, point.address + point.words)
    return widest
