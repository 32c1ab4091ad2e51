"""Top lists for GraphQL and REST: the nodes of a level of a tree, or all meters, greatest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backend.aggregation import ranking
from backend.aggregation.measures import Measure
from backend.aggregation.ranking import Order, TopList
from backend.aggregation.rollup import Scope
from backend.application.curves import Period, known_energy, scope_of, unit_of
from backend.application.directory import Directory
from backend.application.graphql.context import Door
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import encode_id
from backend.service.plant.rows import SUPPLY, NodeRow
from gateway.contract.energy import EnergyType

MOST_PLACES = 1_000
MOST_LEVELS = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is ranked: nodes `level` steps below `parent` (the site by default), or `meters`."""

    energy: str
    order: Order
    period: Period
    at: datetime
    first: int = 10
    parent: str | None = None
    level: int = 1
    meters: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """One place: outside identity, names, amount in the unit of the list, share of the whole."""

    scope: str
    name: dict[str, str]
    amount: Decimal | None
    share: float | None
    quality: int


@dataclass(frozen=True, slots=True)
class RankedList:
    """A top list in display units; `others` are what stands below the last place."""

    start: datetime
    end: datetime
    unit: str
    rows: Sequence[Ranked]
    others: int
    others_amount: Decimal | None
    others_share: float | None
    whole: Decimal | None


async def read_top(door: Door, wanted: Wanted) -> RankedList | None:
    """Answer the list of the period that holds `at`; None outside the plant's calendar.

    Shares are of the parent's own account; where the parent is nobody's (no site yet) there is no
    list.
    """
    energy = known_energy(wanted.energy)
    if not 1 <= wanted.first <= MOST_PLACES:
        raise InvalidInput("list_length", least=1, most=MOST_PLACES)
    if not 1 <= wanted.level <= MOST_LEVELS:
        raise InvalidInput("list_length", least=1, most=MOST_LEVELS)
    directory = await door.directory()
    parent = await _parent(door, directory, wanted.parent)
    if parent is None:
        return None
    question = ranking.Question(
        scope=Scope.METER if wanted.meters else Scope.NODE,
        ids=_ids(directory, wanted, parent),
        energy=energy,
        order=wanted.order,
        period=wanted.period.stored,
        first=wanted.first,
        whole=parent,
    )
    async with door.read() as tx:
        found = await ranking.top(tx, door.project.id, question, wanted.at)
    return None if found is None else _listed(door, directory, question, found)


async def _parent(door: Door, directory: Directory, id: str | None) -> int | None:
    if id is None:
        return None if directory.site is None else directory.site.id
    scope, number = await scope_of(door, id)
    if scope is not Scope.NODE:
        raise NotFound(kind="node")
    return number


def _ids(directory: Directory, wanted: Wanted, parent: int) -> Sequence[int] | None:
    """Answer who is ranked; None = every meter of the project, which needs no list."""
    if not wanted.meters:
        return [row.id for row in _level(directory, parent, wanted.level)]
    if wanted.parent is None:
        return None
    below = [parent, *(row.id for row in _below(directory, parent))]
    return sorted({term.meter_id for node in below for term in directory.terms.get(node, [])})


def _level(directory: Directory, parent: int, level: int) -> list[NodeRow]:
    """Answer the nodes `level` steps below; where energy comes in nothing is consumed."""
    rows = [row for row in directory.children.get(parent, []) if row.kind != SUPPLY]
    return (
        rows
        if level == 1
        else [one for row in rows for one in _level(directory, row.id, level - 1)]
    )


def _below(directory: Directory, parent: int) -> Iterator[NodeRow]:
    for row in directory.children.get(parent, []):
        yield row
        yield from _below(directory, row.id)


def _listed(
    door: Door, directory: Directory, question: ranking.Question, found: TopList
) -> RankedList:
    energy, order = question.energy, question.order
    whole = _amount(energy, order, found.whole)

    def share(amount: Decimal | None) -> float | None:
        return None if amount is None or not whole else float(amount / whole)

    rows = []
    for place in found.places:
        scope, name = _named(directory, question.scope, place.scope_id)
        amount = _amount(energy, order, place.amount)
        rows.append(Ranked(scope, name, amount, share(amount), place.quality))
    others = _amount(energy, order, found.others.amount)
    return RankedList(
        start=found.start,
        end=found.end,
        unit=unit_of(door, energy, Measure[order.name]),
        rows=rows,
        others=found.others.count,
        others_amount=others,
        others_share=share(others),
        whole=whole,
    )


def _amount(energy: EnergyType, order: Order, amount: Decimal | None) -> Decimal | None:
    """Answer a quantity in the display unit; every other measure is in its unit already."""
    if amount is None or order is not Order.QUANTITY:
        return amount
    return amount.scaleb(-energy.decimals)


def _named(directory: Directory, scope: Scope, id: int) -> tuple[str, dict[str, str]]:
    """Answer outside identity and names; a row that the directory does not know yet has none."""
    if scope is Scope.NODE:
        node = directory.nodes.get(id)
        return ("", {}) if node is None else (encode_id("node", node.uid), node.name)
    meter = directory.meters.get(id)
    return ("", {}) if meter is None else (encode_id("mtr", meter.uid), meter.name)
