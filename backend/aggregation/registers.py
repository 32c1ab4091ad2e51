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
from struct import Struct
from typing import Final, NamedTuple

from backend.aggregation.curve import HOUR, MINUTE, Curve, Frame, Mark
from gateway.contract.quality import Quality

FINEST: Final = Fraction(1, 10**9)
"""Resolution of a register that names none, in its unit: finer than a double at 10^6 units."""
MARGIN: Final = Fraction(6, 5)
"""More than nameplate x 1.2 is suspect (case 6)."""
RISING: Final = 3
"""Readings that must rise from a new level before it is believed."""


SAMPLE: Final = Struct("!qdh")
"""A reading as PostgreSQL sends it: microseconds since 2000, value, quality."""
YEAR_2000: Final = 946_684_800_000_000


class Reading(NamedTuple):
    """One sample of a register: microseconds, counts, quality."""

    ts: int
    raw: int
    quality: int = 0


class Exchange(NamedTuple):
    """A recorded meter exchange: readings at or after `ts` are the new meter's. Counts."""

    ts: int
    final: int
    initial: int


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

        So no binary noise enters. Raises ValueError or OverflowError for what is no number.
        """
        near = value * self.resolution.denominator / self.resolution.numerator
        nearest = round(near)
        # Far from a tie and below 2^48 the division's own rounding cannot matter.
        if -0.25 < near - nearest < 0.25 and abs(nearest) < 2**48:
            return nearest
        return round(_decimal(value) / self.resolution)

    def readings(self, blob: bytes) -> list[tuple[int, int, int]]:
        """Answer a blob of readings (see SAMPLE) as instants, counts and qualities."""
        factor = self.resolution.denominator / self.resolution.numerator
        safe, exact, found = 2.0**48, self.count, []
        for since_2000, value, quality in SAMPLE.iter_unpack(blob):
            near = value * factor
            count = round(near)
            if not (-0.25 < near - count < 0.25 and -safe < near < safe):
                count = exact(value)
            found.append((since_2000 + YEAR_2000, count, quality))
        return found

    def value(self, count: int) -> Decimal:
        """Answer a count in the point's unit."""
        exact = count * self.resolution
        return Decimal(exact.numerator) / Decimal(exact.denominator)

    def plausible(self, step: int, elapsed: int) -> bool:
        """Tell whether the nameplate allows `step` counts in `elapsed` microseconds.

        A register moves a whole count at a time, and samples a minute apart or less carry jitter:
        one count, and the energy of a minute, always pass.
        """
        if self.per_hour is None:
            return True
        return (step - 1) * HOUR <= self.per_hour * MARGIN * max(elapsed, MINUTE)

    def wraps(self, before: int, after: int, elapsed: int) -> bool:
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
        return self.plausible(step, elapsed)


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


def judge(
    readings: Sequence[tuple[int, int, int]],
    spec: RegisterSpec,
    exchanges: Sequence[Exchange] = (),
) -> Trace:
    """Pass once over a register's readings (rising times) from a settled reading or the first.

    Suspect and missing samples are not accounted. `exchanges` rise in time too.
    """
    run = _Pass(spec, exchanges)
    quick, gap, at, last = run.quick_step(), -1, run.ts, run.count
    add_time, add_count = run.times.append, run.counts.append
    for ts, count, quality in readings:
        # The plain next reading, by far the most: no gap, no fall, plausible however short.
        if 0 <= count - last <= quick and ts - at <= gap and quality == 0 and ts < run.due:
            add_time(ts)
            add_count(count)
            at, last = ts, count
        elif quality < Quality.SUSPECT:
            run.ts, run.count = at, last
            run.take(Reading(ts, count, quality))
            at, last = run.ts, run.count
            add_time, add_count = run.times.append, run.counts.append
            gap = spec.max_gap if run.quality == 0 and not run.held else -1
    run.ts, run.count = at, last
    return run.finished()


class _Pass:
    """The state of a pass: the last accepted reading and what is held against it."""

    def __init__(self, spec: RegisterSpec, exchanges: Sequence[Exchange]) -> None:
        self.spec = spec
        self.trace = Trace(Curve(spec.smallest))
        self.exchanges = list(reversed(exchanges))
        self.due = exchanges[0].ts if exchanges else _NEVER
        self.ts, self.count, self.quality = 0, _NEVER, 0
        self.times: list[int] = []
        self.counts: list[int] = []
        self.held: list[Reading] = []
        self.run: list[Reading] = []

    def quick_step(self) -> int:
        """Answer the counts that the nameplate allows in any time, however short."""
        if self.spec.per_hour is None:
            return _NEVER
        return int(self.spec.per_hour * MARGIN * MINUTE / HOUR) + 1

    def take(self, reading: Reading) -> None:
        """Judge one reading that is not plainly the next."""
        while reading.ts >= self.due:
            self._exchange()
        if not self.times:
            self._open(reading)
        elif self._goes_on(reading):
            self._return(reading.ts)
            self._knot(reading)
        elif self.spec.wraps(self.count, reading.raw, reading.ts - self.ts):
            self._return(reading.ts)
            self._wrap(reading)
        else:
            self._hold(reading)

    def finished(self) -> Trace:
        """Close the pass: exchanges after the last reading, and what is still held."""
        while self.exchanges:
            self._exchange()
        if self.held:
            self._mark(self.ts, self.held[-1].ts, Quality.SUSPECT)
            first = self.held[0]
            self._judged(first.ts, "held", self.count, first.raw, 0, None)
        return self.trace

    def _goes_on(self, reading: Reading) -> bool:
        step = reading.raw - self.count
        return step >= 0 and self.spec.plausible(step, reading.ts - self.ts)

    def _open(self, reading: Reading) -> None:
        """Begin a frame at a reading."""
        self.times, self.counts = [reading.ts], [reading.raw]
        self.trace.curve.frames.append(Frame(self.times, self.counts))
        self.ts, self.count, self.quality = reading

    def _knot(self, reading: Reading) -> None:
        """Go on from the last accepted reading to this one."""
        gap = reading.ts - self.ts > self.spec.max_gap
        worst = max(self.quality, reading.quality, Quality.ESTIMATED if gap else Quality.GOOD)
        if worst > Quality.GOOD:
            self._mark(self.ts, reading.ts, worst, gap=gap)
        self.times.append(reading.ts)
        self.counts.append(reading.raw)
        self.ts, self.count, self.quality = reading

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
        self._open(reading)

    def _hold(self, reading: Reading) -> None:
        """Hold a reading; believe its level once readings rise consistently from it."""
        self.held.append(reading)
        if self.run and self._consistent(self.run[-1], reading):
            self.run.append(reading)
        else:
            self.run = [reading]
        if len(self.run) >= RISING and self.run[-1].raw > self.run[0].raw:
            self._rebase(reading.ts)

    def _consistent(self, before: Reading, after: Reading) -> bool:
        step = after.raw - before.raw
        return step >= 0 and self.spec.plausible(step, after.ts - before.ts)

    def _rebase(self, until: int) -> None:
        """Believe the held level: nothing is counted up to its first reading, all after it is."""
        base, *rest = self.run
        kind = "reset" if base.raw < self.count else "jump"
        offset = self.count - base.raw
        self._judged(self.held[0].ts, kind, self.count, base.raw, offset, until)
        self._mark(self.ts, base.ts, Quality.ESTIMATED, gap=True)
        self.times.append(base.ts)
        self.counts.append(self.count)
        self._open(base)
        for reading in rest:
            self._knot(reading)
        self.held, self.run = [], []

    def _exchange(self) -> None:
        """Close the old meter's frame at its final reading and open the new one's."""
        event = self.exchanges.pop()
        self.due = self.exchanges[-1].ts if self.exchanges else _NEVER
        if self.times:
            self._final(Reading(event.ts, event.final))
        offset = event.final - event.initial
        self._judged(event.ts, "exchange", event.final, event.initial, offset, event.ts)
        self._open(Reading(event.ts, event.initial))

    def _final(self, final: Reading) -> None:
        """Count up to a final reading. A person read it, so the nameplate does not judge it."""
        if final.raw < self.count and self.spec.wraps(self.count, final.raw, final.ts - self.ts):
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


_NEVER: Final = 2**200
"""Greater than every instant and count."""


def _decimal(value: float) -> Fraction:
    """Answer the number that a float's shortest text says, exactly."""
    return Fraction(repr(float(value)))
