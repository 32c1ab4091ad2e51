"""The poll planner against brute force: no other partition needs fewer requests or registers."""

from collections.abc import Iterator
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.contract.profile import Block, Deadband, Kind, Point, RatioRule
from gateway.contract.profile_file import find_profile, profile_names
from gateway.contract.registers import Datatype
from gateway.plan import Limits, Request, plan_requests, split

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


def cost(parts: list[list[Point]], limits: Limits) -> tuple[int, int] | None:
    total = 0
    for part in parts:
        used = {point.address + i for point in part for i in range(point.words)}
        low, high = min(used), max(used)
        total += high - low + 1
        if len(part) > 1 and not fits(used, low, high, limits):
            return None
    return len(parts), total


def fits(used: set[int], low: int, high: int, limits: Limits) -> bool:
    if high - low + 1 > limits.max_registers:
        return False
    span = set(range(low, high + 1))
    if any(span & set(range(part.start, part.end)) for part in limits.forbidden):
        return False
    run = 0
    for address in range(low, high + 1):
        run = 0 if address in used else run + 1
        if limits.max_gap is not None and run > limits.max_gap:
            return False
    return True


limits_of_any_kind = st.builds(
    Limits,
    st.integers(4, 40),
    st.one_of(st.none(), st.integers(0, 12)),
    st.lists(st.builds(Block, st.just(3), st.integers(0, 60), st.integers(1, 3)), max_size=2).map(
        tuple
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from([1, 2, 4])), min_size=1, max_size=7),
    limits_of_any_kind,
)
def test_no_other_partition_is_cheaper(places: list[tuple[int, int]], limits: Limits) -> None:
    points = [make_point(address, words) for address, words in dict.fromkeys(places)]
    costs = [cost(parts, limits) for parts in partitions(points)]
    best = min(found for found in costs if found is not None)
    plan = plan_requests(points, limits)
    assert sorted(p.key for r in plan for p in r.points) == sorted(p.key for p in points)
    assert cost([list(request.points) for request in plan], limits) == best
    assert sum(request.block.count for request in plan) == best[1]


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
