"""The plant model: tree nodes, gateways, devices, points, meters and which meters account for a
node.
"""

import uuid
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    always,
    bigint,
    day_column,
    decimal,
    document,
    double,
    flag,
    identity_key,
    instant,
    project_key,
    public_id,
    smallint,
    text_column,
)


class Tree(SQLModel, table=True):
    """One way to group the same meters. `kind`: organisation, electrical or cost_centre."""

    __tablename__ = "tree"
    project_id: int = project_key()
    slug: str = text_column(key=True)
    kind: str = text_column()
    name: dict[str, str] = document()
    position: int = smallint(default=0)


class Node(SQLModel, table=True):
    """A place in a tree: site, workshop, line, equipment, cost centre (glossary of domain.md).

    A node that has ended keeps its past (`valid_to`). `major`: equipment at or above the rating of
    GB 17167 table B; `level`: 1 to 3 of the metering levels there, null where none is told.
    """

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
    tree: str = text_column(default="organisation")
    valid_to: datetime | None = instant(nullable=True)
    major: bool = flag(default=False)
    level: int | None = smallint(nullable=True)


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
    """A field device; made by a project's model or by its first birth.

    `serial` and `ratio` are what its newest birth says of them.
    """

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
    serial: str | None = text_column(nullable=True)
    ratio: str | None = text_column(nullable=True)


class Point(SQLModel, table=True):
    """One measured value: a register that counts up, a gauge, or a status.

    Of a device, or without one: read by a person or imported.
    """

    __tablename__ = "point"
    __table_args__ = (sa.UniqueConstraint("project_id", "device_id", "name"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    device_id: int | None = bigint(nullable=True)
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
    """What is accounted: one energy through one circuit.

    `source` says where its quarter hours come from: `register` (a counter of a device, or
    `point_id` without one), `gauge` (a power or flow, integrated), `manual` (a counter that people
    read), `virtual` (`expression` over other meters), `stock` (deliveries and counts).
    `nameplate_per_hour` in the energy's display unit (kWh, m3, t) per hour, `accuracy` its class in
    percent; `own_product`: made on site from energy that is counted already, so never again.
    `role` of a settlement meter: what flows through it comes from or goes to (supply.py).
    `calibrated_until`: the last day of its calibration, null where nobody entered it. `asset`: its
    number in the owner's books.
    """

    __tablename__ = "meter"
    __table_args__ = (
        sa.Index("meter_virtual", "project_id", postgresql_where=sa.text("source = 'virtual'")),
        sa.UniqueConstraint("project_id", "uid"),
        sa.UniqueConstraint("project_id", "slug"),
        sa.Index("meter_device", "project_id", "device_id"),
        sa.Index(
            "meter_point",
            "project_id",
            "point_id",
            postgresql_where=sa.text("point_id IS NOT NULL"),
        ),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    slug: str = text_column()
    name: dict[str, str] = document()
    energy: str = text_column()
    device_id: int | None = bigint(nullable=True)
    register_name: str | None = text_column(nullable=True)
    power_name: str | None = text_column(nullable=True)
    nameplate_per_hour: int | None = bigint(nullable=True)
    level: int = smallint(default=3)
    source: str = text_column(default="register")
    point_id: int | None = bigint(nullable=True)
    expression: str | None = text_column(nullable=True)
    accuracy: Decimal | None = decimal(nullable=True)
    own_product: bool = flag(default=False)
    valid_from: datetime | None = instant(nullable=True)
    valid_to: datetime | None = instant(nullable=True)
    role: str | None = text_column(nullable=True)
    calibrated_until: date | None = day_column(nullable=True)
    asset: str | None = text_column(nullable=True)


class MeterSource(SQLModel, table=True):
    """In [valid_from, valid_to) a meter was read from another point than the one its row names.

    Both are borders of quarter hours; rows of a meter do not overlap.
    """

    __tablename__ = "meter_source"
    __table_args__ = (sa.Index("meter_source_point", "project_id", "point_id"),)
    project_id: int = project_key()
    meter_id: int = bigint(key=True)
    valid_from: datetime = always(key=True)
    valid_to: datetime | None = instant(nullable=True)
    point_id: int = bigint()


class NodeMeter(SQLModel, table=True):
    """A node's account of an energy is the sum of coefficient x meter over the rows that hold.

    A row holds in [valid_from, valid_to), cut at quarter hours; rows of one node and meter never
    overlap.
    """

    __tablename__ = "node_meter"
    __table_args__ = (sa.Index("node_meter_meter", "project_id", "meter_id"),)
    project_id: int = project_key()
    node_id: int = bigint(key=True)
    meter_id: int = bigint(key=True)
    coefficient: Decimal = decimal(default=1)
    valid_from: datetime = always(key=True)
    valid_to: datetime | None = instant(nullable=True)


class Conversion(SQLModel, table=True):
    """A node where one energy becomes another: boiler, transformer, compressor station.

    `inputs` and `outputs` are numbers of meters, `params` what its kind needs (rated power, losses,
    enthalpies). Rows of one node and kind never overlap.
    """

    __tablename__ = "conversion"
    __table_args__ = (sa.UniqueConstraint("project_id", "uid"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    node_id: int = bigint()
    kind: str = text_column()
    inputs: list[int] = document()
    outputs: list[int] = document()
    params: dict[str, object] = document()
    valid_from: datetime = instant()
    valid_to: datetime | None = instant(nullable=True)


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
