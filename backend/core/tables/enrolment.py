"""How gateways came to their certificates: one-time codes, certificates issued, who did what."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    identity_key,
    instant,
    project_key,
    text_column,
)


class EnrolmentCode(SQLModel, table=True):
    """A one-time code of a gateway; only its SHA-256 is kept. Ended = used, or replaced."""

    __tablename__ = "enrolment_code"
    __table_args__ = (sa.UniqueConstraint("project_id", "code_hash"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    gateway_id: int = bigint()
    code_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    created_at: datetime = instant()
    expires_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class GatewayCertificate(SQLModel, table=True):
    """A certificate that was issued to a gateway. The broker admits those of these rows that are
    neither revoked nor ended. `fingerprint` is the SHA-256 of its DER, both numbers are in hex.
    """

    __tablename__ = "gateway_certificate"
    __table_args__ = (sa.UniqueConstraint("project_id", "fingerprint"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    gateway_id: int = bigint()
    fingerprint: str = text_column()
    serial: str = text_column()
    issued_at: datetime = instant()
    not_after: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)


class EnrolmentEvent(SQLModel, table=True):
    """Who did what about a gateway's enrolment: code_created, enrolled, renewed, revoked.

    `person_id` is null for what a gateway did itself, `address` is where it came from, `detail`
    the serial number of the certificate.
    """

    __tablename__ = "enrolment_event"
    project_id: int = project_key()
    id: int | None = identity_key()
    gateway_id: int = bigint()
    what: str = text_column()
    at: datetime = instant()
    person_id: int | None = bigint(nullable=True)
    address: str = text_column(default="")
    detail: str = text_column(default="")
