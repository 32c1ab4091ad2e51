"""A project and what is behind its door."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Door, KwInfo, open_project, outside_uid
from backend.application.graphql.meters import Meter
from backend.application.graphql.naming import Name
from backend.application.graphql.plant import Device, Gateway, Node
from backend.application.graphql.scalars import BigInt
from backend.core.ids import encode_id
from backend.service.plant import rows
from gateway.contract.energy import energy_types


@strawberry.type
class EnergyType:
    """An energy: its units, colour and name."""

    code: str
    unit: str
    smallest_unit: str
    smallest_per_unit: BigInt
    colour: str
    name: Name


@strawberry.type
class Project:
    """A tenant: a plant with everything measured in it."""

    door: strawberry.Private[Door]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("prj", self.door.project.uid))

    @strawberry.field
    def slug(self) -> str:
        return self.door.project.slug

    @strawberry.field
    def name(self) -> Name:
        return Name.of(self.door.project.name, self.door.project.slug)

    @strawberry.field
    def zone(self) -> str:
        return self.door.project.zone

    @strawberry.field
    def currency(self) -> str:
        return self.door.project.currency

    @strawberry.field
    def demo(self) -> bool:
        return self.door.project.demo

    @strawberry.field
    def role(self) -> str:
        """The viewer's role in this project."""
        return self.door.project.role

    @strawberry.field
    async def nodes(self) -> list[Node]:
        directory = await self.door.directory()
        return [Node(door=self.door, row=row) for row in directory.nodes.values()]

    @strawberry.field
    async def node(self, id: strawberry.ID) -> Node | None:
        directory = await self.door.directory()
        uid = outside_uid("node", id)
        number = None if uid is None else directory.node_ids.get(uid)
        return None if number is None else Node(door=self.door, row=directory.nodes[number])

    @strawberry.field
    async def meters(self) -> list[Meter]:
        directory = await self.door.directory()
        return [Meter(door=self.door, row=row) for row in directory.meters.values()]

    @strawberry.field
    async def meter(self, id: strawberry.ID) -> Meter | None:
        directory = await self.door.directory()
        uid = outside_uid("mtr", id)
        number = None if uid is None else directory.meter_ids.get(uid)
        return None if number is None else Meter(door=self.door, row=directory.meters[number])

    @strawberry.field
    async def devices(self) -> list[Device]:
        async with self.door.read() as tx:
            found = await rows.devices(tx, self.door.project.id)
        return [Device(door=self.door, row=row) for row in found]

    @strawberry.field
    async def gateways(self) -> list[Gateway]:
        async with self.door.read() as tx:
            return [Gateway(row=row) for row in await rows.gateways(tx, self.door.project.id)]

    @strawberry.field
    def energies(self) -> list[EnergyType]:
        return [
            EnergyType(
                code=row.code,
                unit=row.unit.code,
                smallest_unit=row.smallest_unit.code,
                smallest_per_unit=BigInt(row.smallest_per_unit),
                colour=row.colour,
                name=Name.of(row.name),
            )
            for row in energy_types().values()
        ]


@strawberry.type
class ProjectQuery:
    """The project door."""

    @strawberry.field
    async def project(self, info: KwInfo, id: strawberry.ID) -> Project | None:
        """By id or slug; null for a stranger, exactly as for a project that does not exist."""
        door = await open_project(info.context, id)
        return None if door is None else Project(door=door)

    @strawberry.field
    def now(self, info: KwInfo) -> datetime:
        """The platform's clock, for the offset of offline acknowledgements."""
        return info.context.process.platform.clock.now()
