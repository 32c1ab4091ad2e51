"""Stocks, readings that people take, and files of both: what comes by hand."""

import uuid
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    decimal,
    document,
    identity_key,
    instant,
    project_key,
    public_id,
    text_column,
)


class StockDocument(SQLModel, table=True):
    """A dated fact of a stock: `kind` delivery, count or sale; never changed, only reversed.

    `quantity` and `unit` as the paper says, `qty` in the energy's smallest unit. `price` per `unit`
    in `currency`, `calorific_value` in `calorific_unit` (MJ/kg, kcal/kg, kgce/t ...) of the batch.
    A document with `reverses_id` takes that one back and counts for nothing itself.
    """

    __tablename__ = "stock_document"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.UniqueConstraint("project_id", "reverses_id"),
        sa.Index("stock_document_meter", "project_id", "meter_id", "ts"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    meter_id: int = bigint()
    kind: str = text_column()
    ts: datetime = instant()
    quantity: Decimal = decimal()
    unit: str = text_column()
    qty: int = bigint()
    price: Decimal | None = decimal(nullable=True)
    currency: str | None = text_column(nullable=True)
    calorific_value: Decimal | None = decimal(nullable=True)
    calorific_unit: str | None = text_column(nullable=True)
    supplier: str | None = text_column(nullable=True)
    reference: str | None = text_column(nullable=True)
    note: str | None = text_column(nullable=True)
    reverses_id: int | None = bigint(nullable=True)
    import_id: int | None = bigint(nullable=True)
    recorded_by: int | None = bigint(nullable=True)
    recorded_at: datetime = instant()


class StockRule(SQLModel, table=True):
    """How a stock's consumption between counts is spread over time; `even` without a row.

    `rule`: even, working (time of `node_id`'s shifts) or profile (as meter `profile_id` used).
    `per_day` in the smallest unit goes on after the last count as an estimate; null: nothing does.
    """

    __tablename__ = "stock_rule"
    project_id: int = project_key()
    meter_id: int = bigint(key=True)
    rule: str = text_column(default="even")
    node_id: int | None = bigint(nullable=True)
    profile_id: int | None = bigint(nullable=True)
    per_day: int | None = bigint(nullable=True)


class HandReading(SQLModel, table=True):
    """A register that a person read: what was entered, by whom, and whether it was withdrawn.

    The reading itself is a row of `reading` at `ts` with quality manual; a withdrawn one is
    excluded by the register event `event_id`.
    """

    __tablename__ = "hand_reading"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.Index("hand_reading_meter", "project_id", "meter_id", "ts"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    meter_id: int = bigint()
    point_id: int = bigint()
    ts: datetime = instant()
    value: Decimal = decimal()
    note: str | None = text_column(nullable=True)
    import_id: int | None = bigint(nullable=True)
    entered_by: int | None = bigint(nullable=True)
    entered_at: datetime = instant()
    withdrawn_by: int | None = bigint(nullable=True)
    withdrawn_at: datetime | None = instant(nullable=True)
    event_id: int | None = bigint(nullable=True)


class SheetImport(SQLModel, table=True):
    """A file of readings, interval values, stock documents or production: looked at, then applied.

    `state`: checked, applied or failed. `content` is kept until it is applied; `findings` is the
    dry run's answer. One file of one kind is applied once (`sha256`).
    """

    __tablename__ = "sheet_import"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.Index(
            "sheet_import_applied",
            "project_id",
            "kind",
            "sha256",
            unique=True,
            postgresql_where=sa.text("state = 'applied'"),
        ),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    kind: str = text_column()
    name: str = text_column()
    sha256: str = text_column()
    state: str = text_column()
    content: bytes | None = Field(default=None, sa_column=sa.Column(sa.LargeBinary, nullable=True))
    findings: dict[str, object] = document()
    mode: str | None = text_column(nullable=True)
    rows_applied: int | None = bigint(nullable=True)
    created_by: int = bigint()
    created_at: datetime = instant()
    applied_by: int | None = bigint(nullable=True)
    applied_at: datetime | None = instant(nullable=True)
