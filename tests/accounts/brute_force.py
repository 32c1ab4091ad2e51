"""Random intervals of random lives: the engine's accounts against the definition, as integers.

    python -m tests.accounts.brute_force --intervals 100000 --seed 1

Each life arrives late, twice and in disorder; two workers take chunks of its queue in a random
order, and some chunks crash before they are written. Then quarter hours, local days (23, 24 and 25
hours), random spans of quarter hours and spans between any two microseconds are compared.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from backend.aggregation.curve import Bucket, buckets
from backend.aggregation.events import ALWAYS, Exchange, Ratio
from backend.aggregation.registers import judge
from tests.accounts.definition import HOUR, MINUTE, Account, Known
from tests.accounts.lives import DAY, Life, draw, local_days
from tests.accounts.shelf import Changed, Excluded, Fact, Planned, Revoked, Shelf

QUARTER = 15 * MINUTE
PER_LIFE = 60
"""Intervals of each kind that are compared in one life."""


@dataclass
class Tally:
    """What was compared, what was met on the way, and what was wrong."""

    intervals: int = 0
    lives: int = 0
    met: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def compare(self, what: str, found: object, expected: object) -> None:
        """Count one interval."""
        self.intervals += 1
        if found != expected:
            self.wrong.append(f"{what}: {found} instead of {expected}")


def defined(life: Life) -> Account:
    """The life's account by the definition, from what arrived first of each instant."""
    samples: dict[int, tuple[int, int, int]] = {}
    for one in life.arrivals:
        if not isinstance(one, Fact | Revoked):
            samples.setdefault(one[0], one)
    facts = life.facts
    ratios = [f for f in facts if isinstance(f, Ratio)]
    exchanges = [f for f in facts if isinstance(f, Exchange)]
    excluded = [f.span for f in facts if isinstance(f, Excluded)]
    planned = [f.span for f in facts if isinstance(f, Planned)]
    known = Known(
        unit=life.spec.smallest,
        modulus=life.spec.modulus,
        per_hour=life.spec.per_hour,
        max_gap=life.spec.max_gap,
        exchanges=[(e.ts, e.final, e.initial) for e in exchanges],
        ratios=[(r.ts, None if r.until == ALWAYS else r.until, r.factor) for r in ratios],
        excluded=[(s.start, s.end) for s in excluded],
        changed=[f.ts for f in facts if isinstance(f, Changed)],
        planned=[(s.start, s.end) for s in planned],
    )
    return Account.of([samples[ts] for ts in sorted(samples)], known)


def accounted(random: Random, life: Life) -> Shelf:
    """The life's accounts, made by two workers while it arrives."""
    shelf = Shelf(life.spec)
    waiting = list(life.arrivals)
    while waiting or shelf.dirty:
        count = random.choice([1, 5, 25, 400])
        shelf.receive(waiting[:count], one_by_one=random.random() < 0.5)
        del waiting[:count]
        for spans in random.choice([((HOUR, DAY),), ((6 * HOUR, 31 * DAY), (QUARTER, 2 * DAY))]):
            rows = [row for row in shelf.dirty.values() if random.random() < 0.7]
            if rows:
                shelf.work(random.choice(spans), rows, crash=random.random() < 0.1)
    return shelf


def spans(random: Random, life: Life, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Local days, then random spans of quarter hours of [low, high)."""
    yield from list(local_days(life))[:PER_LIFE]
    for _ in range(PER_LIFE):
        a, b = (low + random.randrange((high - low) // QUARTER + 1) * QUARTER for _ in range(2))
        if a != b:
            yield min(a, b), max(a, b)


def examine(random: Random, life: Life, tally: Tally, where: str) -> None:
    """Compare one life."""
    account, shelf = defined(life), accounted(random, life)
    tally.lives += 1
    tally.met.update(kind for kind, _ in account.verdicts)
    tally.met.update(type(fact).__name__.lower() for fact in life.facts)
    kinds = {ts: kind for kind, ts in account.verdicts}
    tally.compare(f"{where} judgements", {j.ts: j.kind for j in shelf.judgements.values()}, kinds)
    low = min([life.start, *shelf.accounts]) // QUARTER * QUARTER - QUARTER
    high = max([life.readings[-1][0], *shelf.accounts]) // QUARTER * QUARTER + 3 * QUARTER
    grid = range(low, high, QUARTER)
    for start in random.sample(grid, min(PER_LIFE, len(grid))):
        compare_quarter(account, shelf, start, tally, where)
    stray = [start for start in shelf.accounts if start not in grid]
    tally.compare(f"{where} accounts elsewhere", stray, [])
    for start, end in spans(random, life, low, high):
        found = sum(b.qty for b in shelf.accounts.values() if start <= b.start < end)
        tally.compare(f"{where} [{start}, {end})", found, account.energy(start, end))
    compare_instants(random, account, life, tally, where)


def compare_quarter(account: Account, shelf: Shelf, start: int, tally: Tally, where: str) -> None:
    """Compare everything about one quarter hour, also that there is none."""
    end = start + QUARTER
    expected = None
    if account.exists(start, end):
        expected = Bucket(
            start,
            end,
            account.energy(start, end),
            account.estimated(start, end),
            account.quality(start, end),
            account.measured(start, end),
        )
    tally.compare(f"{where} quarter hour", shelf.accounts.get(start), expected)


def compare_instants(
    random: Random, account: Account, life: Life, tally: Tally, where: str
) -> None:
    """Compare spans between any two microseconds with one pass over everything."""
    shelf = Shelf(life.spec)
    shelf.receive(life.arrivals, one_by_one=False)
    curve = judge(shelf.readings, life.spec, shelf.known()).curve
    last = life.readings[-1][0]
    for _ in range(PER_LIFE):
        a, b = sorted(random.sample(range(life.start - HOUR, last + HOUR), 2))
        found = buckets(curve, [a, b])
        tally.compare(f"{where} [{a}, {b})", found[0].qty if found else 0, account.energy(a, b))


def run(intervals: int, seed: int) -> Tally:
    """Compare lives until so many intervals are done."""
    tally = Tally()
    while tally.intervals < intervals and len(tally.wrong) < 10:
        number = tally.lives
        random = Random(f"{seed}/{number}")
        examine(random, draw(random, random.choice([4, 30, 90])), tally, f"seed {seed}/{number}")
    return tally


def main(arguments: list[str]) -> int:
    """Say what was compared; the exit code says whether anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, prog="tests.accounts.brute_force")
    parser.add_argument("--intervals", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    began = time.monotonic()
    tally = run(asked.intervals, asked.seed)
    print("\n".join(tally.wrong))
    print(", ".join(f"{kind} {count}" for kind, count in sorted(tally.met.items())))
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{tally.intervals} intervals, {tally.lives} lives, {len(tally.wrong)} wrong, {took}")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
