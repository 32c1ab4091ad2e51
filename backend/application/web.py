"""The role `web`: GraphQL, REST, the app and what machines ask, on one port."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from backend.acquisition import live as live_bus
from backend.application.body_limit import BodyLimit
from backend.application.explorer import Explorer
from backend.application.forwarded import Forwarded
from backend.application.frames import DirectFrames
from backend.application.graphql.endpoint import Endpoint
from backend.application.graphql.execution import Engine
from backend.application.graphql.fanout import Fanout
from backend.application.graphql.persisted import load_persisted
from backend.application.graphql.schema import build_schema
from backend.application.graphql.socket import serve_socket
from backend.application.headers import (
    SecurityHeaders,
    broken,
    content_security_policy,
    stays_with_https,
)
from backend.application.health import Health
from backend.application.hosts import Hosts, our_names
from backend.application.http_limits import MAX_CONNECTIONS, LimitedHttp
from backend.application.phone import TrustPages, announce, lan_host, listening
from backend.application.refusals import Remembered
from backend.application.rest.app import build_rest
from backend.application.served_certificate import ServedCertificate
from backend.application.setup_page import SetupPage
from backend.application.static_files import StaticFiles
from backend.application.web_process import WebProcess, make_process, warm_up
from backend.core import events
from backend.core.platform import Platform
from backend.core.ports import handed_socket, hold_port, port_of
from backend.service.people.first_start import new_link

log = logging.getLogger(__name__)

GRACE_S = 3
"""Seconds open requests may take at a stop."""


def build_app(process: WebProcess, static: StaticFiles | None = None) -> Starlette:
    """Answer the whole web app around a process."""
    settings = process.platform.settings
    engine = Engine(build_schema())
    persisted = load_persisted(engine)
    fanout = Fanout(engine)
    health = Health(process)
    setup = SetupPage(process)
    explorer = Explorer(process)
    endpoint = Endpoint(process, engine, persisted)
    static = static or StaticFiles()

    async def socket(websocket: WebSocket) -> None:
        await serve_socket(process, engine, fanout, persisted, websocket)

    return Starlette(
        routes=[
            Route("/graphql", endpoint.answer, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", socket),
            Route("/explorer", explorer.show),
            Route("/explorer/{file}", explorer.show),
            Route("/setup", setup.show),
            Route("/setup", setup.take, methods=["POST"]),
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            Route("/metrics", health.metrics),
            Mount("/api/v1", build_rest(process)),
            Mount("/", static),
        ],
        middleware=[
            Middleware(Forwarded, trusted=settings.trusted_proxies),
            Middleware(Remembered),
            Middleware(
                SecurityHeaders,
                policy=content_security_policy(static.script_hashes()),
                https_for_good=stays_with_https(settings),
            ),
            Middleware(Hosts, names=our_names(settings)),
            Middleware(BodyLimit),
        ],
        exception_handlers={Exception: broken},
    )


@asynccontextmanager
async def fed(process: WebProcess) -> AsyncIterator[None]:
    """Keep newest values and news coming for the time of the block."""
    platform = process.platform

    def end_sessions(_project_id: int, token_hash: str) -> None:
        for open_socket in list(process.sockets):
            open_socket.recheck(bytes.fromhex(token_hash))

    def rights_changed(_project_id: int, person: str) -> None:
        for open_socket in list(process.sockets):
            open_socket.reopen(UUID(person))

    process.news.handle("session", end_sessions)
    process.news.handle("member", rights_changed)
    process.news.handle("model", lambda project_id, _: process.live.forget_directory(project_id))
    work: list[Coroutine[object, object, None]] = [
        process.live.follow(live_bus.batches(platform, name="web")),
        process.live.refresh_for_ever(),
        process.news.follow(events.listen(platform.database)),
        platform.peers.follow(platform.database),
    ]
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        process.sign_in.passwords.close()


async def run(platform: Platform) -> None:
    """Serve until cancelled; open requests get `GRACE_S` to end."""
    settings = platform.settings
    where = listening(settings)
    process = make_process(platform)
    link = None if settings.demo else await setup_link(process)
    if link is not None:
        sys.stdout.write(f"Nobody can sign in yet. Make the first administrator: {link}\n")
        sys.stdout.flush()
    held = handed_socket("http") or hold_port("PORT", where.host, where.port, explicit=True)
    async with fed(process), asyncio.TaskGroup() as group:
        app = build_app(process)
        warm_up()
        group.create_task(serve(process, app, held, where.tls))
        if settings.phone and where.authority is not None:
            trust = hold_port("PORT", where.host, where.port + 1, explicit=False)
            app_url = settings.public_url or f"https://{lan_host()}:{where.port}"
            pages = TrustPages(where.authority, app_url).app()
            group.create_task(serve(process, pages, trust))
            trust_url = f"http://{lan_host()}:{port_of(trust)}"
            announce(app_url, trust_url, where.authority.fingerprint)


async def setup_link(process: WebProcess) -> str | None:
    """Answer the one-time link that makes the first administrator; None once somebody is there."""
    platform = process.platform
    token = await new_link(platform.database, platform.clock)
    return None if token is None else f"{platform.public_url}/setup?token={token}"


async def serve(
    process: WebProcess,
    app: Starlette,
    held: socket.socket,
    tls: ServedCertificate | None = None,
) -> None:
    """Serve the app on a listening socket until cancelled; renewed certificates are taken up."""
    config = uvicorn.Config(
        app,
        http=LimitedHttp,
        ws=DirectFrames,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # `Forwarded` reads them; uvicorn knows only half of them.
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        ws_max_size=200_000,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
    )
    server = QuietServer(config)
    serving = asyncio.create_task(server.serve(sockets=[held]))
    watching = None if tls is None else asyncio.create_task(tls.keep_fresh())
    try:
        await asyncio.shield(serving)
    finally:
        if watching is not None:
            watching.cancel()
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving


class QuietServer(uvicorn.Server):
    """uvicorn without its signal handlers: the process that runs roles has its own."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets)
        scheme = "https" if self.config.is_ssl else "http"
        for held in sockets or ():
            log.info("Listening on %s://%s:%s", scheme, *held.getsockname()[:2])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


__all__ = ["build_app", "fed", "run", "serve"]
