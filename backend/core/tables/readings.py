"""Readings and what ingest keeps beside them: last values, dirty ranges, quarantine, imports."""

import uuid
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    array,
    bigint,
    day_key,
    double,
    identity_key,
    instant,
    made_id,
    project_key,
    public_id,
    recorded,
    smallint,
    text_column,
    yes_or_no,
)


class Reading(SQLModel, table=True):
    """One sample at its sample time. Partitioned by month on `ts`, no default partition."""

    __tablename__ = "reading"
    __table_args__ = ({"postgresql_partition_by": "RANGE (ts)"},)
    project_id: int = project_key()
    point_id: int = bigint(key=True)
    ts: datetime = instant(key=True)
    value: float = Field(sa_column=sa.Column(sa.Double, nullable=False))
    quality: int = smallint(default=0)


class ReadingDay(SQLModel, table=True):
    """The samples of a point's closed UTC day as arrays of deltas (`acquisition/day_codec.py`).

    Times: `first_ts` and steps in `unit_us` (none: each is 1). Values: whole numbers from `base` in
    steps over `divisor`, or floats as they are. `quality` begins anew at the places
    `quality_from`; none = all good. A sample is here or in `reading`, never in both.
    """

    __tablename__ = "reading_day"
    project_id: int = project_key()
    point_id: int = bigint(key=True)
    day: date = day_key()
    count: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    first_ts: datetime = instant()
    unit_us: int = bigint()
    base: int = bigint()
    divisor: float = Field(sa_column=sa.Column(sa.Double, nullable=False))
    times_2: list[int] | None = array(sa.SmallInteger)
    times_4: list[int] | None = array(sa.Integer)
    times_8: list[int] | None = array(sa.BigInteger)
    values_2: list[int] | None = array(sa.SmallInteger)
    values_4: list[int] | None = array(sa.Integer)
    values_8: list[int] | None = array(sa.BigInteger)
    floats_4: list[float] | None = array(sa.REAL)
    floats_8: list[float] | None = array(sa.Double)
    quality_from: list[int] | None = array(sa.Integer)
    quality: list[int] | None = array(sa.SmallInteger)


class ReadingLate(SQLModel, table=True):
    """Samples older than the hot window that ingest has taken; on their way into `reading_day`."""

    __tablename__ = "reading_late"
    project_id: int = project_key()
    point_id: int = bigint(key=True)
    ts: datetime = instant(key=True)
    value: float = Field(sa_column=sa.Column(sa.Double, nullable=False))
    quality: int = smallint()


class LastValue(SQLModel, table=True):
    """The newest sample of a point."""

    __tablename__ = "last_value"
    project_id: int = project_key()
    point_id: int = bigint(key=True)
    ts: datetime = instant()
    value: float = Field(sa_column=sa.Column(sa.Double, nullable=False))
    quality: int = smallint(default=0)


class ReadingQuarantine(SQLModel, table=True):
    """Samples outside [oldest partition, now + 5 min]: acknowledged, counted, re-importable."""

    __tablename__ = "reading_quarantine"
    project_id: int = project_key()
    id: int | None = identity_key()
    gateway_id: int | None = bigint(nullable=True)
    point_id: int = bigint()
    ts: datetime = instant()
    value: float = Field(sa_column=sa.Column(sa.Double, nullable=False))
    quality: int = smallint(default=0)
    reason: str = text_column()
    received_at: datetime = instant()


class Dirty(SQLModel, table=True):
    """A range of a register point whose accounts must be recomputed; written in the readings'
    transaction. `since` by the database's clock.
    """

    __tablename__ = "dirty"
    __table_args__ = (sa.Index("dirty_newest", "project_id", "last_ts"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    point_id: int = bigint()
    first_ts: datetime = instant()
    last_ts: datetime = instant()
    since: datetime = recorded()


class Stale(SQLModel, table=True):
    """Accounts in [first_ts, last_ts) that wait to be made again from what is below them.

    Of a node or a virtual meter; of another meter only its longer periods. `whole`: all of it
    counts as changed, because people changed what it is made of. `since` by the database's clock.
    """

    __tablename__ = "stale"
    __table_args__ = (sa.Index("stale_newest", "project_id", "last_ts"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    scope: int = smallint()
    scope_id: int = bigint()
    energy: str = text_column()
    first_ts: datetime = instant()
    last_ts: datetime = instant()
    whole: bool = yes_or_no()
    since: datetime = recorded()


class RegisterEvent(SQLModel, table=True):
    """What people know of a register that its readings do not say; judged before anything else.

    `kind`: `exchange` at `ts`, the old meter's final and the new one's initial reading in the
    point's unit; `ratio`: readings in [ts, until_ts) count `factor` times; `exclude`: readings in
    [ts, until_ts) are no readings; `changed`: the device says that its serial number or ratio is
    another, accounts from `ts` on are suspect until an exchange, a ratio or a revocation answers
    it (whose `answers` is this row). A revoked event is as if it had never been.
    """

    __tablename__ = "register_event"
    __table_args__ = (sa.Index("register_event_point", "project_id", "point_id", "ts"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    point_id: int = bigint()
    ts: datetime = instant()
    kind: str = text_column()
    final_value: float | None = double()
    initial_value: float | None = double()
    recorded_at: datetime = instant()
    recorded_by: int | None = bigint(nullable=True)
    uid: uuid.UUID = made_id()
    until_ts: datetime | None = instant(nullable=True)
    factor: str | None = text_column(nullable=True)
    note: str | None = text_column(nullable=True)
    restatement_id: int | None = bigint(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)
    answers: int | None = bigint(nullable=True)


class ImportJob(SQLModel, table=True):
    """A bulk import of readings and its progress."""

    __tablename__ = "import_job"
    __table_args__ = (sa.UniqueConstraint("project_id", "uid"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    source: str = text_column()
    state: str = text_column()
    rows_total: int | None = bigint(nullable=True)
    rows_done: int = bigint(default=0)
    rows_rejected: int = bigint(default=0)
    error: str | None = text_column(nullable=True)
    created_at: datetime = instant()
    finished_at: datetime | None = instant(nullable=True)
