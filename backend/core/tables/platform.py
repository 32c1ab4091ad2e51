"""Global tables: directory of projects and people, reference rows, platform keys. No tenant
figures.
"""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from backend.core.tables.columns import (
    bigint,
    document,
    flag,
    instant,
    public_id,
    small_numbers,
    smallint,
    text_column,
    words,
)


class Project(SQLModel, table=True):
    """A tenant. The slug is the Sparkplug group and never changes.

    Weeks begin on `week_start` (ISO: 1 = Monday), months on day `month_start_day` (1 to 28), years
    with month `year_start_month`; `second_person`: who proposes a restatement does not approve it.
    `rest_weekdays` (ISO) are at rest unless `calendar`, a statutory calendar's code, or an entry
    says otherwise. `template` is what it was made from, `accent` its colour (#rrggbb), the first of
    `languages` that of its papers, `energy_unit` that of its totals, `standards` the chosen edition
    by code.
    A suspended project lets nobody in; one that ends at `delete_at` takes nothing any more.
    `stored_bytes` is about what its readings take.
    """

    __tablename__ = "project"
    id: int | None = Field(
        default=None, sa_column=sa.Column(sa.Integer, sa.Identity(), primary_key=True)
    )
    uid: uuid.UUID = public_id()
    slug: str = Field(sa_column=sa.Column(sa.Text, nullable=False, unique=True))
    name: dict[str, str] = document()
    zone: str = text_column()
    day_start_minute: int = smallint(default=0)
    currency: str = text_column()
    demo: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    created_at: datetime = instant()
    week_start: int = smallint(default=1)
    month_start_day: int = smallint(default=1)
    year_start_month: int = smallint(default=1)
    second_person: bool = flag(default=False)
    calendar: str | None = text_column(nullable=True)
    rest_weekdays: list[int] = small_numbers(default="{6,7}")
    template: str | None = text_column(nullable=True)
    created_by: int | None = bigint(nullable=True)
    accent: str | None = text_column(nullable=True)
    languages: list[str] = words(default="{en,zh-CN}")
    energy_unit: str = text_column(default="kWh")
    standards: dict[str, str] = document(default="{}")
    suspended_at: datetime | None = instant(nullable=True)
    suspended_takes_data: bool = flag(default=True)
    delete_at: datetime | None = instant(nullable=True)
    stored_bytes: int = bigint(default=0)


class Person(SQLModel, table=True):
    """A human who signs in with `login`: employee number, mobile number or e-mail."""

    __tablename__ = "person"
    id: int | None = Field(
        default=None, sa_column=sa.Column(sa.BigInteger, sa.Identity(), primary_key=True)
    )
    uid: uuid.UUID = public_id()
    login: str = Field(sa_column=sa.Column(sa.Text, nullable=False, unique=True))
    name: dict[str, str] = document()
    password_hash: str | None = text_column(nullable=True)
    locale: str = text_column(default="en")
    demo: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    created_at: datetime = instant()


class EnergyTypeRow(SQLModel, table=True):
    """Reference row of an energy type, copied from the contract's file by `kilowise db init`."""

    __tablename__ = "energy_type"
    code: str = text_column(key=True)
    unit: str = text_column()
    smallest_unit: str = text_column()
    smallest_per_unit: int = bigint()
    colour: str = text_column()


class PlatformKey(SQLModel, table=True):
    """Keys of the whole platform made at first start: VAPID, session pepper."""

    __tablename__ = "platform_key"
    name: str = text_column(key=True)
    value: str = text_column()
    created_at: datetime = instant()


GLOBAL_TABLES = frozenset(
    {
        "project",
        "person",
        "membership",
        "project_role",
        "sign_in_session",
        "sign_in_failure",
        "sign_in_step",
        "passkey",
        "second_factor",
        "recovery_code",
        "identity_provider",
        "linked_identity",
        "api_key",
        "invitation",
        "shared_device",
        "person_badge",
        "person_pin",
        "delegation",
        "sign_up",
        "project_group",
        "group_person",
        "group_invitation",
        "group_project",
        "energy_type",
        "platform_key",
        "platform_operator",
        "project_quota",
        "project_use",
        "alembic_version",
    }
)
