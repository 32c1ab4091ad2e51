"""The poll planner against brute force: no other partition takes less time on the line."""

from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.contract.profile import Block, Deadband, Kind, Point, RatioRule
from gateway.contract.profile_file import find_profile, profile_names
from gateway.contract.registers import Datatype
from gateway.drivers.modbus.timing import TURN_AROUND_S, SerialTiming
from gateway.plan import MORE_THAN_ANY_PLAN, Limits, Request, plan_requests, split

TYPES = {1: Datatype.UINT16, 2: Datatype.FLOAT32, 4: Datatype.INT64}


def make_point(address: int, words: int, fc: int = 3) -> Point:
    return Point(
        key=f"r{fc}_{address}_{words}",
        circuit=None,
        fc=fc,
        address=address,
        datatype=TYPES[words],
        scale=Fraction(1),
        unit="1",
        kind=Kind.GAUGE,
        ratio=RatioRule.NONE,
        missing=frozenset(),
        modulus=None,
        deadband=Deadband(),
        slow=False,
        max_gap_s=1800,
    )


def partitions(items: list[Point]) -> Iterator[list[list[Point]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for smaller in partitions(rest):
        yield [[first], *smaller]
        for index, part in enumerate(smaller):
            yield [*smaller[:index], [first, *part], *smaller[index + 1 :]]


def cost(parts: list[list[Point]], limits: Limits) -> int | None:
    """Registers' worth of line time of a plan; None when the device would not take it."""
    total = len(parts) * limits.request_cost
    for part in parts:
        used = {point.address + i for point in part for i in range(point.words)}
        total += max(used) - min(used) + 1
        if len(part) > 1 and not fits(part, used, limits):
            return None
    return total


def fits(part: list[Point], used: set[int], limits: Limits) -> bool:
    codes = {point.fc for point in part}
    low, high = min(used), max(used)
    [fc] = codes if len(codes) == 1 else [0]
    if not fc or high - low + 1 > dict(limits.by_function).get(fc, limits.max_registers):
        return False
    span = {(fc, address) for address in range(low, high + 1)}
    if any(span & {(b.fc, at) for at in range(b.start, b.end)} for b in limits.forbidden):
        return False
    run = 0
    for address in range(low, high + 1):
        run = 0 if address in used else run + 1
        if limits.max_gap is not None and run > limits.max_gap:
            return False
    return True


blocks = st.builds(Block, st.sampled_from([3, 4]), st.integers(0, 60), st.integers(1, 3))
limits_of_any_kind = st.builds(
    Limits,
    st.integers(4, 40),
    st.one_of(st.none(), st.integers(0, 12)),
    st.lists(blocks, max_size=2).map(tuple),
    st.one_of(st.just(MORE_THAN_ANY_PLAN), st.integers(0, 60)),
    st.one_of(st.just(()), st.integers(4, 40).map(lambda most: ((4, most),))),
)
places_of_any_kind = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([1, 2, 4]), st.sampled_from([3, 3, 4])),
    min_size=1,
    max_size=7,
)


@settings(max_examples=150, deadline=None)
@given(places_of_any_kind, limits_of_any_kind)
def test_no_other_partition_takes_less_time(
    places: list[tuple[int, int, int]], limits: Limits
) -> None:
    points = [make_point(*place) for place in dict.fromkeys(places)]
    costs = [cost(parts, limits) for parts in partitions(points)]
    best = min(found for found in costs if found is not None)
    plan = plan_requests(points, limits)
    assert sorted(p.key for r in plan for p in r.points) == sorted(p.key for p in points)
    assert cost([list(request.points) for request in plan], limits) == best
    assert sum(request.block.count + limits.request_cost for request in plan) == best


@pytest.mark.parametrize(
    ("baud", "widest"),
    # One request more costs 8 + 5 characters, twice 3.5 of silence and 5 ms until the meter speaks:
    # at 9600 baud 24.8 characters, which are 12 registers.
    [(2400, 10), (9600, 12), (19200, 14), (115200, 55)],
)
def test_a_gap_is_read_along_where_that_is_quicker_than_asking_again(
    baud: int, widest: int
) -> None:
    timing = SerialTiming(baud)
    limits = Limits(request_cost=timing.request_cost)
    assert timing.request_cost == widest
    for gap in (widest - 1, widest + 1):
        points = [make_point(0, 1), make_point(1 + gap, 1)]
        together = timing.read_s(2 + gap) + TURN_AROUND_S
        apart = 2 * (timing.read_s(1) + TURN_AROUND_S)
        assert (len(plan_requests(points, limits)) == 1) == (together < apart)


def test_a_function_that_reads_less_gets_smaller_requests() -> None:
    points = [make_point(2 * n, 2, fc) for fc in (3, 4) for n in range(50)]
    plan = plan_requests(points, Limits(by_function=((4, 60),)))
    assert [request.block for request in plan] == [
        Block(3, 0, 100),
        Block(4, 0, 40),
        Block(4, 40, 60),
    ]


def test_function_codes_never_share_a_request() -> None:
    plan = plan_requests([make_point(0, 2, 3), make_point(2, 2, 4)], Limits())
    assert [request.block for request in plan] == [Block(3, 0, 2), Block(4, 2, 2)]


def test_a_refused_block_is_split_until_points_remain() -> None:
    points = [make_point(address, 2) for address in (0, 2, 4, 20)]
    [request] = plan_requests(points, Limits())
    waiting, alone = [request], []
    while waiting:
        parts = split(waiting.pop(), Limits())
        if len(parts) == 1:
            alone.append(parts[0])
        else:
            waiting.extend(parts)
    assert sorted(r.block.start for r in alone) == [0, 2, 4, 20]
    assert split(request, Limits())[0] == Request(Block(3, 0, 6), tuple(points[:3]))


def test_shipped_profiles_need_few_requests() -> None:
    for name in profile_names():
        profile = find_profile(name)
        plan = plan_requests(profile.points, Limits.of(profile))
        spans = {(request.block.fc, request.block.start // 125) for request in plan}
        assert len(plan) <= max(2, len(spans) + 1), name
