"""Reads the plant model in whole batches: one statement for any number of things.

Every function takes an open session, the project and what is wanted; `None` means all. Answers keep
inside numbers (for joins) and outside identities (for people) side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from backend.core.db import ReadSession

Keys = Sequence[int] | None

SUPPLY = "supply"
"""Kind of a node where energy comes in: incomers, photovoltaics. It feeds and does not consume."""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A place in the plant tree, with its parent's outside identity."""

    id: int
    uid: UUID
    slug: str
    kind: str
    name: dict[str, str]
    parent_id: int | None
    parent_uid: UUID | None
    tree: str
    level: int | None
    major: bool
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class MeterRow:
    """What is accounted, with the points it reads from.

    `nameplate_per_hour` in the energy's smallest unit, `accuracy` in percent.
    """

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    energy: str
    device_id: int | None
    register_name: str | None
    power_name: str | None
    level: int
    source: str
    expression: str | None
    accuracy: Decimal | None
    nameplate_per_hour: int | None
    own_product: bool
    role: str | None
    valid_from: datetime | None
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A field device with its gateway's outside identity."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str] | None
    gateway_uid: UUID
    profile: str | None
    verified: bool
    online: bool


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """An edge node with what ingest knows of it."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    online: bool
    last_seen_at: datetime | None
    born_at: datetime | None
    clock_offset_ms: int | None
    dropped_total: int
    certificate_until: datetime | None


@dataclass(frozen=True, slots=True)
class NodeMeterRow:
    """One term of a node's account at some instant: coefficient x meter."""

    node_id: int
    node_uid: UUID
    meter_id: int
    meter_uid: UUID
    energy: str
    coefficient: Decimal


@dataclass(frozen=True, slots=True)
class PointRow:
    """One measured value of a device."""

    id: int
    device_id: int
    device_uid: UUID
    name: str
    kind: str
    unit: str
    max_gap_s: int
    write_min: float | None = None
    write_max: float | None = None
    write_step: float | None = None


async def nodes(tx: ReadSession, project_id: int, ids: Keys = None) -> list[NodeRow]:
    """Answer nodes in the order of the tree's siblings; a parent that is not seen is none."""
    return await tx.fetch_all(
        "SELECT n.id, n.uid, n.slug, n.kind, n.name, p.id AS parent_id, p.uid AS parent_uid,"
        " n.tree, n.level, n.major, n.valid_to"
        " FROM node n LEFT JOIN node p ON p.project_id = %(project)s AND p.id = n.parent_id"
        " WHERE n.project_id = %(project)s"
        " AND (%(ids)s::bigint[] IS NULL OR n.id = ANY(%(ids)s::bigint[]))"
        " ORDER BY n.parent_id NULLS FIRST, n.position, n.id",
        {"project": project_id, "ids": ids},
        into=NodeRow,
    )


async def meters(tx: ReadSession, project_id: int, ids: Keys = None) -> list[MeterRow]:
    """Answer meters by energy and level."""
    return await tx.fetch_all(
        "SELECT id, uid, slug, name, energy, device_id, register_name, power_name, level, source,"
        " expression, accuracy, nameplate_per_hour, own_product, role, valid_from, valid_to"
        " FROM meter WHERE project_id = %(project)s"
        " AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))"
        " ORDER BY energy, level, slug",
        {"project": project_id, "ids": ids},
        into=MeterRow,
    )


async def devices(tx: ReadSession, project_id: int, ids: Keys = None) -> list[DeviceRow]:
    """Answer devices by gateway and slug."""
    return await tx.fetch_all(
        "SELECT d.id, d.uid, d.slug, d.name, g.uid AS gateway_uid, d.profile, d.verified, d.online"
        " FROM device d JOIN gateway g ON g.project_id = %(project)s AND g.id = d.gateway_id"
        " WHERE d.project_id = %(project)s"
        " AND (%(ids)s::bigint[] IS NULL OR d.id = ANY(%(ids)s::bigint[]))"
        " ORDER BY g.slug, d.slug",
        {"project": project_id, "ids": ids},
        into=DeviceRow,
    )


async def gateways(tx: ReadSession, project_id: int, ids: Keys = None) -> list[GatewayRow]:
    """Answer gateways by slug, each with the end of the certificate it has longest."""
    return await tx.fetch_all(
        "SELECT g.id, g.uid, g.slug, g.name, coalesce(s.online, false) AS online, s.last_seen_at,"
        " s.born_at, s.clock_offset_ms, coalesce(s.dropped_total, 0) AS dropped_total,"
        " (SELECT max(c.not_after) FROM gateway_certificate c WHERE c.project_id = %(project)s"
        " AND c.gateway_id = g.id AND c.revoked_at IS NULL) AS certificate_until"
        " FROM gateway g LEFT JOIN gateway_state s"
        " ON s.project_id = %(project)s AND s.gateway_id = g.id"
        " WHERE g.project_id = %(project)s"
        " AND (%(ids)s::bigint[] IS NULL OR g.id = ANY(%(ids)s::bigint[])) ORDER BY g.slug",
        {"project": project_id, "ids": ids},
        into=GatewayRow,
    )


async def node_meters(tx: ReadSession, project_id: int, at: datetime) -> list[NodeMeterRow]:
    """Answer every term of every node's account at an instant, in the order of nodes and meters."""
    return await tx.fetch_all(
        "SELECT nm.node_id, n.uid AS node_uid, nm.meter_id, m.uid AS meter_uid, m.energy,"
        " nm.coefficient FROM node_meter nm"
        " JOIN node n ON n.project_id = %(project)s AND n.id = nm.node_id"
        " JOIN meter m ON m.project_id = %(project)s AND m.id = nm.meter_id"
        " WHERE nm.project_id = %(project)s AND nm.valid_from <= %(at)s"
        " AND (nm.valid_to IS NULL OR nm.valid_to > %(at)s)"
        " ORDER BY nm.node_id, m.level, m.slug",
        {"project": project_id, "at": at},
        into=NodeMeterRow,
    )


async def points(tx: ReadSession, project_id: int) -> list[PointRow]:
    """Answer every point by device and name."""
    return await tx.fetch_all(
        "SELECT p.id, p.device_id, d.uid AS device_uid, p.name, p.kind, p.unit, p.max_gap_s,"
        " p.write_min, p.write_max, p.write_step"
        " FROM point p JOIN device d ON d.project_id = %(project)s AND d.id = p.device_id"
        " WHERE p.project_id = %(project)s ORDER BY p.device_id, p.id",
        {"project": project_id},
        into=PointRow,
    )
