"""Register readings as people write them, and a book-keeper that knows only the definition.

The book-keeper is slow and shares no code with the engine: exact fractions, one leg of energy
between each two accepted readings, every instant looked up by scanning.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from backend.aggregation.curve import Bucket, buckets
from backend.aggregation.events import Events, Exchange
from backend.aggregation.registers import Reading, RegisterSpec, Trace, judge

SECOND = 1_000_000
MIN = 60 * SECOND
H = 60 * MIN


def at(text: str) -> int:
    """Microseconds of an ISO instant; UTC when it names no offset."""
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp()) * SECOND


def kwh_spec(
    *,
    resolution: float | None = 0.1,
    modulus: float | None = None,
    nameplate: int | None = None,
    max_gap_s: int = 900,
) -> RegisterSpec:
    """An electricity register that counts kWh; accounts are mWh."""
    return RegisterSpec.of(
        smallest_per_point_unit=Fraction(10**6),
        resolution=resolution,
        modulus=modulus,
        nameplate_per_hour=nameplate,
        max_gap_s=max_gap_s,
    )


def readings_of(spec: RegisterSpec, rows: Sequence[tuple[int, float]]) -> list[Reading]:
    """Readings from (instant, value in the point's unit)."""
    return [Reading(ts, spec.count(value)) for ts, value in rows]


def passed(
    spec: RegisterSpec,
    rows: Sequence[tuple[int, float]],
    exchanges: Sequence[Exchange] = (),
) -> Trace:
    """One pass over rows."""
    return judge(readings_of(spec, rows), spec, Events(exchanges))


def accounts(trace: Trace, start: int, end: int, step: int = 15 * MIN) -> list[Bucket]:
    """Buckets of `step` between two instants."""
    return buckets(trace.curve, list(range(start, end + 1, step)))


def total(trace: Trace, start: int, end: int) -> int:
    """One bucket's quantity; 0 where nothing is known."""
    found = buckets(trace.curve, [start, end])
    return found[0].qty if found else 0


def kinds(trace: Trace) -> list[tuple[str, int]]:
    """Judgements as (kind, instant)."""
    return [(one.kind, one.ts) for one in trace.judgements]


@dataclass
class Leg:
    """Energy between two accepted readings in one frame: smallest units as fractions."""

    frame: int
    start: int
    end: int
    low: Fraction
    high: Fraction


@dataclass
class Book:
    """The definition of cases.md, written down once more."""

    spec: RegisterSpec
    legs: list[Leg] = field(default_factory=list)
    accepted: tuple[int, int] | None = None
    frame: int = 0
    waiting: list[tuple[int, int]] = field(default_factory=list)
    first: int | None = None

    def fits(self, a: tuple[int, int], b: tuple[int, int]) -> bool:
        """b may follow a: not below, and within nameplate x 1.2 (a count and a minute are free)."""
        rise = b[1] - a[1]
        if rise < 0:
            return False
        if self.spec.per_hour is None:
            return True
        hours = Fraction(max(b[0] - a[0], MIN), H)
        return rise - 1 <= self.spec.per_hour * hours * Fraction(12, 10)

    def leg(self, a: tuple[int, int], b: tuple[int, int]) -> None:
        low, high = (Fraction(x[1]) * self.spec.smallest for x in (a, b))
        self.legs.append(Leg(self.frame, a[0], b[0], low, high))

    def see(self, ts: int, raw: int) -> None:
        """Judge the next reading."""
        c = (ts, raw)
        p = self.accepted
        if p is None:
            self.accepted, self.first = c, ts
            return
        if self.fits(p, c):
            self.leg(p, c)
            self.accepted, self.waiting = c, []
            return
        m = self.spec.modulus
        if raw < p[1] and m is not None and Fraction(p[1], m) >= Fraction(9, 10):
            over = (ts, raw + m)
            small = 0 <= over[1] - p[1] <= Fraction(m, 10)
            if self.fits(p, over) if self.spec.per_hour is not None else small:
                self.leg(p, over)
                self.frame += 1
                self.accepted, self.waiting = c, []
                return
        self.waiting.append(c)
        self.believe()

    def believe(self) -> None:
        """Find a level from which three waiting readings rise consistently."""
        tail = [self.waiting[-1]]
        for earlier in reversed(self.waiting[:-1]):
            if not self.fits(earlier, tail[0]):
                break
            tail.insert(0, earlier)
        if len(tail) < 3 or tail[-1][1] <= tail[0][1]:
            return
        assert self.accepted is not None
        self.leg(self.accepted, (tail[0][0], self.accepted[1]))
        self.frame += 1
        for a, b in itertools.pairwise(tail):
            self.leg(a, b)
        self.accepted, self.waiting = tail[-1], []

    def exchange(self, ts: int, final: int, initial: int) -> None:
        """A new meter (tests give only finals at or above the last accepted reading)."""
        if self.accepted is not None:
            assert final >= self.accepted[1]
            self.leg(self.accepted, (ts, final))
            self.frame += 1
        else:
            self.first = ts
        self.accepted, self.waiting = (ts, initial), []

    def energy(self, start: int, end: int) -> int:
        """R(end) - R(start): each frame rounded at both ends, half even, and added."""
        sums = 0
        for frame in range(self.frame + 1):
            legs = [leg for leg in self.legs if leg.frame == frame]
            if legs:
                sums += self.value(legs, end) - self.value(legs, start)
        return sums

    @staticmethod
    def value(legs: Sequence[Leg], instant: int) -> int:
        """Rounded value of one frame at an instant, held still outside it."""
        instant = min(max(instant, legs[0].start), legs[-1].end)
        for leg in legs:
            if leg.start <= instant <= leg.end:
                if leg.end == leg.start:
                    return round(leg.high)
                part = Fraction(instant - leg.start, leg.end - leg.start)
                return round(leg.low + (leg.high - leg.low) * part)
        raise AssertionError(instant)


def kept(
    spec: RegisterSpec, readings: Sequence[Reading], exchanges: Sequence[Exchange] = ()
) -> Book:
    """A book over readings and exchanges in time."""
    book = Book(spec)
    pending = list(exchanges)
    for reading in readings:
        while pending and pending[0].ts <= reading.ts:
            event = pending.pop(0)
            book.exchange(event.ts, event.final, event.initial)
        if reading.quality < 4:
            book.see(reading.ts, reading.raw)
    for event in pending:
        book.exchange(event.ts, event.final, event.initial)
    return book
