"""Groups of projects: global tables of who is in one, tenant tables of what a project consented."""

import uuid
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    day_column,
    day_key,
    identity_key,
    instant,
    project_key,
    public_id,
    text_column,
    words,
    yes_or_no,
)


class ProjectGroup(SQLModel, table=True):
    """Several projects that somebody looks at together, as far as each consents."""

    __tablename__ = "project_group"
    __table_args__ = (sa.UniqueConstraint("uid"),)
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    name: str = text_column()
    made_by: int = bigint()
    made_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class GroupPerson(SQLModel, table=True):
    """Who is in a group; owners say who else is, and invite projects."""

    __tablename__ = "group_person"
    __table_args__ = (sa.Index("group_person_person", "person_id"),)
    group_id: int = bigint(key=True)
    person_id: int = bigint(key=True)
    owner: bool = yes_or_no()
    since: datetime = instant()


class GroupInvitation(SQLModel, table=True):
    """A one-time link of a group: for a project, or for a person who becomes its reader or owner.

    Only the token's SHA-256 is stored.
    """

    __tablename__ = "group_invitation"
    __table_args__ = (sa.Index("group_invitation_group", "group_id"), sa.UniqueConstraint("uid"))
    token_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, primary_key=True))
    uid: uuid.UUID = public_id()
    group_id: int = bigint()
    kind: str = text_column()
    note: str = text_column(default="")
    invited_by: int = bigint()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(nullable=True)
    used_by: int | None = bigint(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)


class GroupProject(SQLModel, table=True):
    """Where a group looks for consents (directory only); what it is told stands in the consent."""

    __tablename__ = "group_project"
    __table_args__ = (sa.Index("group_project_project", "project_id"),)
    group_id: int = bigint(key=True)
    project_id: int = Field(sa_column=sa.Column(sa.Integer, primary_key=True, nullable=False))


class GroupConsent(SQLModel, table=True):
    """What a project lets a group see: some roll-ups of the plant as a whole, from a day on.

    One that goes on is never changed: it ends, and another begins.
    """

    __tablename__ = "group_consent"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.Index(
            "group_consent_going",
            "project_id",
            "group_id",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    group_id: int = bigint()
    rollups: list[str] = words()
    since: date = day_column()
    given_by: int = bigint()
    given_at: datetime = instant()
    ended_by: int | None = bigint(nullable=True)
    ended_at: datetime | None = instant(nullable=True)


class GroupLook(SQLModel, table=True):
    """On which day (UTC) somebody of a group was told figures of the project."""

    __tablename__ = "group_look"
    project_id: int = project_key()
    group_id: int = bigint(key=True)
    person_id: int = bigint(key=True)
    day: date = day_key()
    first_at: datetime = instant()
