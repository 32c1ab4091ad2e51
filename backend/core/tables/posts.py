"""Devices that several people share at a post, and what they take them with: global tables."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import bigint, instant, text_column, words


class SharedDevice(SQLModel, table=True):
    """A phone or tablet of a post: what whoever holds it may do at most, and where.

    Of its one-time code and of the credential that the device keeps only the SHA-256 is stored.
    A session ends `idle_s` seconds after its holder last touched the device.
    """

    __tablename__ = "shared_device"
    __table_args__ = (
        sa.Index("shared_device_project", "project_id"),
        sa.UniqueConstraint("code_hash"),
        sa.UniqueConstraint("credential_hash"),
    )
    uid: uuid.UUID = Field(sa_column=sa.Column(sa.Uuid, primary_key=True))
    project_id: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    name: str = text_column()
    role: str = text_column()
    node_id: int | None = bigint(nullable=True)
    modules: list[str] | None = words(nullable=True)
    idle_s: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    made_by: int = bigint()
    made_at: datetime = instant()
    code_hash: bytes | None = Field(default=None, sa_column=sa.Column(sa.LargeBinary))
    code_expires_at: datetime = instant()
    credential_hash: bytes | None = Field(default=None, sa_column=sa.Column(sa.LargeBinary))
    enrolled_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)


class PersonBadge(SQLModel, table=True):
    """A badge: the QR code with which somebody takes a device of the project; its SHA-256."""

    __tablename__ = "person_badge"
    __table_args__ = (sa.Index("person_badge_person", "project_id", "person_id"),)
    badge_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, primary_key=True))
    project_id: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    person_id: int = bigint()
    made_by: int = bigint()
    made_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)


class PersonPin(SQLModel, table=True):
    """The argon2id hash of the six digits with which somebody takes a shared device."""

    __tablename__ = "person_pin"
    person_id: int = bigint(key=True)
    pin_hash: str = text_column()
    set_at: datetime = instant()
