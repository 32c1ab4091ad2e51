"""Any order of arrival and any chunking gives the accounts of one pass over everything."""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

import pytest

from backend.aggregation.chunks import Chunk, DirtyRow, Stretch, newest
from backend.aggregation.curve import QUARTER, Bucket, buckets
from backend.aggregation.events import ALWAYS, Events, Exchange, Ratio, Span
from backend.aggregation.registers import Judgement, RegisterSpec, judge, settled
from backend.aggregation.window import (
    Missing,
    Recomputed,
    Window,
    ceil_quarter,
    earlier,
    floor_quarter,
    recompute,
)
from tests.unit.register_book import MIN, SECOND, H

Sample = tuple[int, int, int]
Arrival = Sample | Exchange | Ratio | Span
"""A reading, or an event; a span is an exclusion."""
FAR = 10**18


@dataclass
class Shelf:
    """One register's readings, dirty ranges and accounts, looked up by scanning."""

    spec: RegisterSpec
    readings: list[Sample] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    excluded: list[Span] = field(default_factory=list)
    judgements: dict[int, Judgement] = field(default_factory=dict)
    accounts: dict[int, Bucket] = field(default_factory=dict)
    dirty: dict[int, DirtyRow] = field(default_factory=dict)
    numbers: int = 0

    def touch(self, first: int, last: int) -> None:
        self.numbers += 1
        self.dirty[self.numbers] = DirtyRow(self.numbers, 7, first, last)

    def receive(self, batch: Sequence[Arrival], *, one_by_one: bool) -> None:
        """Store what arrived and make it dirty, as one range or each on its own."""
        spans = [self.store(one) for one in batch]
        if one_by_one:
            for first, last in spans:
                self.touch(first, last)
        elif spans:
            self.touch(min(s[0] for s in spans), max(s[1] for s in spans))

    def store(self, one: Arrival) -> tuple[int, int]:
        """Store what arrived and answer what it makes dirty."""
        if isinstance(one, Exchange):
            insort(self.exchanges, one)
        elif isinstance(one, Ratio):
            self.ratios.append(one)
            return one.ts, min(one.until, self.newest())
        elif isinstance(one, Span):
            insort(self.excluded, one)
            return one
        else:
            insort(self.readings, one)
        return one[0], one[0]

    def newest(self) -> int:
        return max([0, *(r[0] for r in self.readings)])

    def known(self, low: int = -FAR, high: int = FAR) -> Events:
        """The events that reach into (low, high]."""
        return Events(
            [e for e in self.exchanges if low < e.ts <= high],
            [r for r in self.ratios if r.until > low and r.ts <= high],
            [s for s in self.excluded if s.end > low and s.start <= high],
        )

    def settled_before(self, limit: int) -> int | None:
        known = list(self.judgements.values())
        usable = self.known().kept(self.readings)
        fit = [r[0] for r in usable if r[0] < limit and r[2] < 4 and settled(known, r[0])]
        return fit[-1] if fit else None

    def window(self, stretch: Stretch, before: int, beyond: int) -> Window:
        restart = self.settled_before(before)
        begin = None if restart is None else self.settled_before(floor_quarter(restart) + 1)
        low = -FAR if begin is None else begin
        usable = self.known().kept(self.readings)
        later = [r[0] for r in usable if r[0] >= ceil_quarter(stretch.last) + beyond]
        high = later[0] if later else FAR
        return Window(
            first=stretch.first,
            last=stretch.last,
            restart=restart,
            readings=[r for r in self.readings if low <= r[0] <= high],
            events=self.known(low, high),
            known=[j for j in self.judgements.values() if low < j.ts <= high],
            complete=not later,
        )

    def work(self, span: int) -> None:
        """One chunk, as the worker does it."""
        chunk = newest(self.dirty.values(), span)
        for stretch in chunk.stretches:
            done = self.recomputed(stretch)
            for start in [s for s in self.accounts if done.low <= s < done.high]:
                del self.accounts[start]
            self.accounts |= {bucket.start: bucket for bucket in done.buckets}
            after = -FAR if done.after is None else done.after
            until = FAR if done.until is None else done.until
            for ts in [ts for ts in self.judgements if after < ts <= until]:
                del self.judgements[ts]
            self.judgements |= {one.ts: one for one in done.judgements}
        for number in chunk.finished:
            del self.dirty[number]
        for number, last in chunk.shortened:
            self.dirty[number] = self.dirty[number]._replace(last=last)

    def recomputed(self, stretch: Stretch) -> Recomputed:
        """The stretch recomputed, with ever more readings when they are missing."""
        before, beyond = stretch.first, 0
        while True:
            window = self.window(stretch, before, beyond)
            done = recompute(window, self.spec)
            if isinstance(done, Recomputed):
                return done
            if done is Missing.LATER:
                beyond = 2 * beyond + QUARTER
            else:
                before = earlier(window)

    def check(self) -> None:
        """Equal to one pass over everything."""
        trace = judge(self.readings, self.spec, self.known())
        bounds = trace.curve.bounds()
        if bounds is None:
            assert self.accounts == {}
            return
        grid = range(floor_quarter(bounds[0]), ceil_quarter(bounds[1]) + 1, QUARTER)
        whole = buckets(trace.curve, grid)
        assert sorted(self.accounts.values()) == whole
        assert self.judgements == {one.ts: one for one in trace.judgements}


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
        found.append(Span(begin, begin + random.choice([1, 5 * MIN, 3 * H, 40 * H])))
    return found


def ordered(random: Random, arrivals: list[Arrival], mode: int) -> list[Arrival]:
    """How things arrive: in time's order, or as back-fill newest day first, or anyhow."""
    if mode == 0:
        return sorted(arrivals, key=lambda one: one[0])
    if mode == 1:
        return sorted(arrivals, key=lambda one: (-(one[0] // (20 * H)), one[0]))
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
    shelf.check()
    # What was wrong is deleted after all (case 7), and every account follows.
    for sample in random.sample(shelf.readings, k=min(3, len(shelf.readings))):
        shelf.readings.remove(sample)
        shelf.touch(sample[0], sample[0])
        while shelf.dirty:
            shelf.work(3 * H)
        shelf.check()


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
    shelf.check()


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
