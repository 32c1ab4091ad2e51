"""Any order of arrival and any chunking gives the accounts of one pass over everything."""

from fractions import Fraction
from random import Random

import pytest

from backend.aggregation.chunks import Chunk, DirtyRow, Stretch, newest
from backend.aggregation.curve import QUARTER, Bucket, buckets
from backend.aggregation.events import ALWAYS, Events, Exchange, Ratio, Sample, Span
from backend.aggregation.registers import RegisterSpec, judge
from backend.aggregation.window import (
    Missing,
    Window,
    ceil_quarter,
    earlier,
    floor_quarter,
    recompute,
)
from tests.accounts.shelf import Arrival, Excluded, Shelf
from tests.unit.register_book import MIN, SECOND, H


def check(shelf: Shelf) -> None:
    """Equal to one pass over everything."""
    trace = judge(shelf.readings, shelf.spec, shelf.known())
    bounds = trace.curve.bounds()
    if bounds is None:
        assert shelf.accounts == {}
        return
    grid = range(floor_quarter(bounds[0]), ceil_quarter(bounds[1]) + 1, QUARTER)
    whole = buckets(trace.curve, grid)
    assert sorted(shelf.accounts.values()) == whole
    assert shelf.judgements == {one.ts: one for one in trace.judgements}


def life(random: Random, count: int) -> tuple[RegisterSpec, list[Sample], list[Exchange]]:
    """A register with every fault there is."""
    modulus = random.choice([None, 3_000])
    nameplate = random.choice([None, 60, 3_000])
    spec = RegisterSpec(
        resolution=Fraction(1),
        smallest=random.choice([Fraction(1000), Fraction(7, 3)]),
        modulus=modulus,
        per_hour=None if nameplate is None else Fraction(nameplate),
        max_gap=15 * MIN,
    )
    ts, raw = random.randrange(H), random.randrange(2_000)
    samples: list[Sample] = []
    exchanges: list[Exchange] = []
    top = raw
    for _ in range(count):
        ts += random.choice([SECOND, MIN, 5 * MIN, 5 * MIN, 15 * MIN, 40 * MIN, 9 * H])
        kind = random.choice(["rise"] * 12 + ["zero", "dip", "reset", "spike", "exchange"])
        raw += random.randrange(8) if kind == "rise" else 0
        raw = random.randrange(5) if kind == "reset" else raw
        raw = raw % modulus if modulus else raw
        top = max(top, raw)
        if kind == "exchange" and random.random() < 0.5:
            top, raw = 0, random.randrange(3_000)
            exchanges.append(Exchange(ts, 10_000, raw))
        shown = {"zero": 0, "dip": raw * 97 // 100, "spike": raw + 9_000}.get(kind, raw)
        samples.append((ts, shown, random.choice([0] * 15 + [1, 4])))
    return spec, samples, exchanges


def corrections(random: Random, last: int) -> list[Arrival]:
    """Ratios, some without an end, and exclusions, anywhere in a register's life."""
    found: list[Arrival] = []
    for _ in range(random.randrange(3)):
        begin = random.randrange(last + H)
        factor = random.choice([Fraction(4, 3), Fraction(1, 4), Fraction(40)])
        found.append(Ratio(begin, random.choice([ALWAYS, begin + random.randrange(9 * H)]), factor))
    for _ in range(random.randrange(3)):
        begin = random.randrange(last + H)
        end = begin + random.choice([1, 5 * MIN, 3 * H, 40 * H])
        found.append(Excluded(Span(begin, end)))
    return found


def begins(one: Arrival) -> int:
    """The instant of what arrives."""
    begin: object = one[0]
    if isinstance(begin, Span):
        return begin.start
    assert isinstance(begin, int)
    return begin


def ordered(random: Random, arrivals: list[Arrival], mode: int) -> list[Arrival]:
    """How things arrive: in time's order, or as back-fill newest day first, or anyhow."""
    if mode == 0:
        return sorted(arrivals, key=begins)
    if mode == 1:
        return sorted(arrivals, key=lambda one: (-(begins(one) // (20 * H)), begins(one)))
    random.shuffle(arrivals)
    return arrivals


@pytest.mark.parametrize("seed", range(80))
def test_any_order_and_any_chunks_equal_one_pass(seed: int) -> None:
    random = Random(seed)
    spec, samples, exchanges = life(random, random.choice([5, 30, 120]))
    shelf = Shelf(spec)
    events = corrections(random, samples[-1][0]) if seed % 2 else []
    waiting = ordered(random, [*samples, *exchanges, *events], seed % 3)
    while waiting or shelf.dirty:
        count = random.choice([1, 1, 4, 25])
        shelf.receive(waiting[:count], one_by_one=seed % 3 == 2)
        del waiting[:count]
        for _ in range(random.choice([0, 1, 3])):
            shelf.work(random.choice([QUARTER, 3 * H, 400 * H]))
    check(shelf)
    # What was wrong is deleted after all (case 7), and every account follows.
    for sample in random.sample(shelf.readings, k=min(3, len(shelf.readings))):
        shelf.readings.remove(sample)
        shelf.touch(sample[0], sample[0])
        while shelf.dirty:
            shelf.work(3 * H)
        check(shelf)


def test_held_readings_that_are_judged_later_change_what_they_touched() -> None:
    spec = RegisterSpec(Fraction(1), Fraction(10), None, Fraction(60), 15 * MIN)
    shelf = Shelf(spec)
    for i, raw in enumerate([500, 505, 0, 4, 9]):
        shelf.readings.append((i * 10 * MIN, raw, 0))
        shelf.touch(i * 10 * MIN, i * 10 * MIN)
        shelf.work(H)
        if i == 3:
            # Held: the account stands at the last accepted reading and says so.
            assert sorted(shelf.accounts.values()) == [Bucket(0, QUARTER, 50, 0, 4, 600)]
    assert [(j.kind, j.ts) for j in shelf.judgements.values()] == [("reset", 20 * MIN)]
    assert [(b.start, b.qty, b.quality) for b in sorted(shelf.accounts.values())] == [
        (0, 50, 1),
        (QUARTER, 40, 1),
        (2 * QUARTER, 50, 0),
    ]
    check(shelf)


@pytest.mark.parametrize("left", [0, 1])
def test_a_restart_that_is_excluded_while_it_is_looked_at_is_looked_for_again(left: int) -> None:
    """Readings and events are read after the restart: what is recorded in between is seen there."""
    spec = RegisterSpec(Fraction(1), Fraction(10), None, None, 15 * MIN)
    readings = [(i * 15 * MIN, 500 + i, 0) for i in range(4)]
    window = Window(
        first=30 * MIN,
        last=45 * MIN,
        restart=15 * MIN,
        readings=readings,
        events=Events(excluded=[Span(left * 15 * MIN, H)]),
        known=(),
        complete=True,
    )
    assert recompute(window, spec) is Missing.EARLIER
    assert earlier(window) == 1


def rows_of(*ranges: tuple[int, int, int]) -> list[DirtyRow]:
    return [DirtyRow(i, point, first, last) for i, (point, first, last) in enumerate(ranges)]


def test_the_newest_of_each_register_is_taken_and_long_ranges_are_cut() -> None:
    rows = rows_of((1, 0, 50 * H), (1, 50 * H + 1, 51 * H), (2, 0, 5), (1, 10 * H, 49 * H))
    assert newest(rows, 10 * H) == Chunk(
        stretches=[Stretch(1, 41 * H, 51 * H), Stretch(2, 0, 5)],
        finished=[1, 2],
        shortened=[(0, 41 * H), (3, 41 * H)],
    )


def test_live_values_do_not_wait_for_an_import() -> None:
    rows = rows_of((1, 0, 24 * H), (1, 100 * H, 100 * H + 1))
    assert newest(rows, 24 * H) == Chunk(
        stretches=[Stretch(1, 100 * H, 100 * H + 1)], finished=[1], shortened=[]
    )
    assert newest([], H) == Chunk()
