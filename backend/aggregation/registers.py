"""The register engine: readings of a counter in, the curve R(t) and judgements out. Pure.

Order of judgement (cases.md): recorded exchange; wrap; else held until a reading goes on from the
one before (a dip, zero or spike: rejected), or three readings rise consistently from a new level (a
reset, or a jump upward): the account goes on from that level's first reading.
Times are integer microseconds since 1970 UTC, values integer counts of the register's resolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from operator import sub
from struct import Struct
from typing import Final, NamedTuple

from backend.aggregation.curve import HOUR, MINUTE, Curve, Frame, Mark
from backend.aggregation.events import ALWAYS, NOTHING, Events, Sample, mean_factor
from backend.aggregation.legs import Leg, leg_over
from gateway.contract.quality import Quality

FINEST: Final = Fraction(1, 10**9)
"""Resolution of a register that names none, in its unit: finer than a double at 10^6 units."""
MARGIN: Final = Fraction(6, 5)
"""More than nameplate x 1.2 is suspect (case 6)."""
RISING: Final = 3
"""Readings that must rise from a new level before it is believed."""


SAMPLE: Final = Struct("!qdh")
"""A reading as PostgreSQL sends it: microseconds since 2000, value, quality."""
SAFE: Final = 2.0**48
CLEAR: Final = 0.25
"""Counts below SAFE that lie so near a whole one are that one, whatever a division rounded."""
YEAR_2000: Final = 946_684_800_000_000


class Reading(NamedTuple):
    """One sample of a register: microseconds, counts, quality."""

    ts: int
    raw: int
    quality: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one episode was judged. `until` is the settling reading, None while held. Counts."""

    ts: int
    kind: str
    before: int
    after: int
    offset: int
    until: int | None


@dataclass(frozen=True, slots=True)
class RegisterSpec:
    """What a register is: all numbers exact.

    `resolution`: one count in the point's unit. `smallest`: smallest units of one count.
    `modulus`: largest count + 1. `per_hour`: nameplate in counts an hour. `max_gap`: microseconds.
    """

    resolution: Fraction
    smallest: Fraction
    modulus: int | None
    per_hour: Fraction | None
    max_gap: int

    @classmethod
    def of(
        cls,
        *,
        smallest_per_point_unit: Fraction,
        resolution: float | None = None,
        modulus: float | None = None,
        nameplate_per_hour: Fraction | int | None = None,
        max_gap_s: int = 900,
    ) -> "RegisterSpec":
        """Make a spec from a point's row; `nameplate_per_hour` in the point's unit."""
        step = FINEST if resolution is None else _decimal(resolution).limit_denominator(10**9)
        return cls(
            resolution=step,
            smallest=step * smallest_per_point_unit,
            modulus=None if modulus is None else round(_decimal(modulus) / step),
            per_hour=None if nameplate_per_hour is None else nameplate_per_hour / step,
            max_gap=max_gap_s * 1_000_000,
        )

    def count(self, value: float) -> int:
        """Answer the register's count nearest to a value in the point's unit.

        So no binary noise enters. Raises ValueError for what is no number.
        """
        near = value * self.resolution.denominator / self.resolution.numerator
        # Far from a tie and below 2^48 the division's own rounding cannot matter.
        if -SAFE < near < SAFE and -CLEAR < near - round(near) < CLEAR:
            return round(near)
        return round(_decimal(value) / self.resolution)

    def readings(self, blob: bytes) -> list[Sample]:
        """Answer a blob of readings (see SAMPLE) as instants, counts and qualities."""
        if not blob:
            return []
        since_2000, values, qualities = zip(*SAMPLE.iter_unpack(blob), strict=True)
        times = map(YEAR_2000.__add__, since_2000)
        return list(zip(times, self.counts(values), qualities, strict=True))

    def counts(self, values: Sequence[float]) -> list[int]:
        """Answer values in the point's unit as `count` does; there is at least one."""
        factor = self.resolution.denominator / self.resolution.numerator
        near = list(map(factor.__mul__, values))
        if min(near) > -SAFE and max(near) < SAFE:
            counts = list(map(round, near))
            beside = list(map(sub, near, counts))
            if min(beside) > -CLEAR and max(beside) < CLEAR:
                return counts
        return list(map(self.count, values))

    def counts_of(self, numbers: Sequence[int], divisor: int) -> Sequence[int]:
        """Answer whole numbers over a divisor, at least one, as `count` does."""
        times, rest = divmod(self.resolution.denominator, divisor * self.resolution.numerator)
        if rest or max(map(abs, numbers)) * times >= SAFE:
            return self.counts([number / divisor for number in numbers])
        return numbers if times == 1 else [number * times for number in numbers]

    def value(self, count: int) -> Decimal:
        """Answer a count in the point's unit."""
        exact = count * self.resolution
        return Decimal(exact.numerator) / Decimal(exact.denominator)

    def plausible(self, step: int, elapsed: int, factor: int | Fraction = 1) -> bool:
        """Tell whether the nameplate allows `step` counts in `elapsed` microseconds.

        Each count is `factor` counts of energy. A register moves a whole count at a time, and
        samples a minute apart or less carry jitter: one count, and the energy of a minute, always
        pass.
        """
        if self.per_hour is None:
            return True
        return (step - 1) * factor * HOUR <= self.per_hour * MARGIN * max(elapsed, MINUTE)

    def wraps(self, before: int, after: int, elapsed: int, factor: int | Fraction = 1) -> bool:
        """Tell whether a decrease is the register's wrap.

        Without a nameplate the step may be a tenth of the modulus at most.
        """
        if self.modulus is None or before * 10 < self.modulus * 9:
            return False
        step = after + self.modulus - before
        if step < 0:
            return False  # the register has shown more than the modulus it is said to have
        if self.per_hour is None:
            return step * 10 <= self.modulus
        return self.plausible(step, elapsed, factor)


@dataclass(slots=True)
class Trace:
    """A finished pass: R, and how what did not simply go on was judged."""

    curve: Curve
    judgements: list[Judgement] = field(default_factory=list)

    def settled(self, ts: int) -> bool:
        """Tell whether the reading at `ts` left nothing open, so that a pass may begin there."""
        return settled(self.judgements, ts)


def settled(judgements: Sequence[Judgement], ts: int) -> bool:
    """Tell whether no episode of `judgements` is open at `ts`."""
    return not any(one.ts <= ts and (one.until is None or ts < one.until) for one in judgements)


def judge(readings: Sequence[Sample], spec: RegisterSpec, events: Events = NOTHING) -> Trace:
    """Pass once over a register's readings (rising times) from a settled reading or the first.

    Suspect, missing and excluded samples are not accounted.
    """
    if not (events.exchanges or events.ratios or events.excluded or events.changed):
        plain = _plain(readings, spec)
        if plain is not None:
            return plain
    run = _Pass(spec, events)
    quick, gap, at, last = run.quick, -1, run.ts, run.count
    add_time, add_count = run.times.append, run.counts.append
    for ts, count, quality in events.kept(readings):
        # The plain next reading, by far the most: no gap, no fall, plausible however short.
        if 0 <= count - last <= quick and ts - at <= gap and quality == 0 and ts < run.due:
            add_time(ts)
            add_count(count)
            at, last = ts, count
        elif quality < Quality.SUSPECT:
            run.ts, run.count = at, last
            run.take(Reading(ts, count, quality))
            at, last = run.ts, run.count
            add_time, add_count, quick = run.times.append, run.counts.append, run.quick
            gap = spec.max_gap if run.quality == 0 and not run.held else -1
    run.ts, run.count = at, last
    return run.finished()


def _plain(readings: Sequence[Sample], spec: RegisterSpec) -> Trace | None:
    """Answer the pass over readings that all simply go on, by far the most; None for others."""
    if len(readings) < 2:
        return None
    times, counts, qualities = zip(*readings, strict=True)
    steps, lasting = (list(map(sub, one[1:], one)) for one in (counts, times))
    if any(qualities) or min(steps) < 0 or max(lasting) > spec.max_gap:
        return None
    if not spec.plausible(max(steps), min(lasting)):
        return None
    return Trace(Curve([Frame(list(times), list(counts), spec.smallest)]))


class _Pass:
    """The state of a pass: the last accepted reading and what is held against it."""

    def __init__(self, spec: RegisterSpec, events: Events) -> None:
        self.spec = spec
        self.events = events
        self.trace = Trace(Curve())
        self.exchanges = list(reversed(events.exchanges))
        self.steps = events.steps()
        self.coming = list(reversed(self.steps))
        self.factor: int | Fraction = 1
        self.ts, self.count, self.quality = 0, ALWAYS, 0
        self.times: list[int] = []
        self.counts: list[int | Fraction] = []
        self.held: list[Reading] = []
        self.run: list[Reading] = []
        self.due, self.quick = ALWAYS, ALWAYS
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Set when the next event is due, and the counts that always pass, however short a time."""
        exchange = self.exchanges[-1].ts if self.exchanges else ALWAYS
        self.due = min(exchange, self.coming[-1].ts if self.coming else ALWAYS)
        if self.spec.per_hour is not None:
            self.quick = int(self.spec.per_hour * MARGIN * MINUTE / (HOUR * self.factor)) + 1

    def take(self, reading: Reading) -> None:
        """Judge one reading that is not plainly the next."""
        while self.exchanges and reading.ts >= self.exchanges[-1].ts:
            self._exchange()
        if not self.times:
            self._begin(reading)
        elif self._goes_on(Reading(self.ts, self.count), reading):
            self._return(reading.ts)
            self._knot(reading)
        elif self._wraps(reading):
            self._return(reading.ts)
            self._wrap(reading)
        else:
            self._hold(reading)

    def finished(self) -> Trace:
        """Close the pass: exchanges after the last reading, and what is still held or open."""
        while self.exchanges:
            self._exchange()
        if self.held:
            self._mark(self.ts, self.held[-1].ts, Quality.SUSPECT)
            first = self.held[0]
            self._judged(first.ts, "held", self.count, first.raw, 0, None)
        for ts in self.events.changed:
            self._mark(ts, ALWAYS, Quality.SUSPECT)
        return self.trace

    def _goes_on(self, before: Reading, after: Reading) -> bool:
        step = after.raw - before.raw
        if step < 0:
            return False
        return self.spec.plausible(
            step, after.ts - before.ts, self._mean_factor(before.ts, after.ts)
        )

    def _mean_factor(self, start: int, end: int) -> int | Fraction:
        return mean_factor(self.steps, start, end) if self.steps else 1

    def _wraps(self, reading: Reading) -> bool:
        factor = self._mean_factor(self.ts, reading.ts)
        return self.spec.wraps(self.count, reading.raw, reading.ts - self.ts, factor)

    def _open(self, ts: int, count: int | Fraction) -> None:
        """Begin a frame at a knot, with the factor in force."""
        while self.coming and self.coming[-1].ts <= ts:
            self.factor = self.coming.pop().factor
        self.times, self.counts = [ts], [count]
        smallest = self.spec.smallest * self.factor
        self.trace.curve.frames.append(Frame(self.times, self.counts, smallest))
        self._look_ahead()

    def _begin(self, reading: Reading) -> None:
        """Go on in a new frame from a reading."""
        self._open(reading.ts, reading.raw)
        self.ts, self.count, self.quality = reading

    def _knot(self, reading: Reading) -> None:
        """Go on from the last accepted reading to this one."""
        gap = reading.ts - self.ts > self.spec.max_gap
        worst = max(self.quality, reading.quality)
        if gap or worst > Quality.GOOD or reading.ts >= self.due:
            self._lay(reading, worst, gap=gap)
        self._add(reading.ts, reading.raw)
        self.ts, self.count, self.quality = reading

    def _lay(self, reading: Reading, worst: int, *, gap: bool) -> None:
        """Mark the leg to a reading, and cut it where it is not straight."""
        planned = self.events.planned
        leg = leg_over(self.ts, reading.ts, self.count, reading.raw, gap=gap, planned=planned)
        self._grade(leg, worst, gap=gap)
        for cut in self._cuts(leg):
            self._add(cut, leg.at(cut))

    def _grade(self, leg: Leg, worst: int, *, gap: bool) -> None:
        """Mark what is not simply good of a leg; marks never overlap."""
        if gap and leg.lasting > self.spec.max_gap:
            for start, end in leg.rising():
                self._mark(start, end, max(worst, Quality.ESTIMATED), gap=True)
            for start, end in leg.flat if worst > Quality.GOOD else ():
                self._mark(start, end, worst)
        elif worst > Quality.GOOD:
            self._mark(leg.start, leg.end, worst)

    def _cuts(self, leg: Leg) -> list[int]:
        """Answer the instants inside a leg that need a knot: a plan's ends, another factor."""
        if not leg.flat and leg.end <= self.due:
            return []
        planned = {instant for span in leg.flat for instant in span}
        factors = {step.ts for step in self.coming if step.ts < leg.end}
        return sorted((planned | factors) - {leg.start, leg.end})

    def _add(self, ts: int, count: int | Fraction) -> None:
        """Append a knot; where another factor begins, the frame ends."""
        self.times.append(ts)
        self.counts.append(count)
        if self.coming and self.coming[-1].ts <= ts:
            self._open(ts, count)

    def _return(self, until: int) -> None:
        """Reject what is held: the register went on as if it had not been."""
        if not self.held:
            return
        first = self.held[0]
        low = "zero" if first.raw == 0 else "dip"
        kind = low if first.raw < self.count else "spike"
        self._judged(first.ts, kind, self.count, first.raw, 0, until)
        self.held, self.run = [], []

    def _wrap(self, reading: Reading) -> None:
        modulus = self.spec.modulus or 0
        self._judged(reading.ts, "wrap", self.count, reading.raw, modulus, reading.ts)
        self._knot(reading._replace(raw=reading.raw + modulus))
        self._begin(reading)

    def _hold(self, reading: Reading) -> None:
        """Hold a reading; believe its level once readings rise consistently from it."""
        self.held.append(reading)
        if self.run and self._goes_on(self.run[-1], reading):
            self.run.append(reading)
        else:
            self.run = [reading]
        if len(self.run) >= RISING and self.run[-1].raw > self.run[0].raw:
            self._rebase(reading.ts)

    def _rebase(self, until: int) -> None:
        """Believe the held level: nothing is counted up to its first reading, all after it is."""
        base, *rest = self.run
        kind = "reset" if base.raw < self.count else "jump"
        offset = self.count - base.raw
        self._judged(self.held[0].ts, kind, self.count, base.raw, offset, until)
        self._mark(self.ts, base.ts, Quality.ESTIMATED, gap=True)
        self.times.append(base.ts)
        self.counts.append(self.count)
        self._begin(base)
        for reading in rest:
            self._knot(reading)
        self.held, self.run = [], []

    def _exchange(self) -> None:
        """Close the old meter's frame at its final reading and open the new one's."""
        event = self.exchanges.pop()
        if self.times:
            self._final(Reading(event.ts, event.final))
        offset = event.final - event.initial
        self._judged(event.ts, "exchange", event.final, event.initial, offset, event.ts)
        self._begin(Reading(event.ts, event.initial))

    def _final(self, final: Reading) -> None:
        """Count up to a final reading. A person read it, so the nameplate does not judge it."""
        if final.raw < self.count and self._wraps(final):
            self._return(final.ts)
            self._wrap(final)
            return
        if final.raw < self.count and self.run and final.raw >= self.run[-1].raw:
            self._rebase(final.ts)
        self._return(final.ts)
        self._knot(final._replace(raw=max(final.raw, self.count)))

    def _mark(self, start: int, end: int, quality: int, *, gap: bool = False) -> None:
        self.trace.curve.marks.append(Mark(start, end, quality, gap))

    def _judged(
        self, ts: int, kind: str, before: int, after: int, offset: int, until: int | None
    ) -> None:
        self.trace.judgements.append(Judgement(ts, kind, before, after, offset, until))


def _decimal(value: float) -> Fraction:
    """Answer the number that a float's shortest text says, exactly."""
    return Fraction(repr(float(value)))
