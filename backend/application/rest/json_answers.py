"""JSON answers of figures: numbers keep all their digits, and nobody stores them on the way."""

import hashlib
from decimal import Decimal
from typing import Final

import orjson
from fastapi import Request, Response

NO_STORE: Final = {"Cache-Control": "no-store"}


def json_answer(body: dict[str, object]) -> Response:
    """Answer a body whose decimals are written as they are, and whose times end in Z."""
    text = orjson.dumps(body, default=_exact, option=orjson.OPT_UTC_Z)
    return Response(text, headers=NO_STORE, media_type="application/json")


def kept_answer(request: Request, body: dict[str, object]) -> Response:
    """Answer figures of a span that is over: not sent again while they are the same (RFC 9110).

    They may still change, by a restatement; so they are asked for each time, by their tag.
    """
    answer = json_answer(body)
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag, "Vary": "Cookie, Authorization"}
    known = request.headers.get("if-none-match", "").split(",")
    if tag in {one.strip().removeprefix("W/") for one in known}:
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"no JSON for {type(value).__name__}")
