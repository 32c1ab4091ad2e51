"""`/api/v1/...` of the plant's model: trees, nodes, meters, memberships, gateways, devices."""

from datetime import datetime
from decimal import Decimal

from fastapi import APIRouter
from pydantic import BaseModel

from backend.application.graphql.context import Door, outside_uid
from backend.application.rest.doors import ProjectDoor
from backend.application.rest.paging import After, First, Page, page_of
from backend.core.errors import NotFound
from backend.core.ids import NOBODY, encode_id
from backend.service.plant import memberships, rows, trees
from backend.service.plant.memberships import Membership
from backend.service.plant.rows import DeviceRow, GatewayRow, MeterRow, NodeRow, PointRow

router = APIRouter(tags=["model"])
Names = dict[str, str]


class TreeAnswer(BaseModel):
    """One way to group the meters; `kind`: organisation, electrical or cost_centre."""

    slug: str
    kind: str
    name: Names


class NodeAnswer(BaseModel):
    """A place of a tree; `level` and `major` as in GB 17167; ended where `valid_to` has passed."""

    id: str
    slug: str
    tree: str
    parent: str | None
    kind: str
    name: Names
    level: int | None
    major: bool
    valid_to: datetime | None


class MeterAnswer(BaseModel):
    """What is accounted. `nameplate` in the display unit an hour, `accuracy` in percent."""

    id: str
    slug: str
    name: Names
    energy: str
    source: str
    level: int
    device: str | None
    register_point: str | None
    power_point: str | None
    expression: str | None
    accuracy: Decimal | None
    nameplate: int | None
    own_product: bool
    role: str | None
    valid_from: datetime | None
    valid_to: datetime | None


class MembershipAnswer(BaseModel):
    """A node counts coefficient x meter in [valid_from, valid_to)."""

    node: str
    tree: str
    meter: str
    energy: str
    coefficient: Decimal
    valid_from: datetime
    valid_to: datetime | None


class GatewayAnswer(BaseModel):
    """An edge node with what is known of it."""

    id: str
    slug: str
    name: Names
    online: bool
    last_seen_at: datetime | None
    born_at: datetime | None
    clock_offset_ms: int | None
    dropped_total: int
    certificate_until: datetime | None


class PointAnswer(BaseModel):
    """One measured value; `write` has least, largest and step where it may be set."""

    name: str
    kind: str
    unit: str
    max_gap_s: int
    write: tuple[float, float, float | None] | None


class DeviceAnswer(BaseModel):
    """A field device with its points."""

    id: str
    slug: str
    name: Names | None
    gateway: str
    profile: str | None
    verified: bool
    online: bool
    points: list[PointAnswer]


@router.get("/trees")
async def list_trees(door: ProjectDoor) -> list[TreeAnswer]:
    """Answer the project's trees, the organisation first."""
    async with door.read() as tx:
        found = await trees.list_trees(tx, door.project.id)
    return [TreeAnswer(slug=one.slug, kind=one.kind, name=one.name) for one in found]


@router.get("/nodes")
async def list_nodes(
    door: ProjectDoor, tree: str | None = None, first: First = 100, after: After = None
) -> Page[NodeAnswer]:
    """Answer nodes, of one tree or of all, parents before their children's siblings."""
    async with door.read() as tx:
        found = await rows.nodes(tx, door.project.id)
    wanted = [row for row in found if tree is None or row.tree == tree]
    return page_of(wanted, lambda row: encode_id("node", row.uid), _node, first, after)


@router.get("/nodes/{node}")
async def show_node(door: ProjectDoor, node: str) -> NodeAnswer:
    """Answer a node."""
    directory = await door.directory()
    number = directory.node_ids.get(outside_uid("node", node) or NOBODY)
    if number is None:
        raise NotFound(kind="node")
    return _node(directory.nodes[number])


@router.get("/meters")
async def list_meters(
    door: ProjectDoor, energy: str | None = None, first: First = 100, after: After = None
) -> Page[MeterAnswer]:
    """Answer meters by energy and level, ended ones too."""
    devices = await _device_ids(door)
    async with door.read() as tx:
        found = await rows.meters(tx, door.project.id)
    wanted = [row for row in found if energy is None or row.energy == energy]
    return page_of(
        wanted,
        lambda row: encode_id("mtr", row.uid),
        lambda row: _meter(row, devices),
        first,
        after,
    )


@router.get("/meters/{meter}")
async def show_meter(door: ProjectDoor, meter: str) -> MeterAnswer:
    """Answer a meter."""
    directory = await door.directory()
    number = directory.meter_ids.get(outside_uid("mtr", meter) or NOBODY)
    if number is None:
        raise NotFound(kind="meter")
    return _meter(directory.meters[number], await _device_ids(door))


@router.get("/memberships")
async def list_memberships(
    door: ProjectDoor, first: First = 100, after: After = None
) -> Page[MembershipAnswer]:
    """Answer which node counts which meter, how much and from when to when."""
    async with door.read() as tx:
        found = await memberships.list_memberships(tx, door.project.id)
    return page_of(found, _membership_key, _membership, first, after)


@router.get("/gateways")
async def list_gateways(
    door: ProjectDoor, first: First = 100, after: After = None
) -> Page[GatewayAnswer]:
    """Answer gateways by slug."""
    async with door.read() as tx:
        found = await rows.gateways(tx, door.project.id)
    return page_of(found, lambda row: row.slug, _gateway, first, after)


@router.get("/devices")
async def list_devices(
    door: ProjectDoor, first: First = 100, after: After = None
) -> Page[DeviceAnswer]:
    """Answer devices with their points, by gateway and slug."""
    points: dict[int, list[PointRow]] = {}
    async with door.read() as tx:
        found = await rows.devices(tx, door.project.id)
        for point in await rows.points(tx, door.project.id):
            points.setdefault(point.device_id, []).append(point)
    return page_of(
        found,
        lambda row: encode_id("dev", row.uid),
        lambda row: _device(row, points.get(row.id, [])),
        first,
        after,
    )


async def _device_ids(door: Door) -> dict[int, str]:
    directory = await door.directory()
    return {number: encode_id("dev", row.uid) for number, row in directory.devices.items()}


def _node(row: NodeRow) -> NodeAnswer:
    return NodeAnswer(
        id=encode_id("node", row.uid),
        slug=row.slug,
        tree=row.tree,
        parent=None if row.parent_uid is None else encode_id("node", row.parent_uid),
        kind=row.kind,
        name=row.name,
        level=row.level,
        major=row.major,
        valid_to=row.valid_to,
    )


def _meter(row: MeterRow, devices: dict[int, str]) -> MeterAnswer:
    return MeterAnswer(
        id=encode_id("mtr", row.uid),
        slug=row.slug,
        name=row.name,
        energy=row.energy,
        source=row.source,
        level=row.level,
        device=devices.get(row.device_id or 0),
        register_point=row.register_name,
        power_point=row.power_name,
        expression=row.expression,
        accuracy=row.accuracy,
        nameplate=row.nameplate_per_hour,
        own_product=row.own_product,
        role=row.role,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _membership_key(row: Membership) -> str:
    return f"{row.node_id}/{row.meter_id}/{row.valid_from.isoformat()}"


def _membership(row: Membership) -> MembershipAnswer:
    return MembershipAnswer(
        node=encode_id("node", row.node_uid),
        tree=row.tree,
        meter=encode_id("mtr", row.meter_uid),
        energy=row.energy,
        coefficient=row.coefficient,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _gateway(row: GatewayRow) -> GatewayAnswer:
    return GatewayAnswer(
        id=encode_id("gtw", row.uid),
        slug=row.slug,
        name=row.name,
        online=row.online,
        last_seen_at=row.last_seen_at,
        born_at=row.born_at,
        clock_offset_ms=row.clock_offset_ms,
        dropped_total=row.dropped_total,
        certificate_until=row.certificate_until,
    )


def _device(row: DeviceRow, points: list[PointRow]) -> DeviceAnswer:
    return DeviceAnswer(
        id=encode_id("dev", row.uid),
        slug=row.slug,
        name=row.name,
        gateway=encode_id("gtw", row.gateway_uid),
        profile=row.profile,
        verified=row.verified,
        online=row.online,
        points=[_point(point) for point in points],
    )


def _point(row: PointRow) -> PointAnswer:
    limits = row.write_min, row.write_max
    return PointAnswer(
        name=row.name,
        kind=row.kind,
        unit=row.unit,
        max_gap_s=row.max_gap_s,
        write=None if None in limits else (limits[0] or 0.0, limits[1] or 0.0, row.write_step),
    )
