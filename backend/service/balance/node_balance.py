"""The balance of one place, energy and span: in, out, loss, what explains it, who is suspected.

In is the place's own account, out the accounts of the places below it; a place below without a
meter of the energy is replaced by those below it, and a supply feeds and is no part. Only quarter
hours in which every meter's figure stands on readings make the loss; what an estimated, held or
missing part makes unknown is told as `open` and never as loss: in - out = loss + open, in integers.

A span of more than two months is the sum of the plant's months in it, exactly.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from backend.aggregation.calendar import PlantTime, quarter_of, read_plant_time
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput
from backend.service.balance.flows import Span, Table, read_exports, read_meters, read_table
from backend.service.balance.losses import Split, split, transformer_loss, uncertainty
from backend.service.balance.members import Members, read_members
from backend.service.balance.patterns import Month, Pattern, patterns
from backend.service.balance.suspects import LEAST, Flows, Suspicion, suspect
from backend.service.balance.transformers import read_transformers

LONGEST = timedelta(days=400)
"""A year, and the running month beside it."""
WHOLE = timedelta(days=63)
"""What is read at once: two months and an hour of summer time."""
HOUR = 4
"""Quarter hours. Suspects of a longer span are looked for in its hours, month by month."""
MANY = 16
"""Of so many parts each two hours are looked at, of twice as many each three, and so on: what that
costs grows with the square of the parts.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A place below: its quantity, and how much of it lies in quarter hours that are open.

    None where it has no figure at all.
    """

    node_id: int
    quantity: int | None
    open_quantity: int | None


@dataclass(frozen=True, slots=True)
class NodeBalance:
    """One balance; quantities are integers of the energy's smallest unit.

    `quantity` is what goes in, `open_quantity` the part of it in open quarter hours; `loss` is in -
    out of the others, `open` in - out of the open ones; `uncertainty` is None where a meter in
    `unclassed` has no class; `derived`: in is made of the parts' own meters, so that no loss can
    show; `patterns` are who is suspected and when, newest first.

    None is what is not known and never told as 0: the quantities of a place without any figure, the
    loss, its split and u while all quarter hours are open, `open` without one of the quantities.
    """

    start: datetime
    end: datetime
    quarters: int
    open_quarters: int
    quantity: int | None
    open_quantity: int | None
    parts: Sequence[Part]
    loss: int | None
    open: int | None
    split: Split | None
    uncertainty: int | None
    unclassed: Sequence[int]
    derived: bool
    patterns: Sequence[Pattern]

    @property
    def suspicion(self) -> Suspicion | None:
        """Who is suspected, by the newest pattern."""
        return self.patterns[0].suspicion if self.patterns else None


@dataclass(frozen=True, slots=True)
class _Place:
    """The place that a balance is of, as far as it is read."""

    tx: ReadSession
    project_id: int
    span: Span
    members: Members
    parts: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of a span: its quarter hours, what transformers lost in the complete ones, and what
    meters that count on one side only counted in these.
    """

    table: Table
    lost: int
    counted: Mapping[int, int]


@dataclass(slots=True)
class _Sum:
    """What the stretches of a span add up to; `parts` have the whole and what is known of it.

    `told` are the places of which anything is known.
    """

    parts: dict[int, tuple[int, int]]
    quarters: int = 0
    open_quarters: int = 0
    quantity: int = 0
    known: int = 0
    lost: int = 0
    counted: Counter[int] = field(default_factory=Counter)
    told: set[int] = field(default_factory=set)

    def add(self, node_id: int, one: _Stretch) -> None:
        """Take a stretch of a place."""
        table = one.table
        self.quarters += len(table.starts)
        self.open_quarters += table.complete.count(False)
        self.quantity += sum(table.rows[node_id])
        self.known += sum(table.known(node_id))
        self.lost += one.lost
        self.counted.update(one.counted)
        self.told |= table.told
        for part, (whole, known) in self.parts.items():
            self.parts[part] = whole + sum(table.rows[part]), known + sum(table.known(part))

    @property
    def loss(self) -> int:
        """In - out of what is known."""
        return self.known - sum(known for _, known in self.parts.values())

    @property
    def open(self) -> int:
        """In - out of what is not."""
        return self.quantity - sum(whole for whole, _ in self.parts.values()) - self.loss

    @property
    def tells_loss(self) -> bool:
        """Whether any quarter hour is complete."""
        return self.open_quarters < self.quarters

    def part(self, node_id: int) -> Part:
        """Answer a place below."""
        if node_id not in self.told:
            return Part(node_id, None, None)
        whole, known = self.parts[node_id]
        return Part(node_id, whole, whole - known)


async def node_balance(
    tx: ReadSession, project_id: int, span: Span, now: datetime
) -> NodeBalance | None:
    """Answer a balance up to the last quarter hour that is over; None where there are no parts.

    InvalidInput for an empty span or one that is longer than a year and a month.
    """
    start, end = quarter_of(span.start), min(quarter_of(span.end), quarter_of(now))
    if end <= start:
        raise InvalidInput("span_empty")
    if end - start > LONGEST:
        raise InvalidInput("span_too_long")
    members = await read_members(tx, project_id, span.energy)
    parts = members.parts(span.node_id)
    if not members.of(span.node_id) or not parts:
        return None
    cut = Span(span.node_id, span.energy, start, end)
    return await _balance(
        _Place(tx, project_id, cut, members, parts),
        stretches(await read_plant_time(tx, project_id), start, end),
    )


def stretches(plant: PlantTime, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Answer a span as what is read at once: itself, or the plant's months in it."""
    if end - start <= WHOLE:
        return [(start, end)]
    edges = [start]
    month = plant.month_of(plant.day_of(start))
    while True:
        month = plant.month_of(month + timedelta(days=32))
        if (begins := plant.start_of(month)) >= end:
            return list(pairwise([*edges, end]))
        edges.append(begins)


async def _balance(place: _Place, spans: Sequence[tuple[datetime, datetime]]) -> NodeBalance:
    span, members = place.span, place.members
    total = _Sum(dict.fromkeys(place.parts, (0, 0)))
    step = 1 if len(spans) == 1 else HOUR * (1 + len(place.parts) // MANY)
    months = []
    for start, end in spans:
        one = await _stretch(place, start, end)
        total.add(span.node_id, one)
        months.append(await _month(place, start, end, one, step))
    whole_told = span.node_id in total.told
    u = _uncertainty(members, total.counted) if total.tells_loss else None
    return NodeBalance(
        start=span.start,
        end=span.end,
        quarters=total.quarters,
        open_quarters=total.open_quarters,
        quantity=total.quantity if whole_told else None,
        open_quantity=total.quantity - total.known if whole_told else None,
        parts=[total.part(part) for part in place.parts],
        loss=total.loss if total.tells_loss else None,
        open=total.open if total.told.issuperset((span.node_id, *place.parts)) else None,
        split=split(total.loss, total.lost, u) if total.tells_loss else None,
        uncertainty=u,
        unclassed=sorted(meter for meter in total.counted if members.accuracy[meter] is None),
        derived=not total.counted,
        patterns=patterns(months),
    )


async def _stretch(place: _Place, start: datetime, end: datetime) -> _Stretch:
    tx, project_id, parts = place.tx, place.project_id, place.parts
    span = Span(place.span.node_id, place.span.energy, start, end)
    table = await read_table(tx, project_id, span, place.members, parts)
    found = await read_transformers(tx, project_id, parts, start, end)
    lost = sum(transformer_loss(one, table.known(node)) for node, one in found.items())
    net = place.members.net(span.node_id, parts, start, end)
    read = await read_meters(tx, project_id, span, sorted(net), table)
    counted = {meter: round(share * read.get(meter, 0)) for meter, share in net.items()}
    return _Stretch(table, lost, counted)


def _uncertainty(members: Members, counted: Mapping[int, int]) -> int | None:
    """u of meters by what they counted; None where one has no class."""
    terms = [(members.accuracy[meter], quantity) for meter, quantity in counted.items()]
    known = [(share, quantity) for share, quantity in terms if share is not None]
    return uncertainty(known) if len(known) == len(terms) else None


async def _month(place: _Place, start: datetime, end: datetime, one: _Stretch, step: int) -> Month:
    """Answer what a stretch shows, looked at in values of `step` quarter hours."""
    span = Span(place.span.node_id, place.span.energy, start, end)
    exports = await read_exports(place.tx, place.project_id, span, place.parts, one.table, step)
    known = one.table.known_by(step)
    flows = Flows(
        known[span.node_id],
        {part: known[part] for part in place.parts},
        exports,
        step=step,
    )
    u = max(_uncertainty(place.members, one.counted) or 0, one.lost)
    counted: dict[int | None, int] = {part: sum(values) for part, values in flows.parts.items()}
    whole = sum(flows.whole)
    return Month(
        start,
        end,
        suspect(flows, u) if one.counted else None,
        len(flows.whole) * step >= LEAST,
        whole - sum(counted.values()),
        counted | {None: whole},
    )
