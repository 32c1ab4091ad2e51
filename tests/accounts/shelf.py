"""One register's readings, events, dirty ranges and accounts in memory: the worker without a
database. Everything is looked up by scanning; what a window holds is decided as `metering` does.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from backend.aggregation.chunks import DirtyRow, Stretch, newest
from backend.aggregation.curve import QUARTER, Bucket
from backend.aggregation.events import NOTHING, Events, Exchange, Ratio, Sample, Span
from backend.aggregation.registers import Judgement, RegisterSpec, settled
from backend.aggregation.window import (
    Missing,
    Recomputed,
    Window,
    ceil_quarter,
    earlier,
    floor_quarter,
    recompute,
)

FAR = 10**18


class Excluded(NamedTuple):
    """Readings in a span are none."""

    span: Span


class Planned(NamedTuple):
    """The feeder is off by plan."""

    span: Span


class Changed(NamedTuple):
    """Suspect from an instant on."""

    ts: int


Fact = Exchange | Ratio | Excluded | Planned | Changed


class Revoked(NamedTuple):
    """A fact is as if it had never been."""

    fact: Fact


Arrival = Sample | Fact | Revoked


@dataclass
class Shelf:
    """One register."""

    spec: RegisterSpec
    readings: list[Sample] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    judgements: dict[int, Judgement] = field(default_factory=dict)
    accounts: dict[int, Bucket] = field(default_factory=dict)
    dirty: dict[int, DirtyRow] = field(default_factory=dict)
    numbers: int = 0

    def touch(self, first: int, last: int) -> None:
        """Make a range dirty."""
        self.numbers += 1
        self.dirty[self.numbers] = DirtyRow(self.numbers, 7, first, max(first, last))

    def receive(self, batch: Iterable[Arrival], *, one_by_one: bool) -> None:
        """Store what arrived and make it dirty, as one range or each on its own."""
        spans = [span for one in batch if (span := self.store(one)) is not None]
        if one_by_one:
            for first, last in spans:
                self.touch(first, last)
        elif spans:
            self.touch(min(s[0] for s in spans), max(s[1] for s in spans))

    def store(self, one: Arrival) -> tuple[int, int] | None:
        """Store what arrived and answer what it makes dirty: nothing, if it was there before."""
        if isinstance(one, Revoked):
            self.facts.remove(one.fact)
            return self.reach(one.fact)
        if isinstance(one, Exchange | Ratio | Excluded | Planned | Changed):
            self.facts.append(one)
            return self.reach(one)
        place = bisect_left(self.readings, one[:1])
        if self.readings[place : place + 1] and self.readings[place][0] == one[0]:
            return None
        insort(self.readings, one)
        return one[0], one[0]

    def reach(self, fact: Fact) -> tuple[int, int]:
        """Answer the stretch that a fact has an effect on."""
        last = max([0, *(r[0] for r in self.readings)])
        if isinstance(fact, Exchange):
            return fact.ts, fact.ts
        if isinstance(fact, Ratio):
            return fact.ts, min(fact.until, last)
        if isinstance(fact, Changed):
            return fact.ts, last
        return fact.span

    def known(self, low: int = -FAR, high: int = FAR) -> Events:
        """The facts that reach into (low, high]."""
        facts = self.facts
        if not facts:
            return NOTHING
        excluded = [f.span for f in facts if isinstance(f, Excluded)]
        planned = [f.span for f in facts if isinstance(f, Planned)]
        return Events(
            sorted(f for f in facts if isinstance(f, Exchange) and low < f.ts <= high),
            [f for f in facts if isinstance(f, Ratio) and f.until > low and f.ts <= high],
            sorted(s for s in excluded if s.end > low and s.start <= high),
            [f.ts for f in facts if isinstance(f, Changed) and f.ts <= high],
            sorted(s for s in planned if s.end > low and s.start <= high),
        )

    def usable(self) -> list[Sample]:
        """The readings that may be a restart."""
        return [one for one in self.known().kept(self.readings) if one[2] < 4]

    def settled_before(self, limit: int) -> int | None:
        """The last settled reading before an instant."""
        known = list(self.judgements.values())
        readings = self.usable()
        end = bisect_left(readings, (limit,))
        return next((r[0] for r in reversed(readings[:end]) if settled(known, r[0])), None)

    def window(self, stretch: Stretch, before: int, beyond: int) -> Window:
        """What is loaded to recompute a stretch."""
        restart = self.settled_before(before)
        begin = None if restart is None else self.settled_before(floor_quarter(restart) + 1)
        low = -FAR if begin is None else begin
        readings = self.usable()
        later = readings[bisect_left(readings, (ceil_quarter(stretch.last) + beyond,)) :]
        high = later[0][0] if later else FAR
        return Window(
            first=stretch.first,
            last=stretch.last,
            restart=restart,
            readings=[r for r in self.readings if low <= r[0] <= high],
            events=self.known(low, high),
            known=[j for j in self.judgements.values() if low < j.ts <= high],
            complete=not later,
        )

    def work(
        self, span: int, rows: Iterable[DirtyRow] | None = None, *, crash: bool = False
    ) -> None:
        """One chunk of the given rows, as the worker does it; nothing stays of one that crashes."""
        chunk = newest(self.dirty.values() if rows is None else rows, span)
        for stretch in chunk.stretches:
            done = self.recomputed(stretch)
            if not crash:
                self.write(done)
        if crash:
            return
        for number in chunk.finished:
            del self.dirty[number]
        for number, last in chunk.shortened:
            self.dirty[number] = self.dirty[number]._replace(last=last)

    def write(self, done: Recomputed) -> None:
        """Replace the accounts and judgements of what was recomputed."""
        for start in [s for s in self.accounts if done.low <= s < done.high]:
            del self.accounts[start]
        self.accounts |= {bucket.start: bucket for bucket in done.buckets}
        after = -FAR if done.after is None else done.after
        until = FAR if done.until is None else done.until
        for ts in [ts for ts in self.judgements if after < ts <= until]:
            del self.judgements[ts]
        self.judgements |= {one.ts: one for one in done.judgements}

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
