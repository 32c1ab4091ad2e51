"""Equipment: what says whether it is off, idle or under load, and the hours it was."""

from datetime import datetime
from decimal import Decimal

from sqlmodel import SQLModel

from backend.core.tables.columns import (
    bigint,
    decimal,
    instant,
    project_key,
    smallint,
    text_column,
)


class Equipment(SQLModel, table=True):
    """How a node's states are told: off < `standby_kw` <= idle < `load_kw` <= load.

    By the power point of `meter_id`, or by a status point (0 off, 1 idle, 2 and above load). A
    state counts once it has lasted `dwell_s`. `kind` says which specific figure it has; what is of
    one `twin_group` is compared. Hours computed before `changed_at` are computed anew.
    """

    __tablename__ = "equipment"
    project_id: int = project_key()
    node_id: int = bigint(key=True)
    kind: str = text_column()
    meter_id: int = bigint()
    status_point_id: int | None = bigint(nullable=True)
    standby_kw: Decimal = decimal()
    load_kw: Decimal = decimal()
    rated_kw: Decimal | None = decimal(nullable=True)
    dwell_s: int = bigint()
    twin_group: str | None = text_column(nullable=True)
    changed_at: datetime = instant()


class EquipmentInterval(SQLModel, table=True):
    """A stretch in one state (0 off, 1 idle, 2 load, 3 unknown), cut at hours of UTC."""

    __tablename__ = "equipment_interval"
    project_id: int = project_key()
    node_id: int = bigint(key=True)
    start_ts: datetime = instant(key=True)
    end_ts: datetime = instant()
    state: int = smallint()


class EquipmentHour(SQLModel, table=True):
    """One hour of UTC: seconds in each state, starts, energy (mWh) while running and of it while
    idle, and the money of idling.

    `idle_cost` is null where a quarter hour has no price; `samples` are the readings it stands on;
    `seen_at` is the newest accounting or definition that it stands on.
    """

    __tablename__ = "equipment_hour"
    project_id: int = project_key()
    node_id: int = bigint(key=True)
    start_ts: datetime = instant(key=True)
    off_s: int = bigint()
    idle_s: int = bigint()
    load_s: int = bigint()
    unknown_s: int = bigint()
    starts: int = bigint()
    run_qty: int = bigint()
    idle_qty: int = bigint()
    idle_cost: Decimal | None = decimal(nullable=True)
    samples: int = bigint()
    seen_at: datetime = instant()
