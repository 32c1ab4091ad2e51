"""Alarms as facts: definitions, occurrences, transitions, acknowledgements, notices, events."""

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
)


class AlarmDefinition(SQLModel, table=True):
    """A rationalised alarm: kind and its parameters, place, priority (1 highest .. 4 low), mode."""

    __tablename__ = "alarm_definition"
    __table_args__ = (sa.UniqueConstraint("project_id", "uid"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    kind: str = text_column()
    name: dict[str, str] = document()
    node_id: int | None = bigint(nullable=True)
    meter_id: int | None = bigint(nullable=True)
    params: dict[str, object] = document()
    priority: int = smallint(default=3)
    mode: str = text_column(default="live")
    created_at: datetime = instant()


class AlarmOccurrence(SQLModel, table=True):
    """One raising of a definition. `params` are the numbers its texts name (limit, value, kW to
    shed).
    """

    __tablename__ = "alarm_occurrence"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "uid"),
        sa.UniqueConstraint("project_id", "definition_id", "number"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    uid: uuid.UUID = public_id()
    definition_id: int = bigint()
    number: int = bigint()
    raised_at: datetime = instant()
    params: dict[str, object] = document()


class AlarmTransition(SQLModel, table=True):
    """One step of an occurrence through the ISA-18.2 states; unique per (definition, occurrence,
    step).
    """

    __tablename__ = "alarm_transition"
    project_id: int = project_key()
    definition_id: int = bigint(key=True)
    occurrence_number: int = bigint(key=True)
    step: int = smallint(key=True)
    state: str = text_column()
    cause: str = text_column()
    at: datetime = instant()
    recorded_at: datetime = instant()
    person_id: int | None = bigint(nullable=True)
    params: dict[str, object] | None = document(nullable=True)


class AlarmAck(SQLModel, table=True):
    """Each acknowledgement received, with raw and effective time; the earliest effective wins."""

    __tablename__ = "alarm_ack"
    project_id: int = project_key()
    key: uuid.UUID = Field(sa_column=sa.Column(sa.Uuid, primary_key=True, nullable=False))
    occurrence_id: int = bigint()
    person_id: int = bigint()
    device_time: datetime = instant()
    offset_ms: int = bigint(default=0)
    effective_at: datetime = instant()
    received_at: datetime = instant()
    result: str = text_column()
    channel: str = text_column(default="app")


class AlarmLease(SQLModel, table=True):
    """Which process evaluates this project's alarms."""

    __tablename__ = "alarm_lease"
    project_id: int = project_key()
    owner: str = text_column()
    until: datetime = instant()


class PushSubscription(SQLModel, table=True):
    """A browser that a person allowed to be notified."""

    __tablename__ = "push_subscription"
    __table_args__ = (sa.UniqueConstraint("project_id", "endpoint"),)
    project_id: int = project_key()
    id: int | None = identity_key()
    person_id: int = bigint()
    endpoint: str = text_column()
    p256dh: str = text_column()
    auth: str = text_column()
    locale: str = text_column(default="en")
    user_agent: str | None = text_column(nullable=True)
    created_at: datetime = instant()
    gone_at: datetime | None = instant(nullable=True)


class Notification(SQLModel, table=True):
    """One delivery of one transition to one subscription: pending, sent, failed or gone."""

    __tablename__ = "notification"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "occurrence_id", "step", "subscription_id"),
    )
    project_id: int = project_key()
    id: int | None = identity_key()
    occurrence_id: int = bigint()
    step: int = smallint()
    subscription_id: int = bigint()
    channel: str = text_column(default="webpush")
    state: str = text_column(default="pending")
    tries: int = smallint(default=0)
    next_at: datetime = instant()
    sent_at: datetime | None = instant(nullable=True)
    error: str | None = text_column(nullable=True)
    created_at: datetime = instant()


class EventCounter(SQLModel, table=True):
    """The number of the project's newest event; updated in the event's own transaction."""

    __tablename__ = "event_counter"
    project_id: int = project_key()
    number: int = bigint(default=0)


class Event(SQLModel, table=True):
    """Something other processes must hear of, by id only: alarm, account, import, configuration,
    session.
    """

    __tablename__ = "event"
    project_id: int = project_key()
    number: int = bigint(key=True)
    kind: str = text_column()
    ref: str = text_column()
    at: datetime = instant()
