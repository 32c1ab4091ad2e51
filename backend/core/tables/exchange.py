"""What is exchanged with programs and spreadsheets of others: lists of meters."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    document,
    identity_key,
    instant,
    project_key,
    public_id,
    text_column,
)


class MeterList(SQLModel, table=True):
    """A meter list that somebody brought. `state`: checked, applied or rolled_back.

    `content` is kept until it is applied, `findings` is the dry run's answer, `undo` what goes back
    to how it was.
    """

    __tablename__ = "meter_list"
    __table_args__ = (sa.UniqueConstraint("project_id", "uid"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    name: str = text_column()
    sha256: str = text_column()
    state: str = text_column()
    content: bytes | None = Field(default=None, sa_column=sa.Column(sa.LargeBinary, nullable=True))
    findings: dict[str, object] = document()
    undo: dict[str, object] | None = document(nullable=True)
    created_by: int = bigint()
    created_at: datetime = instant()
    applied_by: int | None = bigint(nullable=True)
    applied_at: datetime | None = instant(nullable=True)
    rolled_back_by: int | None = bigint(nullable=True)
    rolled_back_at: datetime | None = instant(nullable=True)
