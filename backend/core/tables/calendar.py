"""What people say of a plant's time: shift patterns, operating states, and what is regrouped."""

import uuid
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from backend.core.tables.columns import (
    bigint,
    day_column,
    document,
    flag,
    identity_key,
    instant,
    project_key,
    public_id,
    small_numbers,
    text_column,
)


class ShiftPattern(SQLModel, table=True):
    """A node's shift pattern on the business days [valid_from, valid_to); nodes below inherit it.

    `rule` is a document of `backend.aggregation.shifts`; its rows are those of `shift_period`.
    """

    __tablename__ = "shift_pattern"
    __table_args__ = (sa.UniqueConstraint("project_id", "uid"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    node_id: int = bigint()
    name: dict[str, str] = document()
    rule: dict[str, object] = document()
    valid_from: date = day_column()
    valid_to: date | None = day_column(nullable=True)
    created_at: datetime = instant()


class OperatingState(SQLModel, table=True):
    """What a node does in [start_ts, end_ts), entered by a person or an import.

    `state`: work, rest, makeup, stop, rationed or maintenance. Entered by days it has `first_day`
    and `last_day` (both in it), from which its bounds follow; `de_energised`: no power on purpose.
    """

    __tablename__ = "operating_state"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.Index("operating_state_end", "project_id", "end_ts"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    node_id: int = bigint()
    state: str = text_column()
    start_ts: datetime = instant()
    end_ts: datetime = instant()
    first_day: date | None = day_column(nullable=True)
    last_day: date | None = day_column(nullable=True)
    de_energised: bool = flag(default=False)
    note: str = text_column(default="")
    source: str = text_column(default="person")
    created_at: datetime = instant()


class Regroup(SQLModel, table=True):
    """Quarter hours in [first_ts, last_ts) whose longer periods have to be summed anew.

    `periods` are those that wait; their old accounts are gone already.
    """

    __tablename__ = "regroup"
    project_id: int = project_key()
    id: int | None = identity_key()
    first_ts: datetime = instant()
    last_ts: datetime = instant()
    periods: list[int] = small_numbers()
