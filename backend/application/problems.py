"""problem+json (RFC 9457): how REST, and what stands before it, says what is wrong."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response

PROBLEM = "application/problem+json"


def problem(
    status: int, code: str, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    """Answer a problem; its code is the catalogue's, so a client shows it in its language."""
    body = {"type": "about:blank", "title": code, "status": status, "code": code, **more}
    return Response(
        orjson.dumps(body), status, {"Cache-Control": "no-store", **(headers or {})}, PROBLEM
    )


def named_problem(status: int, code: str, **params: object) -> Response:
    """Answer a problem with its texts' keys, for what the catalogue explains."""
    key = f"errors.{code}"
    return problem(status, code, params=params, text=key, next=f"{key}.next")
