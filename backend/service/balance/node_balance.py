"""The balance of one place, energy and span: in, out, loss, what explains it, who is suspected.

In is the place's own account, out the accounts of the places below it; a place below without a
meter of the energy is replaced by those below it, and a supply feeds and is no part. Only quarter
hours in which every meter's figure stands on readings make the loss; what an estimated, held or
missing part makes unknown is told as `open` and never as loss: in - out = loss + open, in integers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from backend.acquisition.readings import between
from backend.aggregation.calendar import QUARTER, Period, quarter_of
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput
from backend.service.balance.losses import Split, split, transformer_loss, uncertainty
from backend.service.balance.members import Member, Members, read_members
from backend.service.balance.suspects import Flows, Suspicion, suspect
from backend.service.balance.transformers import read_transformers
from gateway.contract.quality import Quality

LONGEST = timedelta(days=63)
"""Two months and an hour of summer time."""
KNOWN = (Quality.GOOD, Quality.SUBSTITUTED, Quality.MANUAL)
"""Qualities whose figures make a loss."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which energy of which place, [start, end) cut at quarter hours."""

    node_id: int
    energy: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """A place below: its quantity, and how much of it lies in quarter hours that are open."""

    node_id: int
    quantity: int
    open_quantity: int


@dataclass(frozen=True, slots=True)
class NodeBalance:
    """One balance; quantities are integers of the energy's smallest unit.

    `quantity` is what goes in, `open_quantity` the part of it in open quarter hours; `loss` is in -
    out of the others, `open` in - out of the open ones; `uncertainty` is None where a meter in
    `unclassed` has no class; `derived`: in is made of the parts' own meters, so that no loss can
    show.
    """

    start: datetime
    end: datetime
    quarters: int
    open_quarters: int
    quantity: int
    open_quantity: int
    parts: Sequence[Part]
    loss: int
    open: int
    split: Split
    uncertainty: int | None
    unclassed: Sequence[int]
    derived: bool
    suspicion: Suspicion | None


@dataclass(frozen=True, slots=True)
class _Table:
    """Quarter hours of a place and its parts by node, beside which of them are complete."""

    starts: Sequence[datetime]
    rows: Mapping[int, Sequence[int]]
    complete: Sequence[bool]

    def known(self, node_id: int) -> list[int]:
        """Quantities of a node in complete quarter hours."""
        pairs = zip(self.rows[node_id], self.complete, strict=True)
        return [quantity for quantity, complete in pairs if complete]


_ACCOUNTS = """
SELECT scope_id, ((extract(epoch FROM start_ts) - %(first)s) / 900)::int, qty, quality
FROM {accounts} a
WHERE project_id = %(project)s AND scope = %(scope)s AND scope_id = ANY(%(ids)s)
  AND energy = %(energy)s AND period = %(period)s AND start_ts >= %(start)s AND start_ts < %(end)s
"""
_METERS = """
SELECT scope_id, sum(qty)::bigint FROM {accounts} a
WHERE project_id = %(project)s AND scope = %(scope)s AND scope_id = ANY(%(ids)s)
  AND energy = %(energy)s AND period = %(period)s AND start_ts >= %(start)s AND start_ts < %(end)s
  AND start_ts = ANY(%(starts)s::timestamptz[])
GROUP BY scope_id
"""
_READINGS = between(
    "p.id",
    "%(start)s::timestamptz",
    "%(end)s::timestamptz",
    "r.quality = 0 AND r.ts = ANY(%(ends)s::timestamptz[])",
)
_EXPORTS = f"""
SELECT nm.node_id, ((extract(epoch FROM r.ts) - %(first)s) / 900)::int, r.value
FROM node_meter nm
JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id AND m.energy = %(energy)s
JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
     AND p.name = replace(m.register_name, 'ep_imp', 'ep_exp') AND p.name <> m.register_name
CROSS JOIN LATERAL ({_READINGS}) AS r
WHERE nm.project_id = %(project)s AND nm.node_id = ANY(%(ids)s) AND nm.coefficient = 1
"""


async def node_balance(
    tx: ReadSession, project_id: int, span: Span, now: datetime
) -> NodeBalance | None:
    """Answer a balance up to the last quarter hour that is over; None where there are no parts.

    InvalidInput for an empty span or one that is longer than two months.
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
    table = await _table(tx, project_id, cut, members, parts)
    net = members.net(span.node_id, parts, start, end)
    unclassed = sorted(meter for meter in net if members.accuracy[meter] is None)
    classes = {meter: members.accuracy[meter] or Decimal(0) for meter in net}
    u = None if unclassed else await _uncertainty(tx, project_id, cut, net, classes, table)
    whole = table.known(span.node_id)
    loss = sum(whole) - sum(sum(table.known(part)) for part in parts)
    lost = await _transformers(tx, project_id, cut, parts, table)
    every = sum(table.rows[span.node_id]) - sum(sum(table.rows[part]) for part in parts)
    suspicion = None
    if net:
        exports = await _exports(tx, project_id, cut, parts, table)
        known = {part: table.known(part) for part in parts}
        suspicion = suspect(Flows(whole, known, exports), max(u or 0, lost))
    return NodeBalance(
        start=start,
        end=end,
        quarters=len(table.starts),
        open_quarters=table.complete.count(False),
        quantity=sum(table.rows[span.node_id]),
        open_quantity=sum(table.rows[span.node_id]) - sum(whole),
        parts=[_part(table, part) for part in parts],
        loss=loss,
        open=every - loss,
        split=split(loss, lost, u),
        uncertainty=u,
        unclassed=unclassed,
        derived=not net,
        suspicion=suspicion,
    )


async def _transformers(
    tx: ReadSession, project_id: int, span: Span, parts: Sequence[int], table: _Table
) -> int:
    """What the transformers before the parts lost in the complete quarter hours, mWh."""
    found = await read_transformers(tx, project_id, parts, span.start, span.end)
    return sum(transformer_loss(one, table.known(node)) for node, one in found.items())


def _part(table: _Table, node_id: int) -> Part:
    whole = sum(table.rows[node_id])
    return Part(node_id, whole, whole - sum(table.known(node_id)))


async def _table(
    tx: ReadSession, project_id: int, span: Span, members: Members, parts: Sequence[int]
) -> _Table:
    nodes = [span.node_id, *parts]
    where = await shown(tx, project_id)
    keys = _keys(project_id, span, Scope.NODE, nodes) | {"as_of": where.as_of}
    found = await tx.fetch_tuples(where.sql(_ACCOUNTS), keys)
    count = (span.end - span.start) // QUARTER
    starts = [span.start + number * QUARTER for number in range(count)]
    rows = {node: [0] * count for node in nodes}
    sure = {node: [False] * count for node in nodes}
    for node, number, quantity, quality in found:
        rows[node][number] = quantity
        sure[node][number] = quality in KNOWN
    for node in nodes:
        for number in _absent(members.of(node), starts):
            sure[node][number] = True
    complete = [all(one) for one in zip(*sure.values(), strict=True)]
    return _Table(starts, rows, complete)


def _absent(members: Sequence[Member], starts: Sequence[datetime]) -> Iterable[int]:
    """Quarter hours in which a node counts no meter: nothing is expected of it then."""
    for number, start in enumerate(starts):
        if not any(member.holds(start) for member in members):
            yield number


async def _uncertainty(
    tx: ReadSession,
    project_id: int,
    span: Span,
    net: Mapping[int, Decimal],
    classes: Mapping[int, Decimal],
    table: _Table,
) -> int:
    """u of the meters that count on one side only, over the complete quarter hours."""
    starts = [start for start, whole in zip(table.starts, table.complete, strict=True) if whole]
    keys = _keys(project_id, span, Scope.METER, sorted(net))
    where = await shown(tx, project_id)
    keys |= {"starts": starts, "as_of": where.as_of}
    found = await tx.fetch_tuples(where.sql(_METERS), keys)
    return uncertainty([(classes[meter], round(net[meter] * total)) for meter, total in found])


async def _exports(
    tx: ReadSession, project_id: int, span: Span, parts: Sequence[int], table: _Table
) -> dict[int, list[int]]:
    """What export registers counted, in mWh, of parts whose import stands still (kWh registers)."""
    still = [part for part in parts if not any(table.known(part))]
    if not still:
        return {}
    ends = [*table.starts, span.end]
    keys = _keys(project_id, span, Scope.NODE, still) | {"ends": ends}
    shown: dict[int, dict[int, float]] = {}
    for node, number, value in await tx.fetch_tuples(_EXPORTS, keys):
        shown.setdefault(node, {})[number] = value
    numbers = [number for number, complete in enumerate(table.complete) if complete]
    return {
        node: [round((values[number + 1] - values[number]) * 1_000_000) for number in numbers]
        for node, values in shown.items()
        if all(number in values and number + 1 in values for number in numbers)
    }


def _keys(project_id: int, span: Span, scope: Scope, ids: Sequence[int]) -> dict[str, object]:
    return {
        "project": project_id,
        "scope": int(scope),
        "ids": list(ids),
        "energy": span.energy,
        "period": int(Period.QUARTER_HOUR),
        "start": span.start,
        "end": span.end,
        "first": int(span.start.timestamp()),
    }
