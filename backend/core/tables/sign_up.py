"""Accounts that strangers ask for: a global table, until an operator has decided and a while on."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import bigint, instant, text_column


class SignUp(SQLModel, table=True):
    """Who asks for an account, from which network; the hash goes with the decision."""

    __tablename__ = "sign_up"
    __table_args__ = (sa.Index("sign_up_state", "state", "asked_at"),)
    uid: uuid.UUID = Field(sa_column=sa.Column(sa.Uuid, primary_key=True))
    login: str = text_column()
    name: str = text_column()
    note: str = text_column(default="")
    locale: str = text_column()
    network: str = text_column()
    password_hash: str | None = text_column(nullable=True)
    asked_at: datetime = instant()
    state: str = text_column()
    decided_by: int | None = bigint(nullable=True)
    decided_at: datetime | None = instant(nullable=True)
