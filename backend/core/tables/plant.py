"""The plant model: tree nodes, gateways, devices, points, meters and which meters account for a
node.
"""

import uuid
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    decimal,
    document,
    double,
    identity_key,
    instant,
    project_key,
    public_id,
    smallint,
    text_column,
)


class Node(SQLModel, table=True):
    """A place in the plant tree: site, workshop, line, equipment (glossary of domain.md)."""

    __tablename__ = "node"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.UniqueConstraint("project_id", "slug"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    slug: str = text_column()
    parent_id: int | None = bigint(nullable=True)
    kind: str = text_column()
    name: dict[str, str] = document()
    position: int = smallint(default=0)


class Gateway(SQLModel, table=True):
    """A Sparkplug edge node; `slug` is its edge node id. State columns are ingest's alone."""

    __tablename__ = "gateway"
    __table_args__ = (sa.UniqueConstraint("project_id", "slug"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    slug: str = text_column()
    name: dict[str, str] = document()
    bus: str = text_column(default="main")
    credential_hash: str | None = text_column(nullable=True)


class GatewayState(SQLModel, table=True):
    """What ingest knows of an edge node: lease, birth, sequence, journal epoch, clock offset."""

    __tablename__ = "gateway_state"
    project_id: int = project_key()
    gateway_id: int = bigint(key=True)
    lease_owner: str | None = text_column(nullable=True)
    lease_until: datetime | None = instant(nullable=True)
    online: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    born_at: datetime | None = instant(nullable=True)
    died_at: datetime | None = instant(nullable=True)
    last_seen_at: datetime | None = instant(nullable=True)
    bd_seq: int | None = bigint(nullable=True)
    last_seq: int | None = bigint(nullable=True)
    wire: str | None = text_column(nullable=True)
    epoch: int | None = bigint(nullable=True)
    committed_through: int | None = bigint(nullable=True)
    dropped_total: int = bigint(default=0)
    dropped_at: datetime | None = instant(nullable=True)
    clock_offset_ms: int | None = bigint(nullable=True)
    seq_gaps: int = bigint(default=0)
    rebirths: int = bigint(default=0)
    software: str | None = text_column(nullable=True)
    config_version: int | None = bigint(nullable=True)
    config_hash: str | None = text_column(nullable=True)
    backlog: int | None = bigint(nullable=True)
    standing: list[object] | None = document(nullable=True)
    granted_until: datetime | None = instant(nullable=True)
    data_bytes: int | None = bigint(nullable=True)
    data_forecast: int | None = bigint(nullable=True)
    data_budget: int | None = bigint(nullable=True)


class Device(SQLModel, table=True):
    """A field device; made by a project's model or by its first birth."""

    __tablename__ = "device"
    __table_args__ = (sa.UniqueConstraint("project_id", "gateway_id", "slug"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    gateway_id: int = bigint()
    slug: str = text_column()
    name: dict[str, str] | None = document(nullable=True)
    profile: str | None = text_column(nullable=True)
    profile_hash: str | None = text_column(nullable=True)
    verified: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    online: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    born_at: datetime | None = instant(nullable=True)
    died_at: datetime | None = instant(nullable=True)


class Point(SQLModel, table=True):
    """One measured value of a device: a register that counts up, a gauge, or a status."""

    __tablename__ = "point"
    __table_args__ = (sa.UniqueConstraint("project_id", "device_id", "name"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    device_id: int = bigint()
    name: str = text_column()
    kind: str = text_column()
    unit: str = text_column()
    modulus: float | None = double()
    resolution: float | None = double()
    max_gap_s: int = bigint(default=900)
    write_min: float | None = double()
    write_max: float | None = double()
    write_step: float | None = double()


class PointAlias(SQLModel, table=True):
    """The alias of a point in its edge node's current birth."""

    __tablename__ = "point_alias"
    project_id: int = project_key()
    gateway_id: int = bigint(key=True)
    alias: int = bigint(key=True)
    point_id: int = bigint()


class Meter(SQLModel, table=True):
    """What is accounted: one energy through one circuit, read from a device's register and power
    points. `nameplate_per_hour` in the energy's display unit (kWh, m3, t) per hour.
    """

    __tablename__ = "meter"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.UniqueConstraint("project_id", "slug"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    slug: str = text_column()
    name: dict[str, str] = document()
    energy: str = text_column()
    device_id: int | None = bigint(nullable=True)
    register_name: str = text_column()
    power_name: str | None = text_column(nullable=True)
    nameplate_per_hour: int | None = bigint(nullable=True)
    level: int = smallint(default=3)


class NodeMeter(SQLModel, table=True):
    """A node's account of an energy is the sum of coefficient x meter over these rows."""

    __tablename__ = "node_meter"
    project_id: int = project_key()
    node_id: int = bigint(key=True)
    meter_id: int = bigint(key=True)
    coefficient: int = smallint(default=1)


class SupplyContract(SQLModel, table=True):
    """What the settlement meter's demand is held against (domain.md 2.5). Powers in kW, capacity in
    kVA.
    """

    __tablename__ = "supply_contract"
    project_id: int = project_key()
    id: int | None = identity_key()
    node_id: int = bigint()
    contract_demand_kw: int = bigint()
    capacity_kva: int = bigint()
    window_minutes: int = smallint(default=15)
    step_minutes: int = smallint(default=1)
    demand_price: Decimal = decimal()
    valid_from: datetime = instant()
    valid_to: datetime | None = instant(nullable=True)
    confirmed_by: str | None = text_column(nullable=True)


class ShedItem(SQLModel, table=True):
    """Equipment that may be stopped when demand runs over: order, power and how long it may stay
    off.
    """

    __tablename__ = "shed_item"
    project_id: int = project_key()
    id: int | None = identity_key()
    node_id: int = bigint()
    position: int = smallint(default=0)
    power_kw: int = bigint()
    max_minutes: int = smallint(default=15)
