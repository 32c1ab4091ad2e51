"""An operation as it is sent, and what its answer tells of its cost."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from backend.application.graphql.context import Context
from backend.application.graphql.execution import Variables
from backend.core.errors import InvalidInput


class PersistedQuery(msgspec.Struct, frozen=True):
    """Which kept operation is meant, by the SHA-256 of its text."""

    sha256_hash: str = msgspec.field(name="sha256Hash")
    version: int = 1


class Extensions(msgspec.Struct, frozen=True):
    """What may stand beside an operation."""

    persisted_query: PersistedQuery | None = msgspec.field(name="persistedQuery", default=None)
    cost: bool = False
    """Whether the answer is to tell what it cost; programs with a key are always told."""


class Asked(msgspec.Struct, frozen=True):
    """An operation as it is sent, by HTTP and by socket alike."""

    query: str | None = None
    variables: Variables | None = None
    operation_name: Annotated[str, msgspec.Meta(max_length=200)] | None = msgspec.field(
        name="operationName", default=None
    )
    extensions: Extensions | None = None


def decode(body: bytes) -> Asked:
    """Answer what was asked; InvalidInput when it is no GraphQL request."""
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("graphql_request", reason=str(error)) from error


def decode_query(given: Mapping[str, str]) -> Asked:
    """Answer what was asked by GET: a kept operation by its SHA-256, and its variables as JSON."""
    kept = Extensions(PersistedQuery(given.get("id", "")))
    try:
        variables = msgspec.json.decode(given.get("variables") or "{}", type=Variables)
    except msgspec.DecodeError as error:
        raise InvalidInput("graphql_request", reason=str(error)) from error
    return Asked(variables=variables, extensions=kept)


def told_cost(context: Context, asked: Asked) -> dict[str, object] | None:
    """Answer `extensions` of the answer: what it cost, and what is left of which budget."""
    key = context.caller is not None and context.caller.scope is not None
    if not key and not (asked.extensions and asked.extensions.cost):
        return None
    told: dict[str, object] = {"requested": context.cost}
    for whose, spent in context.spent.items():
        name = whose if isinstance(whose, str) else "project"
        told[name] = {"limit": spent.limit, "left": spent.left}
    return {"cost": told}
