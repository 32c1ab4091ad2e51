"""How people prove who they are: passkeys, second factors, providers; global, without figures.

Columns named `sealed` hold secrets encrypted by the key of the installation (core/seal.py).
"""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import bigint, document, instant, public_id, text_column


class Passkey(SQLModel, table=True):
    """A credential of Web Authentication: signs in alone, because the device asks its holder.

    `copied_at`: its count of uses went back then, as that of a copy would.
    """

    __tablename__ = "passkey"
    __table_args__ = (sa.Index("passkey_person", "person_id"), sa.UniqueConstraint("uid"))
    credential_id: bytes = Field(sa_column=sa.Column(sa.LargeBinary, primary_key=True))
    uid: uuid.UUID = public_id()
    person_id: int = bigint()
    public_key: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    sign_count: int = bigint()
    name: str = text_column()
    created_at: datetime = instant()
    last_used_at: datetime | None = instant(nullable=True)
    copied_at: datetime | None = instant(nullable=True)


class SignInStep(SQLModel, table=True):
    """A step of proving who somebody is that has begun: what its answer is held against, once.

    Only the SHA-256 of the token that the browser holds is stored.
    """

    __tablename__ = "sign_in_step"
    __table_args__ = (sa.Index("sign_in_step_end", "expires_at"),)
    token_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, primary_key=True))
    kind: str = text_column()
    person_id: int | None = bigint(nullable=True)
    sealed: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    expires_at: datetime = instant()


class SecondFactor(SQLModel, table=True):
    """The secret of somebody's one-time codes (RFC 6238), asked for once `confirmed_at` is set.

    `last_step` is the step of time whose code was used last; none up to it is taken again.
    """

    __tablename__ = "second_factor"
    person_id: int = bigint(key=True)
    sealed: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    created_at: datetime = instant()
    confirmed_at: datetime | None = instant(nullable=True)
    last_step: int = bigint(default=0)


class RecoveryCode(SQLModel, table=True):
    """A code that takes the place of a one-time code, once; only its SHA-256 is stored."""

    __tablename__ = "recovery_code"
    person_id: int = bigint(key=True)
    code_hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary, primary_key=True))
    used_at: datetime | None = instant(nullable=True)


class IdentityProvider(SQLModel, table=True):
    """Who else may say who somebody is; `kind` is a file of service/identity/providers.

    The client's secret is `sealed`, or in the environment under `secret_from`.
    """

    __tablename__ = "identity_provider"
    slug: str = text_column(key=True)
    kind: str = text_column()
    name: dict[str, str] = document()
    client_id: str = text_column()
    options: dict[str, str] = document()
    sealed: bytes | None = Field(default=None, sa_column=sa.Column(sa.LargeBinary, nullable=True))
    secret_from: str | None = text_column(nullable=True)
    created_at: datetime = instant()


class LinkedIdentity(SQLModel, table=True):
    """Who somebody is at a provider: linked by an invitation or by the person, never by a name."""

    __tablename__ = "linked_identity"
    __table_args__ = (sa.Index("linked_identity_person", "person_id"), sa.UniqueConstraint("uid"))
    provider: str = text_column(key=True)
    subject: str = text_column(key=True)
    uid: uuid.UUID = public_id()
    person_id: int = bigint()
    shown: str = text_column()
    created_at: datetime = instant()
    last_used_at: datetime | None = instant(nullable=True)
