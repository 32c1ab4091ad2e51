"""`POST /graphql`: one operation in, its JSON out, compressed when that is worth it."""

import gzip
from dataclasses import dataclass
from typing import Annotated

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from backend.application.cookies import clear_cookie, set_cookie
from backend.application.graphql.context import Context
from backend.application.graphql.errors import describe, refused
from backend.application.graphql.execution import Engine, Variables, encode
from backend.application.graphql.limits import is_subscription
from backend.application.graphql.persisted import Persisted
from backend.application.origin import address_of, caller_of, check_origin
from backend.application.web_process import WebProcess
from backend.core.errors import InvalidInput, KilowiseError

MAX_BODY = 100_000
COMPRESS_FROM = 1_000
"""Bytes from which an answer is compressed."""
LEVEL = 1
"""gzip's fastest: a year of hours is 20 kB in about a millisecond."""


class PersistedQuery(msgspec.Struct, frozen=True):
    """Which kept operation is meant, by the SHA-256 of its text."""

    sha256_hash: str = msgspec.field(name="sha256Hash")
    version: int = 1


class Extensions(msgspec.Struct, frozen=True):
    """What may stand beside an operation."""

    persisted_query: PersistedQuery | None = msgspec.field(name="persistedQuery", default=None)


class Asked(msgspec.Struct, frozen=True):
    """An operation as it is sent, by HTTP and by socket alike."""

    query: str | None = None
    variables: Variables | None = None
    operation_name: Annotated[str, msgspec.Meta(max_length=200)] | None = msgspec.field(
        name="operationName", default=None
    )
    extensions: Extensions | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers operations over HTTP."""

    process: WebProcess
    engine: Engine
    persisted: Persisted

    async def answer(self, request: Request) -> Response:
        """Answer one operation; expected refusals are GraphQL errors with a fitting status."""
        try:
            return await self._answer(request)
        except KilowiseError as error:
            body = {"errors": [{"message": error.error_code, "extensions": describe(error)}]}
            return _json(request, orjson.dumps(body), error.status)

    async def _answer(self, request: Request) -> Response:
        check_origin(self.process, request)
        asked = decode(await _body(request))
        prepared = self.persisted.prepare(self.engine, asked)
        if is_subscription(prepared, asked.operation_name):
            answer = refused("graphql_socket_only", "Subscriptions are served by websocket only")
            return _json(request, orjson.dumps(answer), 400)
        context = Context(
            process=self.process,
            caller=await caller_of(self.process, request),
            address=address_of(request),
            user_agent=request.headers.get("user-agent"),
            origin=request.headers.get("origin", ""),
        )
        result = await self.engine.execute(prepared, asked.variables, asked.operation_name, context)
        response = _json(request, encode(result), 200)
        if context.signed_out:
            clear_cookie(request, response)
        if context.new_token is not None:
            set_cookie(request, response, context.new_token)
        return response


def decode(body: bytes) -> Asked:
    """Answer what was asked; InvalidInput when it is no GraphQL request."""
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("graphql_request", reason=str(error)) from error


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InvalidInput("graphql_request", reason="send Content-Type: application/json")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise InvalidInput("body_too_large", limit=MAX_BODY)
        chunks.append(chunk)
    return b"".join(chunks)


def _json(request: Request, body: bytes, status: int) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if len(body) >= COMPRESS_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, "application/json")
