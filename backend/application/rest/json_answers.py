"""JSON answers of figures: numbers keep all their digits, and nobody stores them on the way."""

from decimal import Decimal
from typing import Final

import orjson
from fastapi import Response

NO_STORE: Final = {"Cache-Control": "no-store"}


def json_answer(body: dict[str, object]) -> Response:
    """Answer a body whose decimals are written as they are, and whose times end in Z."""
    text = orjson.dumps(body, default=_exact, option=orjson.OPT_UTC_Z)
    return Response(text, headers=NO_STORE, media_type="application/json")


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"no JSON for {type(value).__name__}")
