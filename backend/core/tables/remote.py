"""What people ask of gateways from afar, and the audit: commands, configuration documents, uploaded
device profiles.
"""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    document,
    double,
    identity_key,
    instant,
    project_key,
    public_id,
    text_column,
)


class Command(SQLModel, table=True):
    """Something asked of a gateway, and how far it is. `uid` is the asker's key: asked twice, done
    once. `kind` is write, update, grant or a kind of question; `state_at` is the gateway's time.
    """

    __tablename__ = "command"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.Index("command_gateway", "project_id", "gateway_id", "id"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    gateway_id: int = bigint()
    kind: str = text_column(default="write")
    device_id: int | None = bigint(nullable=True)
    point: str | None = text_column(nullable=True)
    value: float | None = double()
    expected: float | None = double()
    params: dict[str, object] | None = document(nullable=True)
    not_after: datetime = instant()
    person_id: int = bigint()
    actor: str = text_column()
    created_at: datetime = instant()
    sent_at: datetime | None = instant(nullable=True)
    state: str = text_column(default="waiting")
    code: str | None = text_column(nullable=True)
    old_value: float | None = double()
    read_value: float | None = double()
    answer: dict[str, object] | None = document(nullable=True)
    state_at: datetime | None = instant(nullable=True)
    finished_at: datetime | None = instant(nullable=True)


class AuditEntry(SQLModel, table=True):
    """Who did what, when, with what result. No role may change or delete a row, and each carries
    the hash of the one before. `old` and `new` are JSON as text, because the hash is over it.
    """

    __tablename__ = "audit"
    __table_args__ = (sa.Index("audit_ref", "project_id", "ref"),)
    project_id: int = project_key()
    number: int = bigint(key=True)
    at: datetime = instant()
    person_id: int | None = bigint(nullable=True)
    actor: str = text_column()
    action: str = text_column()
    ref: str = text_column()
    old: str | None = text_column(nullable=True)
    new: str | None = text_column(nullable=True)
    result: str = text_column()
    hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))


class AuditTold(SQLModel, table=True):
    """Up to which entry a log server was told of a project's audit."""

    __tablename__ = "audit_told"
    project_id: int = project_key()
    number: int = bigint()


class AuditFile(SQLModel, table=True):
    """A month of the audit that was moved into a file: which entries, the hash before the first and
    that of the last, and the file's own. No role but the owner writes it.
    """

    __tablename__ = "audit_file"
    __table_args__ = (sa.UniqueConstraint("project_id", "month"),)
    project_id: int = project_key()
    last_number: int = bigint(key=True)
    first_number: int = bigint()
    month: str = text_column()
    before_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    head_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    sha256: str = text_column()
    bytes: int = bigint()
    moved_at: datetime = instant()


class GatewayConfig(SQLModel, table=True):
    """One version of a gateway's configuration document, and what the gateway did with it."""

    __tablename__ = "gateway_config"
    project_id: int = project_key()
    gateway_id: int = bigint(key=True)
    version: int = bigint(key=True)
    hash: str = text_column()
    content: str = text_column()
    note: str = text_column(default="")
    person_id: int = bigint()
    created_at: datetime = instant()
    sent_at: datetime | None = instant(nullable=True)
    state: str = text_column(default="waiting")
    state_at: datetime | None = instant(nullable=True)
    problems: list[str] | None = document(nullable=True)


class DeviceProfile(SQLModel, table=True):
    """A device profile that a project brought itself: YAML text under `vendor/model`."""

    __tablename__ = "device_profile"
    project_id: int = project_key()
    name: str = text_column(key=True)
    hash: str = text_column()
    text: str = text_column()
    person_id: int = bigint()
    uploaded_at: datetime = instant()


class GatewayRelease(SQLModel, table=True):
    """A signed release of the gateway's software that somebody brought, by the SHA-256 of its
    file; the gateways judge the signature.
    """

    __tablename__ = "gateway_release"
    project_id: int = project_key()
    sha256: str = text_column(key=True)
    version: str = text_column()
    min_wire: str = text_column()
    content: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    person_id: int = bigint()
    uploaded_at: datetime = instant()


__all__ = ["AuditEntry", "Command", "DeviceProfile", "GatewayConfig", "GatewayRelease"]
