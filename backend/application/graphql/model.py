"""What a project tells of its model: trees, meters, what counts where, and conversion factors."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Door, outside_uid
from backend.application.graphql.conversions import (
    ComprehensiveEnergy,
    Conversion,
    ConversionKind,
    EfficiencyFigures,
    conversion_kinds,
    read_comprehensive,
    read_conversions,
    read_efficiencies,
)
from backend.application.graphql.enums import Period
from backend.application.graphql.factors import Factor, read_factors
from backend.application.graphql.memberships import Membership, read_memberships
from backend.application.graphql.meters import Meter
from backend.application.graphql.plant import Node
from backend.application.graphql.supply import SupplyBalance, read_supply
from backend.application.graphql.trees import Tree, read_trees
from backend.service.plant import rows
from backend.service.plant.trees import ORGANISATION


@strawberry.type
class ProjectModel:
    """The part of a project that says how its plant is modelled."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def trees(self) -> list[Tree]:
        """Ways to group the same meters, the organisation first."""
        return await read_trees(self.door)

    @strawberry.field
    async def nodes(self, tree: str = ORGANISATION, ended: bool = False) -> list[Node]:
        """Places of a tree, parents first; with `ended` those that are past too."""
        now = self.door.process.platform.clock.now()
        async with self.door.read() as tx:
            found = await rows.nodes(tx, self.door.project.id)
        return [
            Node(door=self.door, row=row)
            for row in found
            if row.tree == tree and (ended or _goes_on(row.valid_to, now))
        ]

    @strawberry.field
    async def node(self, id: strawberry.ID) -> Node | None:
        """A place of any tree."""
        uid = outside_uid("node", id)
        async with self.door.read() as tx:
            found = await rows.nodes(tx, self.door.project.id)
        return next((Node(door=self.door, row=row) for row in found if row.uid == uid), None)

    @strawberry.field
    async def meters(self, ended: bool = False) -> list[Meter]:
        """What is accounted; with `ended` what is past too."""
        now = self.door.process.platform.clock.now()
        async with self.door.read() as tx:
            found = await rows.meters(tx, self.door.project.id)
        return [
            Meter(door=self.door, row=row) for row in found if ended or _goes_on(row.valid_to, now)
        ]

    @strawberry.field
    async def meter(self, id: strawberry.ID) -> Meter | None:
        uid = outside_uid("mtr", id)
        async with self.door.read() as tx:
            found = await rows.meters(tx, self.door.project.id)
        return next((Meter(door=self.door, row=row) for row in found if row.uid == uid), None)

    @strawberry.field
    async def memberships(
        self, node: strawberry.ID | None = None, meter: strawberry.ID | None = None
    ) -> list[Membership]:
        """What nodes count of meters and from when to when; of one node, of one meter, or all."""
        return await read_memberships(self.door, node, meter)

    @strawberry.field
    async def supply(self, period: Period, start: datetime, end: datetime) -> list[SupplyBalance]:
        """Where the plant's electricity came from, for each period of [start, end) that has begun.

        Empty where no settlement meter has a role; periods are of the calendar (days, months).
        """
        return await read_supply(self.door, period, start, end)

    @strawberry.field
    def conversion_kinds(self) -> list[ConversionKind]:
        """What a node may be to convert."""
        return conversion_kinds()

    @strawberry.field
    async def conversions(self, node: strawberry.ID | None = None) -> list[Conversion]:
        """Nodes where one energy becomes another; of one node, or all."""
        return await read_conversions(self.door, node)

    @strawberry.field
    async def efficiencies(
        self, period: Period, start: datetime, end: datetime, node: strawberry.ID | None = None
    ) -> list[EfficiencyFigures]:
        """How well conversions did, for each period of [start, end) that has begun."""
        return await read_efficiencies(self.door, node, period, start, end)

    @strawberry.field
    async def comprehensive(
        self, node: strawberry.ID, start: datetime, end: datetime
    ) -> ComprehensiveEnergy:
        """Coal equivalent of what a node took over [start, end), nothing twice (GB/T 2589)."""
        return await read_comprehensive(self.door, node, start, end)

    @strawberry.field
    async def factors(self) -> list[Factor]:
        """Every version of every conversion factor."""
        return await read_factors(self.door)


def _goes_on(valid_to: datetime | None, now: datetime) -> bool:
    return valid_to is None or valid_to > now
