"""What a client is told of an error: expected ones by code and next step, bugs by a reference.

A bug is logged once, here, with the reference that the client sees; its text never leaves.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import TypedDict

from graphql import GraphQLError

from backend.application.refusals import note_refusal
from backend.core.errors import KilowiseError, OperatingError

log = logging.getLogger(__name__)


class ToldError(TypedDict, total=False):
    """One entry of `errors` in a GraphQL answer."""

    message: str
    path: list[str | int]
    locations: list[dict[str, int]]
    extensions: dict[str, object]


def describe(error: KilowiseError) -> dict[str, object]:
    """Answer code, parameters and catalogue keys of an expected error; refusals are noted."""
    note_refusal(error)
    return {
        "code": error.error_code,
        "params": dict(error.params),
        "text": error.text_key,
        "next": error.next_key,
    }


def tell(errors: Sequence[GraphQLError]) -> list[ToldError]:
    """Answer what the client may see of these errors, logging bugs."""
    return [_tell_one(error) for error in errors]


def _tell_one(error: GraphQLError) -> ToldError:
    original = error.original_error
    told: ToldError = {}
    if error.path:
        told["path"] = list(error.path)
    if isinstance(original, KilowiseError) and not isinstance(original, OperatingError):
        told["message"] = original.error_code
        told["extensions"] = describe(original)
        return told
    if original is None or isinstance(original, GraphQLError):
        told["message"] = error.message
        if error.locations:
            told["locations"] = [
                {"line": place.line, "column": place.column} for place in error.locations
            ]
        told["extensions"] = dict(error.extensions or {}) or {"code": "graphql_invalid"}
        return told
    reference = secrets.token_hex(4)
    log.error("bug %s at %s", reference, error.path, exc_info=original)
    told["message"] = "internal"
    told["extensions"] = internal(reference)
    return told


def internal(reference: str) -> dict[str, object]:
    """Answer the extensions of an error that is a bug, known to the log by its reference."""
    return {
        "code": "internal",
        "params": {"reference": reference},
        "text": "errors.internal",
        "next": "errors.internal.next",
    }


def refused(code: str, message: str, **params: object) -> Mapping[str, object]:
    """Answer a whole GraphQL answer that refuses a request before it is executed."""
    return {"errors": [{"message": message, "extensions": {"code": code, "params": params}}]}
