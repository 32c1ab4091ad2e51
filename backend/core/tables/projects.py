"""What belongs to projects as such, and who looks after all of them."""

import uuid
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    day_key,
    identity_key,
    instant,
    number,
    project_key,
    public_id,
    text_column,
)


class ProjectLogo(SQLModel, table=True):
    """A project's picture, PNG or WebP, as its members see it."""

    __tablename__ = "project_logo"
    project_id: int = project_key()
    content: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    media_type: str = text_column()
    sha256: str = text_column()
    changed_at: datetime = instant()


class ProjectExport(SQLModel, table=True):
    """An archive of the project that somebody asked for: waiting, running, done or failed."""

    __tablename__ = "project_export"
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    state: str = text_column()
    tables_done: int = number(default=0)
    bytes: int = bigint(default=0)
    sha256: str | None = text_column(nullable=True)
    person_id: int = bigint()
    created_at: datetime = instant()
    done_at: datetime | None = instant(nullable=True)


class ProjectExportPart(SQLModel, table=True):
    """A part of an archive, in the order of its number."""

    __tablename__ = "project_export_part"
    project_id: int = project_key()
    export_id: int = bigint(key=True)
    number: int = Field(sa_column=sa.Column(sa.Integer, primary_key=True, autoincrement=False))
    content: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))


class PlatformOperator(SQLModel, table=True):
    """Somebody who looks after the platform: its projects, not what is in them."""

    __tablename__ = "platform_operator"
    person_id: int = bigint(key=True)
    since: datetime = instant()


class ProjectQuota(SQLModel, table=True):
    """What a project may use; 0, as without a row: without a limit."""

    __tablename__ = "project_quota"
    project_id: int = Field(sa_column=sa.Column(sa.Integer, primary_key=True, autoincrement=False))
    points_per_s: int = number(default=0)
    storage_mb: int = number(default=0)
    people: int = number(default=0)
    messages_per_day: int = number(default=0)


class ProjectUse(SQLModel, table=True):
    """What a project used on a day (UTC), counted: points sent and refused, notifications."""

    __tablename__ = "project_use"
    project_id: int = Field(sa_column=sa.Column(sa.Integer, primary_key=True, autoincrement=False))
    day: date = day_key()
    points: int = bigint(default=0)
    refused: int = bigint(default=0)
    refused_at: datetime | None = instant(nullable=True)
    messages: int = bigint(default=0)
    messages_refused: int = bigint(default=0)
