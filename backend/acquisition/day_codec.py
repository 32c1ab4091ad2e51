"""A point's UTC day as arrays of deltas, and back: lossless to the bit and the microsecond.

Times are the first one and steps in the greatest unit that divides them all, so that a regular day
has no array at all. Values are whole numbers over a power of ten where every one of them comes back
exactly (as a meter's display shows them), else single precision where that is exact, else doubles.
Arrays are as narrow as their numbers. Qualities are runs; none = all good. PostgreSQL reads the
same arrays (`readings.SAMPLES`): `m / divisor` is rounded correctly by both, so it is one number.
"""

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

EXACT: Final = 1 << 53
"""Whole numbers up to here are doubles exactly."""
DIVISORS: Final = tuple(10**digits for digits in range(10))
WIDTHS: Final = (2, 4, 8)
_WIRE: Final = struct.Struct("!qdh")
_EPOCH_2000_US: Final = 946_684_800_000_000


class Sample(NamedTuple):
    """One reading: microseconds since 1970 (UTC), value in the point's unit, quality."""

    us: int
    value: float
    quality: int


@dataclass(frozen=True, slots=True)
class DayArrays:
    """The samples of a day in rising order of time.

    `times` are steps from the sample before, in `unit_us` (None: each is 1); `scaled` are steps
    between whole numbers, the first from `base`, over `divisor`; `single` and `double` are values
    as they are. Exactly one of the three is there. `quality_from` are the places (from 1) at which
    the runs of `quality` begin.
    """

    count: int
    first_us: int
    unit_us: int
    times: tuple[int, ...] | None
    base: int
    divisor: int
    scaled: tuple[int, ...] | None
    single: tuple[float, ...] | None
    double: tuple[float, ...] | None
    quality_from: tuple[int, ...] | None
    quality: tuple[int, ...] | None


def encode(samples: Sequence[Sample]) -> DayArrays:
    """Answer the arrays of at least one sample; times rise strictly."""
    values = [sample.value for sample in samples]
    unit, times = _times([sample.us for sample in samples])
    base, divisor, scaled = _scaled(values)
    single = None if scaled is not None and width(scaled) <= 4 else _single(values)
    if single is not None:
        scaled = None
    starts, qualities = _runs([sample.quality for sample in samples])
    return DayArrays(
        count=len(samples),
        first_us=samples[0].us,
        unit_us=unit,
        times=times,
        base=base if scaled is not None else 0,
        divisor=divisor if scaled is not None else 1,
        scaled=scaled,
        single=single,
        double=tuple(values) if scaled is None and single is None else None,
        quality_from=starts,
        quality=qualities,
    )


def decode(day: DayArrays) -> list[Sample]:
    """Answer the samples of the arrays, the same as went in."""
    steps = day.times or (0, *[1] * (day.count - 1))
    times = (day.first_us + day.unit_us * passed for passed in accumulate(steps))
    values: Iterable[float] = day.single or day.double or ()
    if day.scaled is not None:
        values = (whole / day.divisor for whole in accumulate((day.base, *day.scaled[1:])))
    qualities = [0] * day.count
    for start, quality in zip(day.quality_from or (), day.quality or (), strict=True):
        qualities[start - 1 :] = [quality] * (day.count - start + 1)
    return [Sample(*one) for one in zip(times, values, qualities, strict=True)]


def width(numbers: Sequence[int]) -> int:
    """Answer how many bytes the widest of some signed numbers needs: 2, 4 or 8."""
    low, high = min(numbers), max(numbers)
    return next(size for size in WIDTHS if -(1 << 8 * size - 1) <= low and high < 1 << 8 * size - 1)


def _times(times: Sequence[int]) -> tuple[int, tuple[int, ...] | None]:
    steps = [later - earlier for earlier, later in pairwise(times)]
    if any(step <= 0 for step in steps):
        raise ValueError("the times of a day rise strictly")
    unit = math.gcd(*steps) or 1
    if all(step == unit for step in steps):
        return unit, None
    return unit, (0, *(step // unit for step in steps))


def _scaled(values: Sequence[float]) -> tuple[int, int, tuple[int, ...] | None]:
    """Answer base, divisor and steps of the whole numbers that the values are; None if they are
    not.
    """
    # -0.0 has no whole number, and what is not finite or too large neither.
    if any(not abs(one) < EXACT or (one == 0 and math.copysign(1, one) < 0) for one in values):
        return 0, 1, None
    for divisor in DIVISORS:
        if not _is_exact(values[0], divisor) or not _is_exact(values[-1], divisor):
            continue
        if all(_is_exact(one, divisor) for one in values):
            whole = [round(one * divisor) for one in values]
            steps = (0, *(later - earlier for earlier, later in pairwise(whole)))
            return whole[0], divisor, steps
    return 0, 1, None


def _is_exact(value: float, divisor: int) -> bool:
    scaled = value * divisor
    return abs(scaled) < EXACT and round(scaled) / divisor == value


def _single(values: Sequence[float]) -> tuple[float, ...] | None:
    """Answer the values where single precision holds them all exactly (a meter's Float32)."""
    form = struct.Struct(f"!{len(values)}f")
    try:
        packed = form.pack(*values)
    except OverflowError:
        return None
    return tuple(values) if list(form.unpack(packed)) == list(values) else None


def _runs(qualities: Sequence[int]) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    if not any(qualities):
        return None, None
    starts = [1, *(n for n, (one, other) in enumerate(pairwise(qualities), 2) if one != other)]
    return tuple(starts), tuple(qualities[start - 1] for start in starts)


def unpack(packed: bytes) -> list[Sample]:
    """Read samples as PostgreSQL sends them: timestamptz, float8, int2, 18 bytes each."""
    return [Sample(us + _EPOCH_2000_US, *more) for us, *more in _WIRE.iter_unpack(packed)]


def pack(samples: Iterable[Sample]) -> bytes:
    """Write samples as PostgreSQL sends them."""
    return b"".join(
        _WIRE.pack(us - _EPOCH_2000_US, value, quality) for us, value, quality in samples
    )
