"""The scalars of the schema: exact numbers as strings, lists of values encoded once.

`Values` and `Instants` are resolved as bytes that are JSON already (`orjson.Fragment`), so that no
object per point is ever built; the view puts them into the answer as they are.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import NewType

import orjson
import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

FIRST_YEAR, LAST_YEAR = 1900, 2200
"""What a calendar is asked about; beyond it, arithmetic of periods leaves what dates can hold."""

BigInt = NewType("BigInt", int)
Values = NewType("Values", object)
Instants = NewType("Instants", object)
Json = NewType("Json", object)


def encode_instants(instants: Iterable[datetime]) -> Instants:
    """Answer instants as JSON that is encoded once, ISO 8601 in UTC."""
    return Instants(orjson.Fragment(orjson.dumps(list(instants), option=orjson.OPT_UTC_Z)))


def _serialize_instant(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise GraphQLError(f"DateTime cannot represent {value!r}")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse_instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise GraphQLError(
            "DateTime wants ISO 8601 with an offset, for instance 2026-11-23T08:00:00Z"
        )
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise GraphQLError(f"DateTime wants a year from {FIRST_YEAR} to {LAST_YEAR}")
    return instant.astimezone(UTC)


def _parse_date(value: object) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise GraphQLError(
            f"Date wants a day from {FIRST_YEAR} to {LAST_YEAR}, for instance 2026-11-23"
        )
    return day


def _serialize_date(value: object) -> str:
    if not isinstance(value, date):
        raise GraphQLError(f"Date cannot represent {value!r}")
    return value.isoformat()


def _serialize_decimal(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _parse_decimal(value: object) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise GraphQLError('Decimal wants a number as a string, for instance "12.50"')
    return number


def _parse_big_int(value: object) -> int:
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) <= 20:
        return int(value)
    raise GraphQLError('BigInt wants an integer as a string, for instance "1200"')


def _as_it_is(value: object) -> object:
    return value


def _only_out(_value: object) -> object:
    raise GraphQLError("This scalar is only answered, never asked for")


SCALARS: Mapping[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number as a string: money, factors, tonnes of coal "
        "equivalent, CO2.",
        serialize=_serialize_decimal,
        parse_value=_parse_decimal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A 64-bit integer as a string: accounted quantities in the energy's smallest "
        "unit.",
        serialize=str,
        parse_value=_parse_big_int,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC, ISO 8601.",
        serialize=_serialize_instant,
        parse_value=_parse_instant,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day, ISO 8601.",
        serialize=_serialize_date,
        parse_value=_parse_date,
    ),
    Values: strawberry.scalar(
        name="Values",
        description="A list of numbers or nulls, encoded once by the server; null means missing, "
        "never zero.",
        serialize=_as_it_is,
        parse_value=_only_out,
    ),
    Instants: strawberry.scalar(
        name="Instants",
        description="A list of instants, ISO 8601 UTC.",
        serialize=_as_it_is,
        parse_value=_only_out,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="A JSON object.",
        serialize=_as_it_is,
        parse_value=_as_it_is,
    ),
}
