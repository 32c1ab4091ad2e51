"""The web app on a real PostgreSQL as kw_app: through ASGI, and over a real uvicorn.

process      what one web process shares, over the test's database
client       await client() -> httpx client without a session; await client(alice) -> signed in
ask          await ask(client, "query ...", {...}) -> the answer's JSON
plant        await plant(tenant) -> a small plant: site, two workshops, a gateway, two meters
made         Alice's plant
dora         an administrator of Alice's project
served       a real uvicorn on a free loopback port: its base URL
stranger     Charlie, who may do everything in a project of their own
learns_nothing  await learns_nothing(QUESTIONS, hers, none): the stranger's walk through questions
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial

import httpx
import orjson
import psycopg
import pytest

from backend.application.web import build_app, serve
from backend.application.web_process import WebProcess, make_process
from backend.core.platform import Platform
from backend.service.people.sessions import create_session
from tests.graphql import strangers
from tests.graphql.plants import Plant, make_plant
from tests.postgres import *  # noqa: F403
from tests.postgres import Actor, MakePerson, MakeProject, Tenant

BASE = "http://localhost"
Ask = Callable[..., Awaitable[dict[str, object]]]
Client = Callable[..., Awaitable[httpx.AsyncClient]]
MakePlant = Callable[[Tenant], Awaitable[Plant]]


def code(answer: Mapping[str, object]) -> str:
    """The code of the only error of an answer."""
    [error] = answer["errors"]  # type: ignore[misc]
    return str(error["extensions"]["code"])  # type: ignore[has-type]


@pytest.fixture
def process(platform: Platform) -> WebProcess:
    """What one web process shares; nothing is fed from outside."""
    return make_process(platform)


@pytest.fixture
async def client(process: WebProcess) -> AsyncIterator[Client]:
    """Clients of the app through ASGI."""
    transport = httpx.ASGITransport(build_app(process))
    async with AsyncExitStack() as stack:

        async def make(actor: Actor | None = None) -> httpx.AsyncClient:
            opened = httpx.AsyncClient(transport=transport, base_url=BASE)
            await stack.enter_async_context(opened)
            if actor is not None:
                opened.cookies.set("kilowise", await session_token(process, actor))
            return opened

        yield make


async def session_token(process: WebProcess, actor: Actor, *, bearer: bool = False) -> str:
    """Begin a session without a password."""
    platform = process.platform
    async with platform.database.platform() as tx:
        return await create_session(
            tx, actor.id, platform.clock.now(), bearer=bearer, user_agent="test"
        )


@pytest.fixture
def ask() -> Ask:
    """Ask one operation and answer the whole JSON."""

    async def send(
        opened: httpx.AsyncClient, query: str, variables: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        response = await opened.post("/graphql", json={"query": query, "variables": variables})
        answer: dict[str, object] = orjson.loads(response.content)
        return answer

    return send


@pytest.fixture
def plant(platform: Platform) -> MakePlant:
    """Make a small plant in a project."""

    async def make(tenant: Tenant) -> Plant:
        return await make_plant(platform, tenant)

    return make


@pytest.fixture
async def made(plant: MakePlant, alice: Actor) -> Plant:
    """Alice's plant."""
    return await plant(alice.tenant)


@pytest.fixture
async def dora(alice: Actor, make_person: MakePerson) -> Actor:
    """An administrator of Alice's project."""
    return await make_person("dora", alice.tenant, role="administrator")


@pytest.fixture
async def stranger(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Charlie, who may do everything in a project of their own."""
    return await strangers.make_stranger(make_project, make_person)


@pytest.fixture
def learns_nothing(
    client: Client, ask: Ask, alice: Actor, stranger: Actor, admin: psycopg.Connection
) -> strangers.LearnsNothing:
    """The stranger asks of Alice's things and of nothing: one answer, and nothing is changed."""

    async def walk(
        questions: strangers.Questions, hers: strangers.Names, none: strangers.Names
    ) -> None:
        seen = partial(strangers.look, admin, alice)
        await strangers.learns_nothing(questions, hers, none, partial(client, stranger), ask, seen)

    return walk


@pytest.fixture
async def served(process: WebProcess, free_port: Callable[[], int]) -> AsyncIterator[str]:
    """A real uvicorn; answers `127.0.0.1:port`."""
    port = free_port()
    held = socket.create_server(("127.0.0.1", port))
    task = asyncio.create_task(serve(process, build_app(process), held))
    address = f"127.0.0.1:{port}"
    async with httpx.AsyncClient() as probe:
        while True:
            try:
                await probe.get(f"http://{address}/healthz")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.02)
    yield address
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
