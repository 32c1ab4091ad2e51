"""`/graphql`: one operation in, its JSON out, compressed when that is worth it.

POST takes any operation, GET the app's kept queries by their SHA-256; an answer to GET about
periods that are over has an entity tag, and whoever has it already hears 304.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from graphql import ExecutionResult
from starlette.requests import Request
from starlette.responses import Response

from backend.application.cookies import clear_cookie, set_cookie, set_device_cookie
from backend.application.graphql.asked import Asked, decode, decode_query, told_cost
from backend.application.graphql.closed import entity_tag, is_closed
from backend.application.graphql.context import Context
from backend.application.graphql.descriptions import read_in
from backend.application.graphql.errors import describe, refused
from backend.application.graphql.execution import Engine, encode
from backend.application.graphql.limits import Prepared, is_query, is_subscription
from backend.application.graphql.persisted import Persisted
from backend.application.languages import reader_of
from backend.application.origin import address_of, caller_of, check_origin, device_credential
from backend.application.web_process import WebProcess
from backend.core.errors import InvalidInput, KilowiseError, TooMuch

MAX_BODY = 100_000
COMPRESS_FROM = 1_000
"""Bytes from which an answer is compressed."""
RETRY = "retryAfter"
BY_SESSION = "Accept-Encoding, Authorization, Cookie"
LEVEL = 1
"""gzip's fastest: a year of hours is 20 kB in about a millisecond."""


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
            return _json(request, orjson.dumps(body), error.status, retry_after(error))

    async def _answer(self, request: Request) -> Response:
        check_origin(self.process, request)
        by_get = request.method == "GET"
        asked = decode_query(request.query_params) if by_get else decode(await _body(request))
        prepared = self.persisted.prepare(self.engine, asked)
        if is_subscription(prepared, asked.operation_name):
            answer = refused("graphql_socket_only", "Subscriptions are served by websocket only")
            return _json(request, orjson.dumps(answer), 400)
        if by_get and not is_query(prepared, asked.operation_name):
            raise InvalidInput("graphql_request", reason="send changes by POST")
        context = Context(
            process=self.process,
            caller=await caller_of(self.process, request),
            address=address_of(request),
            user_agent=request.headers.get("user-agent"),
            cost=prepared.cost(asked.operation_name, asked.variables),
            device=device_credential(request),
            origin=request.headers.get("origin", ""),
        )
        context.spend_as_caller()
        read_in(reader_of(request.headers.get("accept-language"), context.locale))
        result = await self._result(prepared, asked, context)
        body = encode(result, told_cost(context, asked))
        now = self.process.platform.clock.now()
        if by_get and context.caller and is_closed(prepared, asked.variables, result, now):
            return _kept(request, body, entity_tag(context.caller, body))
        refusal = spent_out(result)
        status = refusal.status if refusal else 200
        response = _json(request, body, status, retry_after(refusal))
        if context.signed_out:
            clear_cookie(request, response)
        if context.new_token is not None:
            set_cookie(request, response, context.new_token)
        if context.new_device is not None:
            set_device_cookie(request, response, context.new_device)
        return response

    async def _result(self, prepared: Prepared, asked: Asked, context: Context) -> ExecutionResult:
        """Answer by the compiled form of a hot operation, else field by field."""
        hot = self.persisted.hot.get(prepared.text)
        found = None if hot is None else await hot.answer(context, asked.variables)
        if found is not None:
            return found
        return await self.engine.execute(prepared, asked.variables, asked.operation_name, context)


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


def spent_out(result: ExecutionResult) -> TooMuch | None:
    """Answer why a project's door stayed shut: its budget is spent."""
    found = (error.original_error for error in result.errors or ())
    return next((one for one in found if isinstance(one, TooMuch) and RETRY in one.params), None)


def retry_after(error: KilowiseError | None) -> dict[str, str]:
    """Answer the header that says when to come back, where an error says so."""
    seconds = None if error is None else error.params.get(RETRY)
    return {} if seconds is None else {"Retry-After": str(seconds)}


def _kept(request: Request, body: bytes, tag: str) -> Response:
    """Answer what a browser may keep for its session, or that what it has still holds."""
    headers = {"Cache-Control": "private, no-cache", "ETag": tag, "Vary": BY_SESSION}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return _json(request, body, 200, headers)


def _json(
    request: Request, body: bytes, status: int, more: Mapping[str, str] | None = None
) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding", **(more or {})}
    if len(body) >= COMPRESS_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, "application/json")
