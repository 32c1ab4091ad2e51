"""What belongs to projects as such, and who looks after all of them."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    day_key,
    instant,
    number,
    project_key,
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
