"""REST `/api/v1`: the same services and doors as GraphQL, errors as problem+json (RFC 9457)."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from backend.application.problems import named_problem, problem
from backend.application.refusals import note_refusal
from backend.application.rest import (
    alarms,
    audit,
    commands,
    configs,
    enrolment,
    files,
    groups,
    imports,
    labels,
    meter_lists,
    model,
    openapi,
    people,
    projects,
    providers,
    readings,
    releases,
    restatements,
    rules,
    series,
    session,
    sheets,
    system,
    webhooks,
)
from backend.application.web_process import WebProcess
from backend.core.errors import KilowiseError

Handler = Callable[[Request, Exception], Awaitable[Response]]


def build_rest(process: WebProcess | None) -> FastAPI:
    """Answer the REST app; without a process only its description can be read."""
    app = FastAPI(
        title="Kilowise",
        version="1",
        description="Open intelligent industrial energy management.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": "/api/v1"}],
        root_path_in_servers=False,
    )
    app.state.process = process
    app.include_router(system.router)
    app.include_router(openapi.router)
    app.include_router(session.router)
    app.include_router(projects.router)
    app.include_router(audit.router)
    app.include_router(providers.router)
    app.include_router(imports.router)
    app.include_router(files.router)
    app.include_router(meter_lists.router)
    app.include_router(labels.router)
    app.include_router(model.router)
    app.include_router(rules.router)
    app.include_router(alarms.router)
    app.include_router(people.router)
    app.include_router(groups.router)
    app.include_router(readings.router)
    app.include_router(webhooks.router)
    app.include_router(commands.router)
    app.include_router(configs.router)
    app.include_router(enrolment.router)
    app.include_router(releases.router)
    app.include_router(series.router)
    app.include_router(sheets.router)
    app.include_router(restatements.router)
    app.add_exception_handler(KilowiseError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    return app


async def _expected(_request: Request, error: Exception) -> Response:
    if not isinstance(error, KilowiseError):
        raise error
    note_refusal(error)
    headers = {}
    if "retry_after_s" in error.params:
        headers["Retry-After"] = str(error.params["retry_after_s"])
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        error.status,
        error.error_code,
        headers,
        params=dict(error.params),
        text=error.text_key,
        next=error.next_key,
    )


async def _invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    fields = [".".join(str(part) for part in one["loc"]) for one in error.errors()]
    return named_problem(422, "invalid_input", fields=fields)


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "error")
    return problem(error.status_code, code, error.headers)
