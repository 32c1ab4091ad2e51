"""Exact accounts and what prices them: buckets, calendar, tariffs, factors."""

import uuid
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    day_column,
    decimal,
    document,
    identity_key,
    instant,
    made_id,
    project_key,
    public_id,
    smallint,
    text_column,
)


class Account(SQLModel, table=True):
    """One bucket of (scope x energy x period): integer quantity in the energy's smallest unit.

    scope 1 = meter, 2 = node; period 1 = quarter hour, 2 = hour, 3 = day, 4 = month, 5 = year,
    6 = week, 7 = shift. `measured_s` of its `expected_s` meter-seconds stand on readings, not on an
    estimate; a node expects them of its silent meters too.
    `kgce`, `kgco2` and `cost` sum the exact products of the quarter hours, null where no factor or
    price applies; `estimated_qty` is the part of `qty` that was interpolated over a gap.
    """

    __tablename__ = "account"
    __table_args__ = (
        sa.Index(
            "account_ranking",
            "project_id",
            "scope",
            "period",
            "energy",
            "start_ts",
            sa.text("qty DESC"),
            postgresql_where=sa.text("period >= 3"),
        ),
    )
    project_id: int = project_key()
    scope: int = smallint(key=True)
    scope_id: int = bigint(key=True)
    energy: str = text_column(key=True)
    period: int = smallint(key=True)
    start_ts: datetime = instant(key=True)
    end_ts: datetime = instant()
    qty: int = bigint()
    estimated_qty: int = bigint(default=0)
    quality: int = smallint(default=0)
    kgce: Decimal | None = decimal(nullable=True)
    kgco2: Decimal | None = decimal(nullable=True)
    cost: Decimal | None = decimal(nullable=True)
    updated_at: datetime = instant()
    measured_s: int = bigint(default=0)
    expected_s: int = bigint(default=0)


class AccountRate(SQLModel, table=True):
    """How fast a project is accounted: quarter hours of meters since `began`, and `rate` a second.

    By the database's clock.
    """

    __tablename__ = "account_rate"
    project_id: int = project_key()
    began: datetime = instant()
    rows: int = bigint()
    rate: float = Field(sa_column=sa.Column(sa.Double, nullable=False))
    at: datetime = instant()


class AccountHistory(SQLModel, table=True):
    """What a restatement replaced: the row that was current before `version`.

    Null figures: there was no account then. As of version v a row is the one of the smallest
    version above v, else the current one.
    """

    __tablename__ = "account_history"
    __table_args__ = (
        sa.Index(
            "account_history_month",
            "project_id",
            "version",
            postgresql_where=sa.text("period = 4"),
        ),
    )
    project_id: int = project_key()
    scope: int = smallint(key=True)
    scope_id: int = bigint(key=True)
    energy: str = text_column(key=True)
    period: int = smallint(key=True)
    start_ts: datetime = instant(key=True)
    version: int = bigint(key=True)
    end_ts: datetime = instant()
    qty: int | None = bigint(nullable=True)
    estimated_qty: int | None = bigint(nullable=True)
    quality: int | None = smallint(nullable=True)
    kgce: Decimal | None = decimal(nullable=True)
    kgco2: Decimal | None = decimal(nullable=True)
    cost: Decimal | None = decimal(nullable=True)
    measured_s: int | None = bigint(nullable=True)
    expected_s: int | None = bigint(nullable=True)
    updated_at: datetime | None = instant(nullable=True)


class Restatement(SQLModel, table=True):
    """A change with effect in the past: proposed with its difference, decided, then a version.

    `state`: proposed, approved, applying, applied, rejected or failed. `change` is what is changed
    (kind and its parameters), `difference` what the dry run found by month, node and energy, null
    until it has run. Accounts in [first_ts, last_ts) may move; `work` are the dirty ranges that an
    applying one waits for. `answer` is the reason of the decision, `fault` why it failed (code and
    parameters), `undo` what its kind needs to take it back.
    """

    __tablename__ = "restatement"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.Index("restatement_version", "project_id", "version", unique=True),
        sa.Index("restatement_open", "project_id", "state"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    version: int | None = bigint(nullable=True)
    state: str = text_column()
    change: dict[str, object] = document()
    reason: str = text_column()
    first_ts: datetime = instant()
    last_ts: datetime = instant()
    difference: list[object] | None = document(nullable=True)
    proposed_by: int = bigint()
    proposed_at: datetime = instant()
    decided_by: int | None = bigint(nullable=True)
    decided_at: datetime | None = instant(nullable=True)
    applied_at: datetime | None = instant(nullable=True)
    work: dict[str, object] | None = document(nullable=True)
    started_at: datetime | None = instant(nullable=True)
    answer: str | None = text_column(nullable=True)
    fault: dict[str, object] | None = document(nullable=True)
    undo: dict[str, object] | None = document(nullable=True)


class RegisterJudgement(SQLModel, table=True):
    """How readings that do not simply go on from the one before were judged (cases.md).

    `kind`: exchange, wrap, reset, jump, dip, zero, spike, or held while it is open. One row an
    episode: `ts` is its first reading, `until_ts` the reading that settled it (null while held).
    A reading in [ts, until_ts) is no place to start reading the register from. Values in the
    point's unit: the accepted value before, the judged value, and what the judgement adds.
    """

    __tablename__ = "register_judgement"
    project_id: int = project_key()
    point_id: int = bigint(key=True)
    ts: datetime = instant(key=True)
    kind: str = text_column()
    before_value: Decimal = decimal()
    after_value: Decimal = decimal()
    offset_value: Decimal = decimal()
    until_ts: datetime | None = instant(nullable=True)


class CalendarPeriod(SQLModel, table=True):
    """A business hour, day, week, month or year of the project as UTC bounds; joined, never
    computed in SQL.
    """

    __tablename__ = "calendar_period"
    __table_args__ = (sa.Index("calendar_period_end", "project_id", "period", "end_ts"),)
    project_id: int = project_key()
    period: int = smallint(key=True)
    start_ts: datetime = instant(key=True)
    end_ts: datetime = instant()
    label: str = text_column()


class ShiftPeriod(SQLModel, table=True):
    """One shift of one team at a node as UTC bounds, cut at quarter hours.

    Rows of a node follow each other without gaps: one whose shift and team are '' is time that
    nobody works. `day` is the business day of the plant that the shift belongs to (null where an
    earlier version laid it).
    """

    __tablename__ = "shift_period"
    project_id: int = project_key()
    node_id: int = bigint(key=True)
    start_ts: datetime = instant(key=True)
    end_ts: datetime = instant()
    shift: str = text_column()
    team: str = text_column()
    day: date | None = day_column(nullable=True)


class DemandPeak(SQLModel, table=True):
    """The highest demand (kW) of one hour by the supply contract's method, and when it was reached.

    `kw` is null where the readings cover no window; `seen_at` is the newest accounting it stands
    on.
    """

    __tablename__ = "demand_peak"
    project_id: int = project_key()
    node_id: int = bigint(key=True)
    start_ts: datetime = instant(key=True)
    kw: Decimal | None = decimal(nullable=True)
    at: datetime | None = instant(nullable=True)
    seen_at: datetime = instant()


class Tariff(SQLModel, table=True):
    """Time-of-use tariff of one energy: bands by month and local time, prices per display unit."""

    __tablename__ = "tariff"
    project_id: int = project_key()
    id: int | None = identity_key()
    energy: str = text_column()
    name: dict[str, str] = document()
    rules: dict[str, object] = document()
    valid_from: datetime = instant()
    valid_to: datetime | None = instant(nullable=True)
    source: str = text_column()
    confirmed_by: str | None = text_column(nullable=True)
    confirmed_at: datetime | None = instant(nullable=True)


class TariffSlot(SQLModel, table=True):
    """The price of one quarter hour, per display unit, with its band (sharp, peak, flat, valley,
    deep).
    """

    __tablename__ = "tariff_slot"
    project_id: int = project_key()
    energy: str = text_column(key=True)
    start_ts: datetime = instant(key=True)
    tariff_id: int = bigint()
    band: str = text_column()
    price: Decimal = decimal()


class Factor(SQLModel, table=True):
    """A conversion factor per display unit; versions of one energy, substance and basis follow each
    other without overlap. `confirmed_by` is the outside identity of the person who did.
    """

    __tablename__ = "factor"
    __table_args__ = (sa.UniqueConstraint("project_id", "uid"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    energy: str = text_column()
    substance: str = text_column()
    value: Decimal = decimal()
    basis: str = text_column()
    valid_from: datetime = instant()
    valid_to: datetime | None = instant(nullable=True)
    source: str = text_column()
    confirmed_by: str | None = text_column(nullable=True)
    confirmed_at: datetime | None = instant(nullable=True)
    uid: uuid.UUID = made_id()
