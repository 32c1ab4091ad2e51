"""Register readings as people write them, and short ways to a pass and its accounts."""

from collections.abc import Sequence
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
