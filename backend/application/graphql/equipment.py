"""Equipment: its state now, hours, starts and idling, specific figures, best month and twins."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.factors import begin_edit
from backend.application.graphql.meters import Meter
from backend.application.graphql.plant import LiveValue, Node, live_value
from backend.core.errors import NotFound
from backend.service.equipment import figures
from backend.service.equipment.definitions import (
    EquipmentRow,
    Wanted,
    define,
    list_equipment,
    remove,
)
from backend.service.equipment.figures import Ran
from backend.service.equipment.states import Rule
from backend.service.people.roles import Permission
from gateway.contract.energy import energy_type

STALE_S = 1800


@strawberry.enum
class EquipmentState(Enum):
    """What equipment does; UNKNOWN where no fresh reading tells."""

    OFF = 0
    IDLE = 1
    LOAD = 2
    UNKNOWN = 3


@strawberry.type
class SpecificFigure:
    """Energy by what it makes (kWh/m3, m3/t) or the other way round (COP), and where measured."""

    value: Decimal
    unit: str
    node: Node


@strawberry.type
class EquipmentSpan:
    """What equipment did over a span; seconds by state add up to the hours looked at.

    Starts and idling are null where the state was unknown all the time.
    """

    start: datetime
    off_s: int
    idle_s: int
    load_s: int
    unknown_s: int
    starts: int | None
    idle: Decimal | None = strawberry.field(description="Energy while idle, kWh.")
    idle_cost: Decimal | None = strawberry.field(
        description="Its money by the tariff of each quarter hour; null without a price."
    )
    idle_share: float | None = strawberry.field(description="Idle time by running time.")
    resolution_s: int | None = strawberry.field(
        description="Seconds between two samples on average: states are no finer than that."
    )

    @classmethod
    def of(cls, found: Ran) -> "EquipmentSpan":
        """Answer a span as it was summed."""
        known = found.off_s + found.running_s > 0
        return cls(
            start=found.start_ts,
            off_s=found.off_s,
            idle_s=found.idle_s,
            load_s=found.load_s,
            unknown_s=found.unknown_s,
            starts=found.starts if known else None,
            idle=energy_type("electricity").display(found.idle_qty) if known else None,
            idle_cost=found.idle_cost if known else None,
            idle_share=found.idle_share,
            resolution_s=found.resolution_s,
        )


@strawberry.type
class Equipment:
    """A node whose states are told by the power of a meter, or by a status point."""

    door: strawberry.Private[Door]
    row: strawberry.Private[EquipmentRow]

    @strawberry.field
    async def node(self) -> Node:
        nodes = (await self.door.directory()).nodes
        return Node(door=self.door, row=nodes[self.row.node_id])

    @strawberry.field
    async def meter(self) -> Meter | None:
        row = (await self.door.directory()).meters.get(self.row.meter_id)
        return None if row is None else Meter(door=self.door, row=row)

    @strawberry.field
    def kind(self) -> str:
        return self.row.kind

    @strawberry.field
    def standby_kw(self) -> Decimal:
        """Below it is off."""
        return self.row.standby_kw

    @strawberry.field
    def load_kw(self) -> Decimal:
        """From it on it is under load; between the two it idles."""
        return self.row.load_kw

    @strawberry.field
    def rated_kw(self) -> Decimal | None:
        return self.row.rated_kw

    @strawberry.field
    def dwell_s(self) -> int:
        """Seconds a state has to last to count."""
        return self.row.dwell_s

    @strawberry.field
    def status_point(self) -> str | None:
        return self.row.status_point

    @strawberry.field
    def twin_group(self) -> str | None:
        return self.row.twin_group

    @strawberry.field
    async def power(self) -> LiveValue | None:
        """Its newest power."""
        return await self._live(None)

    @strawberry.field
    async def state(self) -> EquipmentState:
        """Its state by the newest reading."""
        status = self.row.status_point
        found = await self._live(status)
        now = self.door.process.platform.clock.now()
        if found is None or found.value is None or (now - found.at).total_seconds() > STALE_S:
            return EquipmentState.UNKNOWN
        low, high = (1.0, 2.0) if status else (float(self.row.standby_kw), float(self.row.load_kw))
        return EquipmentState(Rule(low, high, 0, 0).state(found.value).value)

    @strawberry.field
    async def span(self, start: datetime, end: datetime) -> EquipmentSpan | None:
        """What it did in the hours that begin in [start, end); null where none was looked at."""
        found = await self._ran(start, end)
        return None if found is None else EquipmentSpan.of(found)

    @strawberry.field
    async def load_rate(self, start: datetime, end: datetime) -> float | None:
        """Mean power while running by the rated power, over [start, end)."""
        found = await self._ran(start, end)
        return None if found is None else figures.load_rate(found, self.row.rated_kw)

    @strawberry.field
    async def specific(self, start: datetime, end: datetime) -> SpecificFigure | None:
        """Its specific figure of a day or month, at its node or the one above it."""
        directory = await self.door.directory()
        nodes = [self.row.node_id]
        while (above := directory.nodes[nodes[-1]].parent_id) is not None and len(nodes) < 2:
            nodes.append(above)
        now = self.door.process.platform.clock.now()
        async with self.door.read() as tx:
            found = await figures.specific(
                tx, self.door.project.id, self.row.kind, nodes, (start, end), now
            )
        if found is None:
            return None
        node = Node(door=self.door, row=directory.nodes[found.node_id])
        return SpecificFigure(value=found.value, unit=found.unit, node=node)

    @strawberry.field
    async def best_month(self, before: datetime) -> EquipmentSpan | None:
        """Its own month before `before` with the least idling by running time (20 h at least)."""
        async with self.door.read() as tx:
            found = await figures.best_month(tx, self.door.project.id, self.row.node_id, before)
        return None if found is None else EquipmentSpan.of(found)

    @strawberry.field
    async def twins(self) -> list["Equipment"]:
        """Other equipment of the same twin group."""
        if self.row.twin_group is None:
            return []
        others = await read_equipment(self.door)
        return [
            one
            for one in others
            if one.row.twin_group == self.row.twin_group and one.row.node_id != self.row.node_id
        ]

    async def _live(self, name: str | None) -> LiveValue | None:
        directory = await self.door.directory()
        meter = directory.meters.get(self.row.meter_id)
        if meter is None:
            return None
        point = directory.point(meter, name or meter.power_name)
        return live_value(await self.door.live(), point)

    async def _ran(self, start: datetime, end: datetime) -> Ran | None:
        async with self.door.read() as tx:
            return await figures.ran(tx, self.door.project.id, self.row.node_id, start, end)


@strawberry.type
class ProjectEquipment:
    """The part of a project that knows equipment."""

    door: strawberry.Private[Door]

    @strawberry.field
    async def equipment(self, node: strawberry.ID | None = None) -> list[Equipment]:
        """Equipment in the order of the tree, or that of one node."""
        found = await read_equipment(self.door)
        if node is None:
            return found
        uid = outside_uid("node", node)
        number = None if uid is None else (await self.door.directory()).node_ids.get(uid)
        return [one for one in found if one.row.node_id == number]


@strawberry.input
class EquipmentInput:
    """How a node's states are told: off < standbyKw <= idle < loadKw <= load."""

    project: strawberry.ID
    node: strawberry.ID
    meter: strawberry.ID
    kind: str
    standby_kw: Decimal
    load_kw: Decimal
    rated_kw: Decimal | None = None
    dwell_s: int = 60
    twin_group: str | None = None
    status_point: str | None = strawberry.field(
        default=None, description="A status point of the meter's device: 0 off, 1 idle, 2 load."
    )


@strawberry.type
class EquipmentMutation:
    """Saying what is equipment, and how its states are told."""

    @strawberry.mutation
    async def define_equipment(
        self,
        info: KwInfo,
        input: EquipmentInput,  # noqa: A002 - what the schema calls it
    ) -> Equipment:
        """Have a node's states told so; its hours are computed anew."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        door.require(Permission.MODEL)
        directory = await door.directory()
        uid = outside_uid("mtr", input.meter)
        meter = None if uid is None else directory.meter_ids.get(uid)
        if meter is None:
            raise NotFound(kind="meter")
        wanted = Wanted(
            node_id=await _node(door, input.node),
            meter_id=meter,
            kind=input.kind,
            standby_kw=input.standby_kw,
            load_kw=input.load_kw,
            rated_kw=input.rated_kw,
            dwell_s=input.dwell_s,
            twin_group=input.twin_group,
            status_point=input.status_point,
        )
        async with door.write() as tx:
            row = await define(await begin_edit(door, tx, caller), wanted, input.node)
        return Equipment(door=door, row=row)

    @strawberry.mutation
    async def remove_equipment(
        self, info: KwInfo, project: strawberry.ID, node: strawberry.ID
    ) -> bool:
        """Forget how a node's states are told, and the hours that it told."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        door.require(Permission.MODEL)
        number = await _node(door, node)
        async with door.write() as tx:
            await remove(await begin_edit(door, tx, caller), number, node)
        return True


async def read_equipment(door: Door) -> list[Equipment]:
    """Answer all equipment whose node is known."""
    nodes = (await door.directory()).nodes
    async with door.read() as tx:
        found = await list_equipment(tx, door.project.id)
    return [Equipment(door=door, row=row) for row in found if row.node_id in nodes]


async def _node(door: Door, text: str) -> int:
    uid = outside_uid("node", text)
    number = None if uid is None else (await door.directory()).node_ids.get(uid)
    if number is None:
        raise NotFound(kind="node")
    return number
