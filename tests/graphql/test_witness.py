"""A third party's client understands our socket: npm graphql-ws, as it comes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from backend.application.web_process import WebProcess
from tests.graphql.conftest import session_token
from tests.graphql.plants import Plant
from tests.npm import NODE, cached
from tests.postgres import NOW, Actor, Tenant


@pytest.fixture(scope="module")
def witness() -> Path:
    """The witness with its packages."""
    return cached(Path(__file__).with_name("witness")) / "witness.mjs"


async def test_npm_graphql_ws_understands_us(
    witness: Path,
    process: WebProcess,
    served: str,
    alice: Actor,
    plant: Callable[[Tenant], Awaitable[Plant]],
) -> None:
    made = await plant(alice.tenant)
    token = await session_token(process, alice)
    live = await process.live.project(alice.tenant.id)
    running = await asyncio.create_subprocess_exec(
        NODE, witness, served, token, "acme", stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    told = []
    async for line in running.stdout:
        told.append(json.loads(line))
        if told[-1] == {"live": live_frame(300, 200, 80)}:
            live.take([(made.points["m2", "p"], int(NOW.timestamp() * 1000), 81.5, 0)])
    assert await running.wait() == 0
    assert told == [
        {"connected": True},
        {"query": {"data": {"viewer": {"person": {"login": "alice"}}}}},
        {"query": "complete"},
        {"live": live_frame(300, 200, 80)},
        {"live": live_frame(81.5)},
        {"live": "complete"},
        {"stranger": {"error": "not_found"}},
        {"wrong": {"error": "graphql_invalid"}},
        {"closed": 1000},
    ]


def live_frame(*values: float) -> object:
    """A frame with these values."""
    return {"data": {"live": {"values": [{"value": value} for value in values]}}}
