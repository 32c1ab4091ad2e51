"""Who may do what, and by which session, key or invitation: global tables without figures."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    document,
    flag,
    instant,
    made_id,
    public_id,
    smallint,
    text_column,
    words,
)


class ProjectRole(SQLModel, table=True):
    """What the holders of a role may do in a project; `permissions` are values of the enum.

    The ready-made ones come with the project. A role that has ended is given to nobody anew. One
    that asks for a second factor, `second_factor_since`, opens the project only to sessions that
    passed one.
    """

    __tablename__ = "project_role"
    project_id: int = Field(sa_column=sa.Column(sa.Integer, primary_key=True, nullable=False))
    slug: str = text_column(key=True)
    name: dict[str, str] = document()
    permissions: list[str] = words()
    ready_made: bool = flag(default=False)
    ended_at: datetime | None = instant(nullable=True)
    second_factor_since: datetime | None = instant(nullable=True)


class Membership(SQLModel, table=True):
    """Who may open which project in which role (directory only, no figures).

    Limited to what is at or below `node_id` (null: the whole plant) and to `modules` (null: all);
    from `ends_at` on it is none.
    """

    __tablename__ = "membership"
    project_id: int = Field(sa_column=sa.Column(sa.Integer, primary_key=True, nullable=False))
    person_id: int = bigint(key=True)
    role: str = text_column()
    node_id: int | None = bigint(nullable=True)
    modules: list[str] | None = words(nullable=True)
    ends_at: datetime | None = instant(nullable=True)


class SignInSession(SQLModel, table=True):
    """An opaque server-side session; only the token's SHA-256 is stored.

    On a shared device (`device_uid`) it is limited to `node_id`, found to lie at or below `within`,
    the person's own place; `tap_hash` proves afterwards what was tapped in it without a network.

    `strong`: a second factor was passed. `proved_at`: when the person proved anew who they are.
    """

    __tablename__ = "sign_in_session"
    __table_args__ = (
        sa.Index("sign_in_session_person", "person_id"),
        sa.Index(
            "sign_in_session_device",
            "device_uid",
            postgresql_where=sa.text("device_uid IS NOT NULL"),
        ),
    )
    token_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, primary_key=True))
    person_id: int = bigint()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    last_seen_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)
    bearer: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    user_agent: str | None = text_column(nullable=True)
    uid: uuid.UUID = made_id()
    address: str = text_column(default="")
    device_uid: uuid.UUID | None = Field(default=None, sa_column=sa.Column(sa.Uuid, nullable=True))
    tap_hash: bytes | None = Field(default=None, sa_column=sa.Column(sa.LargeBinary))
    node_id: int | None = bigint(nullable=True)
    within: int | None = bigint(nullable=True)
    strong: bool = flag(default=False)
    proved_at: datetime | None = instant(nullable=True)


class ApiKey(SQLModel, table=True):
    """A key of a program: acts for who made it, with these permissions within this limit.

    Only the key's SHA-256 is stored.
    """

    __tablename__ = "api_key"
    __table_args__ = (sa.Index("api_key_project", "project_id"), sa.UniqueConstraint("uid"))
    key_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, primary_key=True))
    uid: uuid.UUID = public_id()
    project_id: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    person_id: int = bigint()
    name: str = text_column()
    permissions: list[str] = words()
    node_id: int | None = bigint(nullable=True)
    modules: list[str] | None = words(nullable=True)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    last_used_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)


class Invitation(SQLModel, table=True):
    """A one-time link into a project; whoever accepts it gets this role within this limit.

    The membership that comes of it ends at `ends_at`.
    """

    __tablename__ = "invitation"
    __table_args__ = (sa.Index("invitation_project", "project_id"), sa.UniqueConstraint("uid"))
    token_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, primary_key=True))
    uid: uuid.UUID = public_id()
    project_id: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    role: str = text_column()
    node_id: int | None = bigint(nullable=True)
    modules: list[str] | None = words(nullable=True)
    note: str = text_column(default="")
    invited_by: int = bigint()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    accepted_at: datetime | None = instant(nullable=True)
    accepted_by: int | None = bigint(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)
    ends_at: datetime | None = instant(nullable=True)


class Delegation(SQLModel, table=True):
    """What somebody hands to another member for a while: some of their permissions in a place.

    It never gives more than `given_by` has at that moment.
    """

    __tablename__ = "delegation"
    __table_args__ = (
        sa.Index("delegation_person", "person_id"),
        sa.Index("delegation_project", "project_id"),
    )
    uid: uuid.UUID = Field(sa_column=sa.Column(sa.Uuid, primary_key=True))
    project_id: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    given_by: int = bigint()
    person_id: int = bigint()
    permissions: list[str] = words()
    node_id: int | None = bigint(nullable=True)
    modules: list[str] | None = words(nullable=True)
    valid_from: datetime = instant()
    valid_to: datetime = instant()
    note: str = text_column(default="")
    made_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)


class SignInFailure(SQLModel, table=True):
    """How often a login was tried in vain from one address since it last signed in from there."""

    __tablename__ = "sign_in_failure"
    login: str = text_column(key=True)
    address: str = text_column(key=True)
    failures: int = smallint()
    last_at: datetime = instant()
