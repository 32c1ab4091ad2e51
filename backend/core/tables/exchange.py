"""What is exchanged with programs of others: lists of meters, webhooks, answers to repeats."""

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
    smallint,
    text_column,
    words,
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


class AnsweredRequest(SQLModel, table=True):
    """What a request with an Idempotency-Key was answered, in the transaction of what it did.

    `credential` is empty for the person, else the key or post by which they asked; `digest` is the
    SHA-256 of the request, `body` is sealed.
    """

    __tablename__ = "answered_request"
    __table_args__ = (sa.Index("answered_request_at", "project_id", "at"),)
    project_id: int = project_key()
    person_id: int = bigint(key=True)
    credential: str = text_column(key=True)
    key: str = text_column(key=True)
    digest: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    status: int = smallint()
    headers: dict[str, str] = document()
    body: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    at: datetime = instant()


class Webhook(SQLModel, table=True):
    """Where events of a project are told by HTTP. `position`: number of the last event looked at.

    `secret` signs; the one it replaced signs beside it until `old_until`.
    """

    __tablename__ = "webhook"
    __table_args__ = (sa.UniqueConstraint("project_id", "uid"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    url: str = text_column()
    kinds: list[str] = words()
    secret: str = text_column()
    old_secret: str | None = text_column(nullable=True)
    old_until: datetime | None = instant(nullable=True)
    position: int = bigint()
    created_by: int = bigint()
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class WebhookDelivery(SQLModel, table=True):
    """One event for one webhook, however often it is tried. `state`: pending, sent or dead.

    `status` and `error` are of the last try.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.UniqueConstraint("project_id", "webhook_id", "number"),
        sa.Index(
            "webhook_delivery_due",
            "project_id",
            "next_at",
            postgresql_where=sa.text("state = 'pending'"),
        ),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    webhook_id: int = bigint()
    number: int = bigint()
    kind: str = text_column()
    ref: str = text_column()
    at: datetime = instant()
    state: str = text_column()
    tries: int = smallint(default=0)
    next_at: datetime = instant()
    status: int | None = smallint(nullable=True)
    error: str | None = text_column(nullable=True)
    sent_at: datetime | None = instant(nullable=True)
