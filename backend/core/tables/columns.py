"""Column builders of all tables: tenant keys, identities, instants, texts in both languages."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlmodel import Field


def project_key() -> Any:
    """First column of every tenant table's primary key."""
    return Field(
        sa_column=sa.Column(
            "project_id", sa.Integer, primary_key=True, autoincrement=False, nullable=False
        )
    )


def identity_key() -> Any:
    """Second key column: an identity number that is never reused; inside the database only."""
    return Field(
        default=None,
        sa_column=sa.Column(
            "id", sa.BigInteger, sa.Identity(always=False), primary_key=True, nullable=False
        ),
    )


def bigint(*, key: bool = False, nullable: bool = False, default: int | None = None) -> Any:
    """A 64-bit integer column."""
    server_default = None if default is None else sa.text(str(default))
    return Field(
        default=default,
        sa_column=sa.Column(
            sa.BigInteger,
            primary_key=key,
            autoincrement=False,
            nullable=nullable,
            server_default=server_default,
        ),
    )


def number(*, default: int) -> Any:
    """A 32-bit integer column."""
    column = sa.Column(sa.Integer, nullable=False, server_default=sa.text(str(default)))
    return Field(default=default, sa_column=column)


def smallint(*, key: bool = False, nullable: bool = False, default: int | None = None) -> Any:
    """A 16-bit integer column."""
    server_default = None if default is None else sa.text(str(default))
    return Field(
        default=default,
        sa_column=sa.Column(
            sa.SmallInteger,
            primary_key=key,
            autoincrement=False,
            nullable=nullable,
            server_default=server_default,
        ),
    )


def instant(*, key: bool = False, nullable: bool = False) -> Any:
    """An instant in UTC (timestamptz)."""
    kwargs: dict[str, Any] = {"default": None} if nullable else {}
    return Field(
        sa_column=sa.Column(sa.TIMESTAMP(timezone=True), primary_key=key, nullable=nullable),
        **kwargs,
    )


def day_column(*, nullable: bool = False) -> Any:
    """A date of the plant's calendar."""
    kwargs: dict[str, Any] = {"default": None} if nullable else {}
    return Field(sa_column=sa.Column(sa.Date, nullable=nullable), **kwargs)


def always(*, key: bool = False) -> Any:
    """An instant from which something holds; 1970 where it always did."""
    since = sa.text("'1970-01-01 00:00:00+00'::timestamptz")
    return Field(
        sa_column=sa.Column(
            sa.TIMESTAMP(timezone=True), primary_key=key, nullable=False, server_default=since
        )
    )


def recorded() -> Any:
    """The instant of the transaction that wrote the row, by the database's clock."""
    now = sa.text("now()")
    return Field(
        sa_column=sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=now)
    )


def yes_or_no() -> Any:
    """A yes or no that is always said."""
    return Field(sa_column=sa.Column(sa.Boolean, nullable=False))


def flag(*, default: bool) -> Any:
    """A yes or no with a default."""
    return Field(
        default=default,
        sa_column=sa.Column(sa.Boolean, nullable=False, server_default=sa.text(str(default))),
    )


def decimal(*, nullable: bool = False, default: int | None = None) -> Any:
    """An exact numeric column: money, factors, tce, CO2."""
    kwargs: dict[str, Any] = {"default": None} if nullable else {}
    server_default = None if default is None else sa.text(str(default))
    column = sa.Column(sa.Numeric, nullable=nullable, server_default=server_default)
    return Field(sa_column=column, **kwargs)


def double() -> Any:
    """A number in a point's unit, if any."""
    return Field(default=None, sa_column=sa.Column(sa.Double, nullable=True))


def day_key() -> Any:
    """A UTC day in a key."""
    return Field(sa_column=sa.Column(sa.Date, primary_key=True))


def array(kind: type[sa.types.TypeEngine[Any]]) -> Any:
    """An array of numbers that may be left out."""
    return Field(sa_column=sa.Column(pg.ARRAY(kind), nullable=True), default=None)


def document(*, nullable: bool = False, default: str | None = None) -> Any:
    """A jsonb column; for names `{"en": ..., "zh-CN": ...}`; `default` as PostgreSQL writes it."""
    kwargs: dict[str, Any] = {"default": None} if nullable else {}
    column = sa.Column(pg.JSONB, nullable=nullable, server_default=_literal(default))
    return Field(sa_column=column, **kwargs)


def small_numbers(*, default: str | None = None) -> Any:
    """A list of 16-bit integers; `default` as PostgreSQL writes it."""
    kind: Any = pg.ARRAY(sa.SmallInteger)
    return Field(sa_column=sa.Column(kind, nullable=False, server_default=_literal(default)))


def words(*, nullable: bool = False, default: str | None = None) -> Any:
    """A list of words of an enum; `default` as PostgreSQL writes it."""
    kwargs: dict[str, Any] = {"default": None} if nullable else {}
    kind: Any = pg.ARRAY(sa.Text)
    column = sa.Column(kind, nullable=nullable, server_default=_literal(default))
    return Field(sa_column=column, **kwargs)


def text_column(*, key: bool = False, nullable: bool = False, default: str | None = None) -> Any:
    """A text column."""
    kwargs: dict[str, Any] = {"default": default} if (nullable or default is not None) else {}
    return Field(
        sa_column=sa.Column(
            sa.Text,
            primary_key=key,
            nullable=nullable,
            server_default=_literal(default),
        ),
        **kwargs,
    )


def public_id() -> Any:
    """The UUIDv7 behind the opaque `<type>_<id>` that leaves the platform."""
    return Field(sa_column=sa.Column(pg.UUID(as_uuid=True), nullable=False))


def made_id() -> Any:
    """A UUID that the database makes where old code does not name one."""
    made = sa.text("gen_random_uuid()")
    return Field(sa_column=sa.Column(pg.UUID(as_uuid=True), nullable=False, server_default=made))


def _literal(default: str | None) -> sa.TextClause | None:
    return None if default is None else sa.text(f"'{default}'")


__all__ = [
    "always",
    "array",
    "bigint",
    "datetime",
    "day_column",
    "day_key",
    "decimal",
    "document",
    "double",
    "flag",
    "identity_key",
    "instant",
    "made_id",
    "number",
    "project_key",
    "public_id",
    "recorded",
    "small_numbers",
    "smallint",
    "text_column",
    "words",
    "yes_or_no",
]
