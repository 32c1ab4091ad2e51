"""What an account is, written from the definition and for nothing but being right.

It shares no code with the engine and knows nothing of windows, restarts or knots: every instant is
looked up by scanning, every number is a fraction. Sources: the order of judgement and the cases of
registers, and "accounts are integers" of the design's section on aggregation. In words:

- A reading counts unless its quality is suspect or missing or somebody excluded it.
- R follows the readings, straight between two accepted ones. From the accepted p to the next
  reading c: c goes on from p if it is not below and not more than nameplate x 1.2 allows; one count
  and the energy of a minute always pass. A fall is a wrap if p is at 90 % of the modulus or more
  and c + modulus goes on from p (a tenth of the modulus at most where there is no nameplate).
- Any other reading is held. One that goes on from p rejects what is held. Three that go on from one
  another and rise are believed: nothing up to their first, all after it.
- An exchange ends the old meter at its final reading, which nobody doubts, and begins the new one.
  A final below p is a wrap by the same rule; else, where it lies at or above held readings that go
  on from one another, the lowest of those counts as p; else it counts nothing.
- A ratio: what the register counts in [from, until) is so many times as much.
- A gap (longer than allowed) is straight too, and estimated; where the feeder was off by plan R is
  flat and what is left of the gap is estimated only if that is too long. A plan that fills a gap in
  which the register counted was not kept.
- R is rounded half even to the smallest unit in each frame: from one joint (wrap, reset, exchange,
  another ratio) to the next.
- An interval's quality is the worst of what touches it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

MINUTE = 60_000_000
HOUR = 60 * MINUTE
ESTIMATED, MANUAL, SUSPECT = 1, 3, 4
FOREVER = 10**30


class Seen(NamedTuple):
    """A reading: instant in microseconds, counts, quality."""

    ts: int
    raw: int
    quality: int


@dataclass(frozen=True)
class Known:
    """A register: `unit` smallest units a count, modulus and counts an hour if it has them.

    exchanges (ts, final, initial), ratios (from, until or None, factor), else spans or instants.
    """

    unit: Fraction
    modulus: int | None
    per_hour: Fraction | None
    max_gap: int
    exchanges: Sequence[tuple[int, int, int]] = ()
    ratios: Sequence[tuple[int, int | None, Fraction]] = ()
    excluded: Sequence[tuple[int, int]] = ()
    changed: Sequence[int] = ()
    planned: Sequence[tuple[int, int]] = ()


class Piece(NamedTuple):
    """R in smallest units over a stretch of one frame."""

    frame: tuple[int, int]
    start: int
    end: int
    low: Fraction
    high: Fraction


class Touch(NamedTuple):
    """A stretch that is not simply good; `guessed`: its energy is estimated."""

    start: int
    end: int
    quality: int
    guessed: bool


@dataclass
class Account:
    """The account of a register's whole life."""

    known: Known
    pieces: list[Piece] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    verdicts: list[tuple[str, int]] = field(default_factory=list)
    begin: int | None = None
    last: Seen | None = None
    held: list[Seen] = field(default_factory=list)
    joints: int = 0
    sums: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, readings: Sequence[tuple[int, int, int]], known: Known) -> "Account":
        """Judge a life from its first reading to its last."""
        account = cls(known)
        usable = [
            Seen(*one)
            for one in readings
            if one[2] < SUSPECT and not any(a <= one[0] < b for a, b in known.excluded)
        ]
        happened = [(ts, 0, (ts, final, first)) for ts, final, first in known.exchanges]
        happened += [(one.ts, 1, one) for one in usable]
        for _, order, what in sorted(happened, key=lambda h: h[:2]):
            if order == 0:
                account.exchange(*what)
            else:
                account.see(Seen(*what))
        if account.last and account.held:
            account.touch(account.last.ts, account.held[-1].ts, SUSPECT)
            account.verdicts.append(("held", account.held[0].ts))
        for ts in known.changed:
            account.touch(ts, FOREVER, SUSPECT)
        return account

    def factors(self, start: int, end: int) -> list[tuple[int, int, Fraction]]:
        """Cut [start, end] where any ratio begins or ends."""
        borders = {x for a, b, _ in self.known.ratios for x in (a, b) if x is not None}
        cuts = sorted({start, end} | {x for x in borders if start < x < end})
        parts = []
        for a, b in itertools.pairwise(cuts):
            factor = Fraction(1)
            for since, until, times in self.known.ratios:
                if since <= a and (until is None or a < until):
                    factor *= times
            parts.append((a, b, factor))
        return parts

    def follows(self, a: Seen, b: Seen) -> bool:
        """Tell whether b goes on from a."""
        rise = b.raw - a.raw
        if rise < 0:
            return False
        if self.known.per_hour is None:
            return True
        lasted = b.ts - a.ts
        times = Fraction(1)
        if lasted:
            shares = [(y - x) * factor for x, y, factor in self.factors(a.ts, b.ts)]
            times = Fraction(sum(shares), lasted)
        else:
            times = self.factors(a.ts, a.ts + 1)[0][2]
        hours = Fraction(max(lasted, MINUTE), HOUR)
        return times * (rise - 1) <= self.known.per_hour * Fraction(6, 5) * hours

    def wrapped(self, a: Seen, b: Seen) -> Seen | None:
        """Answer b with the modulus added where a fall is a wrap."""
        modulus = self.known.modulus
        if modulus is None or b.raw >= a.raw or Fraction(a.raw, modulus) < Fraction(9, 10):
            return None
        over = b._replace(raw=b.raw + modulus)
        if over.raw < a.raw:
            return None
        if self.known.per_hour is None:
            return over if over.raw - a.raw <= Fraction(modulus, 10) else None
        return over if self.follows(a, over) else None

    def see(self, c: Seen) -> None:
        """Judge the next reading."""
        p = self.last
        if p is None:
            self.last, self.begin = c, c.ts
            return
        over = self.wrapped(p, c)
        if self.follows(p, c):
            self.reject(p)
            self.rise(p, c)
        elif over:
            self.reject(p)
            self.rise(p, over)
            self.joint("wrap", c.ts)
        else:
            self.held.append(c)
            self.believe()
            return
        self.last = c

    def reject(self, p: Seen) -> None:
        """What is held was wrong."""
        if self.held:
            first = self.held[0]
            fell = "zero" if first.raw == 0 else "dip"
            self.verdicts.append((fell if first.raw < p.raw else "spike", first.ts))
        self.held = []

    def going_on(self) -> list[Seen]:
        """Answer the longest tail of what is held whose readings go on from one another."""
        tail = self.held[-1:]
        for one in reversed(self.held[:-1]):
            if not self.follows(one, tail[0]):
                break
            tail.insert(0, one)
        return tail

    def believe(self) -> None:
        """Three held readings that rise are a level of their own."""
        tail = self.going_on()
        if len(tail) >= 3 and tail[-1].raw > tail[0].raw:
            self.start_again(tail)

    def start_again(self, tail: Sequence[Seen]) -> None:
        """Count from the first of a tail on, nothing before it."""
        assert self.last is not None
        fell = tail[0].raw < self.last.raw
        self.verdicts.append(("reset" if fell else "jump", self.held[0].ts))
        self.touch(self.last.ts, tail[0].ts, ESTIMATED, guessed=True)
        self.joints += 1
        for a, b in itertools.pairwise(tail):
            self.rise(a, b)
        self.last, self.held = tail[-1], []

    def exchange(self, ts: int, final: int, initial: int) -> None:
        """The old meter ended at `final`, the new one began at `initial`."""
        if self.last is not None:
            self.end(Seen(ts, final, 0))
        self.joint("exchange", ts)
        self.last, self.held = Seen(ts, initial, 0), []
        self.begin = ts if self.begin is None else self.begin

    def end(self, final: Seen) -> None:
        """Count up to a final reading."""
        assert self.last is not None
        over = self.wrapped(self.last, final)
        tail = self.going_on()
        if final.raw < self.last.raw and over:
            self.reject(self.last)
            self.rise(self.last, over)
            self.joint("wrap", final.ts)
            return
        if final.raw < self.last.raw and tail and final.raw >= tail[-1].raw:
            self.start_again(tail)
        self.reject(self.last)
        self.rise(self.last, final._replace(raw=max(final.raw, self.last.raw)))

    def joint(self, kind: str, ts: int) -> None:
        """End a frame."""
        self.verdicts.append((kind, ts))
        self.joints += 1

    def touch(self, start: int, end: int, quality: int, *, guessed: bool = False) -> None:
        """Remember that a stretch is not simply good."""
        self.touches.append(Touch(start, end, quality, guessed))

    def rise(self, a: Seen, b: Seen) -> None:
        """R from a to b."""
        worst = max(a.quality, b.quality)
        if worst:
            self.touch(a.ts, b.ts, worst)
        off: list[tuple[int, int]] = []
        if b.ts - a.ts > self.known.max_gap:
            off = self.off(a.ts, b.ts)
            if live(a.ts, b.ts, off) == 0 and b.raw > a.raw:
                off = []
            if live(a.ts, b.ts, off) > self.known.max_gap:
                for start, end in between(a.ts, b.ts, off):
                    self.touch(start, end, ESTIMATED, guessed=True)
        cuts = sorted({x for span in off for x in span} | {a.ts, b.ts})
        total = live(a.ts, b.ts, off)
        for start, end in itertools.pairwise(cuts) if len(cuts) > 1 else [(a.ts, b.ts)]:
            low, high = (
                a.raw + (Fraction((b.raw - a.raw) * live(a.ts, x, off), total) if total else 0)
                for x in (start, end)
            )
            high = Fraction(b.raw) if end == b.ts else high
            self.cut_by_factors(start, end, Fraction(low), Fraction(high))

    def cut_by_factors(self, start: int, end: int, low: Fraction, high: Fraction) -> None:
        """Lay down pieces; a frame ends where a ratio begins or ends."""
        parts = self.factors(start, end) if end > start else self.factors(start, start + 1)
        for a, b, factor in parts:
            x, y = low, high
            if end > start:
                x, y = (low + (high - low) * Fraction(t - start, end - start) for t in (a, b))
            times = factor * self.known.unit
            frame = (self.joints, self.ratio_number(a))
            self.pieces.append(Piece(frame, a, min(b, end), x * times, y * times))

    def ratio_number(self, instant: int) -> int:
        """Answer how many times a ratio began or ended up to an instant."""
        borders = {x for a, b, _ in self.known.ratios for x in (a, b) if x is not None}
        return len([x for x in borders if x <= instant])

    def off(self, start: int, end: int) -> list[tuple[int, int]]:
        """Answer when the feeder was off by plan between two instants."""
        clipped = [(max(a, start), min(b, end)) for a, b in self.known.planned]
        clipped = sorted((a, b) for a, b in clipped if a < b)
        joined: list[tuple[int, int]] = []
        for a, b in clipped:
            if joined and a <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
            else:
                joined.append((a, b))
        return joined

    def r(self, instant: int) -> int:
        """Answer R at an instant; it is what its first instant leaves until then."""
        instant = instant if self.begin is None else max(instant, self.begin)
        if instant not in self.sums:
            frames: dict[tuple[int, int], list[Piece]] = {}
            for piece in self.pieces:
                if piece.start <= instant:
                    frames.setdefault(piece.frame, []).append(piece)
            self.sums[instant] = sum(
                round(value(pieces, instant)) - round(pieces[0].low) for pieces in frames.values()
            )
        return self.sums[instant]

    def energy(self, start: int, end: int) -> int:
        """Answer the account of [start, end) in smallest units."""
        return self.r(end) - self.r(start)

    def estimated(self, start: int, end: int) -> int:
        """Answer the part of it that is estimated."""
        spans = [(max(t.start, start), min(t.end, end)) for t in self.touches if t.guessed]
        return sum(self.energy(a, b) for a, b in spans if a < b)

    def quality(self, start: int, end: int) -> int:
        """Answer the worst that touches it."""
        return max([t.quality for t in self.touches if t.start < end and t.end > start], default=0)

    def measured(self, start: int, end: int) -> int:
        """Answer the seconds of it that stand on readings: known, not guessed, not substituted."""
        assert self.begin is not None
        assert self.last is not None
        edges = {max(start, self.begin), min(end, self.last.ts)}
        weak = [t for t in self.touches if t.guessed or 0 < t.quality < MANUAL]
        inside = {x for t in weak for x in (t.start, t.end) if min(edges) < x < max(edges)}
        stands = sum(
            b - a
            for a, b in itertools.pairwise(sorted(edges | inside))
            if not any(t.start <= a and b <= t.end for t in weak)
        )
        return round(Fraction(stands, 1_000_000))

    def exists(self, start: int, end: int) -> bool:
        """Tell whether R says anything about [start, end)."""
        if self.begin is None or self.last is None or self.begin == self.last.ts:
            return False
        return start < self.last.ts and end > self.begin


def value(pieces: Sequence[Piece], instant: int) -> Fraction:
    """Answer a frame's value at an instant at or after its beginning."""
    for piece in pieces:
        if piece.start <= instant < piece.end:
            share = Fraction(instant - piece.start, piece.end - piece.start)
            return piece.low + (piece.high - piece.low) * share
    return pieces[-1].high


def live(start: int, end: int, off: Sequence[tuple[int, int]]) -> int:
    """Answer the microseconds of [start, end] that are not off."""
    return end - start - sum(max(0, min(b, end) - max(a, start)) for a, b in off)


def between(start: int, end: int, off: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Answer the parts of [start, end] that are not off."""
    edges = [start, *(x for span in off for x in span), end]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
