"""What belongs to projects as such, and who looks after all of them."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import bigint, instant, project_key, text_column


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
