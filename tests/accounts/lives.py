"""Random lives of registers: everything that cases.md tells of, and how late it becomes known.

A life is drawn from one `Random`; the same seed gives the same life.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

from backend.aggregation.events import ALWAYS, Exchange, Ratio, Sample, Span
from backend.aggregation.registers import RegisterSpec
from tests.accounts.definition import HOUR, MINUTE
from tests.accounts.shelf import Arrival, Changed, Excluded, Fact, Planned, Revoked

SECOND = 1_000_000
DAY = 24 * HOUR
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("America/St_Johns", date(2026, 11, 1)),
    ("Asia/Kathmandu", date(2026, 3, 8)),
    ("Asia/Kolkata", date(2026, 3, 8)),
    ("Asia/Shanghai", date(2026, 1, 31)),
]
"""Zones, and a day about which a life is laid: clocks change there, or it is a month's end."""


@dataclass(frozen=True)
class Life:
    """A register, what it showed, what is known of it, and everything in the order of arrival."""

    spec: RegisterSpec
    zone: ZoneInfo
    start: int
    readings: Sequence[Sample]
    facts: Sequence[Fact]
    arrivals: Sequence[Arrival]


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return round(moment.timestamp()) * SECOND


def draw(random: Random, count: int, changes: Sequence[tuple[str, date]] = CHANGES) -> Life:
    """Draw a life of `count` readings about one of `changes`."""
    zone_name, day = random.choice(changes)
    zone = ZoneInfo(zone_name)
    start = micros(datetime.combine(day - timedelta(days=1), datetime.min.time(), zone))
    start += random.randrange(20 * HOUR)
    spec = RegisterSpec(
        resolution=Fraction(1),
        smallest=random.choice([Fraction(1), Fraction(1000), Fraction(7, 3), Fraction(1, 8)]),
        modulus=random.choice([None, None, 3_000, 1_000_000]),
        per_hour=random.choice([None, Fraction(60), Fraction(3_000)]),
        max_gap=random.choice([15 * MINUTE, 15 * MINUTE, HOUR]),
    )
    readings, exchanges = shown(random, spec, start, count)
    last = readings[-1][0]
    facts: list[Fact] = [*exchanges, *corrections(random, start, last)]
    return Life(spec, zone, start, readings, facts, arriving(random, readings, facts))


def shown(
    random: Random, spec: RegisterSpec, start: int, count: int
) -> tuple[list[Sample], list[Exchange]]:
    """What the register showed, and the exchanges that somebody wrote down."""
    ts, raw = start, random.choice([random.randrange(2_500), random.randrange(990_000, 999_999)])
    faulty = random.choice([0, 1, 4])
    readings: list[Sample] = []
    exchanges: list[Exchange] = []
    for _ in range(count):
        ts += random.choice(
            [7 * SECOND, MINUTE, *[5 * MINUTE] * 3, *[15 * MINUTE] * 6, 50 * MINUTE]
        )
        ts += random.choice([0] * 40 + [9 * HOUR, 40 * HOUR])
        ts = ts if random.random() < 0.5 else ts - ts % (15 * MINUTE)
        ts = max(ts, readings[-1][0] + SECOND if readings else ts)
        kind = random.choice(["rise"] * 12 + ["zero", "dip", "reset", "spike", "new"] * faulty)
        if kind == "new":
            exchange, raw = exchanged(random, ts, raw)
            if not exchanges or exchanges[-1].ts < exchange.ts:
                exchanges.append(exchange)
        raw = random.randrange(5) if kind == "reset" else raw + random.randrange(12)
        raw = raw % spec.modulus if spec.modulus else raw
        wrong = {"zero": 0, "dip": raw * 97 // 100, "spike": raw + random.randrange(20_000)}
        readings.append((ts, wrong.get(kind, raw), random.choice([0] * 18 + [1, 3, 4])))
    return readings, exchanges


def exchanged(random: Random, ts: int, raw: int) -> tuple[Exchange, int]:
    """An exchange shortly before or at a reading, with a final that may also be misread."""
    final = random.choice([raw, raw + 5, raw + 5, max(0, raw - 40), random.randrange(3_000)])
    initial = random.choice([0, 7, raw + 900, random.randrange(3_000)])
    return Exchange(ts - random.choice([0, SECOND, 4 * MINUTE]), final, initial), initial


def corrections(random: Random, start: int, last: int) -> list[Fact]:
    """Ratios that do not overlap, exclusions, planned stops and changes anywhere in a life."""
    facts: list[Fact] = []
    ratios = sorted(instants(random, start, last, 2 * random.randrange(3)))
    for since, until in zip(ratios[::2], ratios[1::2], strict=True):
        factor = random.choice([Fraction(4, 3), Fraction(3, 4), Fraction(1, 40), Fraction(40)])
        facts.append(Ratio(since, until, factor))
    if ratios and random.random() < 0.5:
        facts[-1] = Ratio(ratios[-2], ALWAYS, Fraction(5, 7))
    lasting = random.choice([1, HOUR, 3 * HOUR, DAY])
    wrong = instants(random, start, last, random.randrange(3))
    facts += [Excluded(Span(since, since + lasting)) for since in wrong]
    stops = sorted(instants(random, start, last, 2 * random.randrange(4)))
    for since, until in zip(stops[::2], stops[1::2], strict=True):
        facts.append(Planned(Span(since, until)))
    changes = instants(random, start, last, random.choice([0, 0, 0, 1]))
    return [*facts, *(Changed(since) for since in changes)]


def instants(random: Random, start: int, last: int, count: int) -> set[int]:
    """Different instants of a life and a little around it, half of them quarter hours."""
    found: set[int] = set()
    while len(found) < count:
        one = random.randrange(start - HOUR, last + 2 * HOUR)
        found.add(one if random.random() < 0.5 else one - one % (15 * MINUTE))
    return found


def arriving(random: Random, readings: Sequence[Sample], facts: Sequence[Fact]) -> list[Arrival]:
    """Everything in the order of its arrival: most at once, some hours to months late, some twice.

    A second sample of an instant says something else and must not count. Some facts are recorded by
    mistake and revoked.
    """
    late = random.choice([0.0, 0.1, 0.6])
    queue: list[tuple[int, int, Arrival]] = []

    def send(at: int, one: Arrival) -> None:
        queue.append((at, len(queue), one))

    for one in readings:
        delay = random.choice([HOUR, 9 * HOUR, 3 * DAY, 90 * DAY]) if random.random() < late else 0
        send(one[0] + delay, one)
        if random.random() < 0.05:
            send(one[0] + delay + random.randrange(1, DAY), (one[0], one[1] + 3, 0))
    last = readings[-1][0]
    for fact in facts:
        send(random.randrange(readings[0][0], last + 9 * DAY), fact)
    for wrong in corrections(random, readings[0][0], last)[:2]:
        if not isinstance(wrong, Ratio) or not any(isinstance(one, Ratio) for one in facts):
            at = random.randrange(readings[0][0], last + DAY)
            send(at, wrong)
            send(at + random.randrange(1, 9 * DAY), Revoked(wrong))
    return [one for _, _, one in sorted(queue, key=lambda row: row[:2])]


def local_days(life: Life) -> Iterator[tuple[int, int]]:
    """The local days of a life as UTC bounds: 23, 24 or 25 hours, from midnight to midnight."""
    first = datetime.fromtimestamp(life.start / SECOND, life.zone).date()
    last = datetime.fromtimestamp(life.readings[-1][0] / SECOND, life.zone).date()
    while first <= last:
        start, end = (
            micros(datetime.combine(day, datetime.min.time(), life.zone))
            for day in (first, first + timedelta(days=1))
        )
        yield start, end
        first += timedelta(days=1)
