"""Balances: in, out and loss of a place, what explains the loss, and who is suspected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from backend.application.curves import known_energy
from backend.application.graphql.context import Door, outside_uid
from backend.application.graphql.meters import Meter
from backend.application.graphql.plant import Node
from backend.core.errors import NotFound
from backend.service.balance.flows import Span
from backend.service.balance.node_balance import NodeBalance, node_balance
from backend.service.balance.onset import wrong_since
from backend.service.balance.patterns import Pattern
from backend.service.balance.suspects import Suspicion as Found
from gateway.contract.energy import EnergyType


@strawberry.enum
class BalanceFault(Enum):
    """What the pattern of a residual says is wrong."""

    RATIO = "ratio"
    PHASE = "phase"
    DIRECTION = "direction"
    MISSING = "missing"


@strawberry.enum
class RestProfile(Enum):
    """When a consumer without a meter runs: always, or in the hours of work."""

    BASE = "base"
    WORK = "work"


@strawberry.type
class RatioMixup:
    """A transformer ratio that is set and the one that is installed (150/5, 200/5)."""

    configured: str
    installed: str


@strawberry.type
class BalanceSuspicion:
    """A suspicion that a balance's quarter hours, or the hours of its months, show.

    With the numbers of the month that shows it best.
    """

    door: strawberry.Private[Door]
    shown_by: strawberry.Private["ShownBy"]
    start: datetime = strawberry.field(
        description="When the first month began that shows it all the time; else the balance."
    )
    end: datetime = strawberry.field(
        description="When the last month ended that shows it; else the balance."
    )
    fault: BalanceFault
    node: Node = strawberry.field(
        description="Whose meter is suspected; of a missing meter the place that lacks it."
    )
    own: bool = strawberry.field(
        description="Whether it is the meter of the balanced place itself."
    )
    meters: list[Meter] = strawberry.field(description="The meters of that place and energy.")
    factor: float | None = strawberry.field(
        description="What the suspect's quantity must be multiplied by."
    )
    factor_error: float | None = strawberry.field(description="Its standard error.")
    explained: float = strawberry.field(
        description="Share of the residual's square sum that the suspicion explains."
    )
    missing_share: float = strawberry.field(description="The residual by what goes in.")
    quarters: int = strawberry.field(description="Quarter hours looked at.")
    mixups: list[RatioMixup]
    profile: RestProfile | None
    base_share: float | None = strawberry.field(
        description="Share of a missing meter's energy that never stops."
    )

    @strawberry.field
    async def since(self) -> datetime | None:
        """When the first day began on which the factor shows, in three years; null: not known.

        What a restatement of the meter's ratio begins with.
        """
        shown, project = self.shown_by, self.door.project.id
        async with self.door.read() as tx:
            return await wrong_since(tx, project, shown.span, shown.suspicion)


@dataclass(frozen=True, slots=True)
class ShownBy:
    """The months of a balance that showed a suspicion."""

    span: Span
    suspicion: Found


@strawberry.type
class BalancePart:
    """A place below, and how much of its quantity lies in quarter hours that are open.

    Null where it has no figure in this time.
    """

    node: Node
    value: Decimal | None
    open: Decimal | None


@strawberry.type
class Balance:
    """One balance in the energy's display unit, exact: in - out = loss + open.

    The loss is transformer + metering + unmetered. What is not known is null and never 0: the
    quantities of a place without any figure in this time, and the loss with its parts where every
    quarter hour is open.
    """

    start: datetime
    end: datetime
    energy: str
    unit: str
    quarters: int
    open_quarters: int = strawberry.field(
        description="Quarter hours with an estimated, held or missing part: no loss is told there."
    )
    value: Decimal | None = strawberry.field(
        description="What went in; null without any figure of the place."
    )
    open_value: Decimal | None = strawberry.field(
        description="What of it lies in open quarter hours."
    )
    parts: list[BalancePart]
    loss: Decimal | None
    open: Decimal | None = strawberry.field(
        description="In - out of the open quarter hours; null without one of the quantities."
    )
    transformer: Decimal | None
    metering: Decimal | None = strawberry.field(description="What the meters' classes explain.")
    unmetered: Decimal | None
    uncertainty: Decimal | None = strawberry.field(
        description="u of all meters; null where a class is not known."
    )
    within: bool | None = strawberry.field(
        description="Whether the classes cover what the transformer leaves."
    )
    unclassed: list[Meter] = strawberry.field(description="Meters without a class.")
    derived: bool = strawberry.field(
        description="The place is counted by the meters of its parts: no loss can show."
    )
    suspicion: BalanceSuspicion | None = strawberry.field(
        description="What is probably wrong, the newest; null where nothing shows."
    )
    suspicions: list[BalanceSuspicion] = strawberry.field(
        description="All that months of the span show, the newest first."
    )


@strawberry.type
class ProjectBalances:
    """The part of a project that lays places beside what lies below them."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def balance(
        self, node: strawberry.ID, energy: str, start: datetime, end: datetime
    ) -> Balance | None:
        """The balance of a place over [start, end), 400 days at most.

        Null where nothing below it is metered.
        """
        return await read_balance(self.door, node, energy, start, end)


async def read_balance(
    door: Door, node: str, energy: str, start: datetime, end: datetime
) -> Balance | None:
    """Answer a balance; NotFound for a place that is not the project's."""
    kind = known_energy(energy)
    directory = await door.directory()
    uid = outside_uid("node", node)
    number = None if uid is None else directory.node_ids.get(uid)
    if number is None:
        raise NotFound(kind="node")
    now = door.process.platform.clock.now()
    async with door.read() as tx:
        span = Span(number, kind.code, start, end)
        found = await node_balance(tx, door.project.id, span, now)
    return None if found is None else await _told(door, kind, number, found)


async def _told(door: Door, energy: EnergyType, node: int, found: NodeBalance) -> Balance:
    nodes = (await door.directory()).nodes

    def shown(quantity: int | None) -> Decimal | None:
        return None if quantity is None else energy.display(quantity)

    split = found.split
    suspicions = await _suspicions(door, energy, node, found)
    return Balance(
        start=found.start,
        end=found.end,
        energy=energy.code,
        unit=energy.unit.code,
        quarters=found.quarters,
        open_quarters=found.open_quarters,
        value=shown(found.quantity),
        open_value=shown(found.open_quantity),
        parts=[
            BalancePart(
                node=Node(door=door, row=nodes[part.node_id]),
                value=shown(part.quantity),
                open=shown(part.open_quantity),
            )
            for part in found.parts
            if part.node_id in nodes
        ],
        loss=shown(found.loss),
        open=shown(found.open),
        transformer=None if split is None else shown(split.transformer),
        metering=None if split is None else shown(split.metering),
        unmetered=None if split is None else shown(split.unmetered),
        uncertainty=shown(found.uncertainty),
        within=None if split is None else split.within,
        unclassed=await _meters(door, found.unclassed),
        derived=found.derived,
        suspicion=suspicions[0] if suspicions else None,
        suspicions=suspicions,
    )


async def _suspicions(
    door: Door, energy: EnergyType, node: int, balance: NodeBalance
) -> list[BalanceSuspicion]:
    found = [await _suspicion(door, energy, node, one) for one in balance.patterns]
    return [one for one in found if one is not None]


async def _suspicion(
    door: Door, energy: EnergyType, node: int, pattern: Pattern
) -> BalanceSuspicion | None:
    directory = await door.directory()
    found = pattern.suspicion
    named = node if found.part is None else found.part
    if named not in directory.nodes:
        return None
    terms = directory.terms.get(named, [])
    return BalanceSuspicion(
        door=door,
        shown_by=ShownBy(Span(node, energy.code, pattern.start, pattern.end), found),
        start=pattern.start,
        end=pattern.end,
        fault=BalanceFault(found.fault.value),
        node=Node(door=door, row=directory.nodes[named]),
        own=found.part is None,
        meters=await _meters(door, [term.meter_id for term in terms if term.energy == energy.code]),
        factor=found.evidence.factor,
        factor_error=found.evidence.error,
        explained=found.evidence.explained,
        missing_share=found.evidence.missing_share,
        quarters=found.evidence.quarters,
        mixups=[RatioMixup(configured=m.configured, installed=m.installed) for m in found.mixups],
        profile=None if found.profile is None else RestProfile(found.profile.value),
        base_share=found.base_share,
    )


async def _meters(door: Door, ids: Sequence[int]) -> list[Meter]:
    meters = (await door.directory()).meters
    return [Meter(door=door, row=meters[id]) for id in ids if id in meters]
