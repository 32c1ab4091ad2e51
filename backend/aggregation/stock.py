"""Stock energies: what was consumed between two counts, of which batches, spread over time. Pure.

Consumption between two counts = opening + deliveries - closing - sales. A document counts before a
count of the same instant. What goes out is taken from the oldest batch first, in the order of
time; a delivery may lend to consumption that the spreading puts before it, so no batch ever runs
dry. After the last count nothing is known; a standing estimate may go on while the stock lasts.
Instants are Unix seconds, quantities integers of the energy's smallest unit, rates exact decimals
per smallest unit. Every sum is exact: a product that would have to be rounded raises `Inexact`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

QUARTER_S: Final = 900
DAY_S: Final = 86_400
EXACT: Final = Context(prec=200, traps=[Inexact, InvalidOperation])

DELIVERY: Final = "delivery"
COUNT: Final = "count"
SALE: Final = "sale"
KINDS: Final = (DELIVERY, COUNT, SALE)


class Document(NamedTuple):
    """What happened to a stock: a delivery, a count of what is there, or a sale.

    `price` and `kgce` are the batch's, per smallest unit; a first count has those of what it found.
    """

    id: int
    kind: str
    ts: int
    qty: int
    price: Decimal | None = None
    kgce: Decimal | None = None


class Standing(NamedTuple):
    """An estimate from the last count on: so much a day up to an instant, while stock lasts."""

    per_day: int
    until: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A stock between two counts."""

    start: int
    end: int
    opening: int
    delivered: int
    sold: int
    closing: int
    consumed: int
    documents: tuple[Document, ...]
    """Deliveries and sales in (start, end], in the order of time."""

    @property
    def contradicts(self) -> bool:
        """Tell whether more was counted than can be there: a delivery is missing."""
        return self.consumed < 0


class Draw(NamedTuple):
    """So much of one batch was consumed; `document` brought the batch (0: nobody knows)."""

    document: int
    qty: int
    price: Decimal | None
    kgce: Decimal | None


class Quarter(NamedTuple):
    """What was consumed in the quarter hour that begins at `start`, and of which batches."""

    start: int
    qty: int
    draws: tuple[Draw, ...]


class Value(NamedTuple):
    """Exact sums of a quarter hour; None where a part has no rate."""

    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None


@dataclass(slots=True)
class _Batch:
    """What is left of a batch."""

    document: int
    left: int
    price: Decimal | None
    kgce: Decimal | None


def intervals(documents: Iterable[Document]) -> list[Interval]:
    """Answer the stock between each two counts. What lies outside counts is left out."""
    ordered = _ordered(documents)
    counts = [one for one in ordered if one.kind == COUNT]
    moves = [one for one in ordered if one.kind != COUNT]
    found = []
    for first, last in pairwise(counts):
        inside = tuple(one for one in moves if first.ts < one.ts <= last.ts)
        delivered, sold = _moved(inside)
        consumed = first.qty + delivered - last.qty - sold
        found.append(
            Interval(first.ts, last.ts, first.qty, delivered, sold, last.qty, consumed, inside)
        )
    return found


def book(documents: Iterable[Document], at: int) -> int | None:
    """Answer what the documents say is there at an instant, consumption since the last count aside.

    None before the first count.
    """
    ordered = [one for one in _ordered(documents) if one.ts <= at]
    last = next((one for one in reversed(ordered) if one.kind == COUNT), None)
    if last is None:
        return None
    delivered, sold = _moved(one for one in ordered if one.kind != COUNT and one.ts > last.ts)
    return last.qty + delivered - sold


def _ordered(documents: Iterable[Document]) -> list[Document]:
    return sorted(documents, key=lambda one: (one.ts, one.kind == COUNT, one.id))


def _moved(documents: Iterable[Document]) -> tuple[int, int]:
    """Answer what was delivered and what was sold."""
    delivered = sold = 0
    for one in documents:
        if one.kind == DELIVERY:
            delivered += one.qty
        else:
            sold += one.qty
    return delivered, sold


def quarters_of(start: int, end: int) -> list[tuple[int, int]]:
    """Answer the quarter hours that [start, end) touches, each with its seconds inside."""
    first = start - start % QUARTER_S
    return [(at, min(at + QUARTER_S, end) - max(at, start)) for at in range(first, end, QUARTER_S)]


Weigh = Callable[[int, int], int]
"""Weight of (a quarter hour's beginning, its seconds inside the interval)."""


def evenly(_start: int, seconds: int) -> int:
    """Every second weighs the same."""
    return seconds


def by_profile(profile: Mapping[int, int]) -> Weigh:
    """Weigh a quarter hour by what another meter used in it; nothing where it has no account."""
    return lambda start, seconds: max(profile.get(start, 0), 0) * seconds


def by_work(spans: Iterable[tuple[int, int]]) -> Weigh:
    """Weigh a quarter hour by its seconds in working time; `spans` do not overlap."""
    worked: dict[int, int] = {}
    for first, last in spans:
        for at, seconds in quarters_of(first, last):
            worked[at] = worked.get(at, 0) + seconds
    return lambda start, seconds: min(worked.get(start, 0), seconds)


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a whole number in proportion to weights; the parts sum to it exactly.

    Each running sum is rounded once, half even. Weights that are all zero are taken for equal.
    """
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    parts, running, before = [], 0, 0
    for weight in weights:
        running += weight
        reached = round(Fraction(total * running, whole))
        parts.append(reached - before)
        before = reached
    return parts


@dataclass(slots=True)
class Ledger:
    """The batches of a stock as they are used up, oldest first."""

    batches: list[_Batch] = field(default_factory=list)

    def run(self, interval: Interval, weigh: Weigh) -> list[Quarter]:
        """Answer the quarter hours of an interval, and keep what is left for the next.

        A contradiction has none: what was found beyond the books is a batch of unknown origin.
        """
        if interval.contradicts:
            self._deliver(interval.documents)
            self._take(interval.sold)
            self.batches.append(_Batch(0, -interval.consumed, None, None))
            return []
        grid = quarters_of(interval.start, interval.end)
        parts = spread(interval.consumed, [weigh(*one) for one in grid])
        return self.use([at for at, _ in grid], parts, interval.documents)

    def use(
        self, starts: Sequence[int], parts: Sequence[int], documents: Sequence[Document]
    ) -> list[Quarter]:
        """Take parts of a consumption and the sales between them from the oldest batches."""
        self._deliver(documents)
        sales = [one for one in reversed(documents) if one.kind == SALE]
        found = []
        for start, qty in zip(starts, parts, strict=True):
            while sales and sales[-1].ts <= start:
                self._take(sales.pop().qty)
            found.append(Quarter(start, qty, tuple(self._take(qty))))
        self._take(sum(one.qty for one in sales))
        return found

    def estimate(self, documents: Sequence[Document], standing: Standing) -> list[Quarter]:
        """Answer what a standing estimate takes after the last count, while the stock lasts.

        A quarter hour's share depends on nothing after it, so that time going on alters none.
        """
        last = max(one.ts for one in documents if one.kind == COUNT)
        later = [one for one in _ordered(documents) if last < one.ts <= standing.until]
        delivered, sold = _moved(later)
        there = sum(one.left for one in self.batches) + delivered - sold
        grid = quarters_of(last, standing.until)
        parts, before = [], 0
        for at, _ in grid:
            end = min(at + QUARTER_S, standing.until)
            reached = max(min(standing.per_day * (end - last) // DAY_S, there), 0)
            parts.append(reached - before)
            before = reached
        return self.use([at for at, _ in grid], parts, later)

    def open(self, count: Document) -> None:
        """Begin with what the first count found."""
        self.batches = [_Batch(count.id, count.qty, count.price, count.kgce)]

    def _deliver(self, documents: Iterable[Document]) -> None:
        self.batches += [
            _Batch(one.id, one.qty, one.price, one.kgce)
            for one in documents
            if one.kind == DELIVERY
        ]

    def _take(self, qty: int) -> list[Draw]:
        """Take from the oldest batches; what none has is of unknown origin."""
        draws: list[Draw] = []
        while qty > 0 and self.batches:
            batch = self.batches[0]
            part = min(qty, batch.left)
            if part:
                draws.append(Draw(batch.document, part, batch.price, batch.kgce))
            batch.left -= part
            qty -= part
            if batch.left == 0:
                del self.batches[0]
        if qty > 0:
            draws.append(Draw(0, qty, None, None))
        return draws


def consumption(
    documents: Sequence[Document], weigh: Weigh, standing: Standing | None = None
) -> list[Quarter]:
    """Answer the consumption of a stock by quarter hours, in time's order.

    A quarter hour in which a count falls has a part of both sides.
    """
    counts = [one for one in _ordered(documents) if one.kind == COUNT]
    if not counts:
        return []
    ledger = Ledger()
    ledger.open(counts[0])
    runs = [ledger.run(one, weigh) for one in intervals(documents)]
    if standing is not None and standing.until > counts[-1].ts:
        runs.append(ledger.estimate(documents, standing))
    joined: dict[int, Quarter] = {}
    for quarter in (one for run in runs for one in run):
        held = joined.get(quarter.start, Quarter(quarter.start, 0, ()))
        joined[quarter.start] = Quarter(
            quarter.start, held.qty + quarter.qty, held.draws + quarter.draws
        )
    return [joined[start] for start in sorted(joined)]


def value_of(quarter: Quarter, kgce: Decimal | None, kgco2: Decimal | None) -> Value:
    """Answer what a quarter hour's consumption stands for and cost, exactly.

    `kgce` and `kgco2` are the factors in force per smallest unit; a batch with a calorific value of
    its own counts with that instead of `kgce`.
    """
    return Value(
        _sum((one.qty, kgce if one.kgce is None else one.kgce) for one in quarter.draws),
        None if kgco2 is None else EXACT.multiply(Decimal(quarter.qty), kgco2),
        _sum((one.qty, one.price) for one in quarter.draws),
    )


def _sum(parts: Iterable[tuple[int, Decimal | None]]) -> Decimal | None:
    """Answer the sum of quantity x rate; None when a part has no rate."""
    total = Decimal(0)
    for qty, rate in parts:
        if rate is None:
            return None
        total = EXACT.add(total, EXACT.multiply(Decimal(qty), rate))
    return total
