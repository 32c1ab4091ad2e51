"""MQTT for third parties: who is let in to what, who serves a project, whose a command was."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import bigint, instant, project_key, text_column, words


class MqttCredential(SQLModel, table=True):
    """A third party at the broker: acts for who made it, with these scopes, at or below a place.

    `secret` is its salted hash, as the broker reads it. `publish` and `subscribe` are the topics it
    reaches now, computed from the scopes and what its owner may; empty = it is not let in.
    """

    __tablename__ = "mqtt_credential"
    project_id: int = project_key()
    uid: uuid.UUID = Field(sa_column=sa.Column(sa.Uuid, primary_key=True, nullable=False))
    person_id: int = bigint()
    name: str = text_column()
    secret: str = text_column()
    scopes: list[str] = words()
    node_id: int | None = bigint(nullable=True)
    publish: list[str] = words()
    subscribe: list[str] = words()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)


class MqttLease(SQLModel, table=True):
    """Which process speaks JSON for a project, and the number of the last event it has told."""

    __tablename__ = "mqtt_lease"
    project_id: int = project_key()
    owner: str = text_column()
    until: datetime = instant()
    number: int = bigint()


class MqttRequest(SQLModel, table=True):
    """The credential that asked for a command (`uid`), and the identity it gave its request."""

    __tablename__ = "mqtt_request"
    project_id: int = project_key()
    uid: uuid.UUID = Field(sa_column=sa.Column(sa.Uuid, primary_key=True, nullable=False))
    credential: uuid.UUID = Field(sa_column=sa.Column(sa.Uuid, nullable=False))
    correlation: str = text_column()


__all__ = ["MqttCredential", "MqttLease", "MqttRequest"]
