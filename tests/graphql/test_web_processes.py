"""Two real web processes of one platform: what a minute allows they allow together."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from backend.core.clock import SystemClock
from backend.core.db import Database
from backend.service.people.sessions import create_session
from backend.service.people.throttle import TRIES_PER_ADDRESS
from tests.postgres import Actor, Server
from tests.product import ROOT

COST_CALLER = 10_000
SCHEMA_COST = 1000
ASK = {"query": "{ now }", "extensions": {"cost": True}}
DEAR = {"query": "{ __schema { queryType { name } } }"}


class Web:
    """One process of the role, and a client without a session."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60
        )

    async def ready(self) -> None:
        """Wait until it answers; the test's time-out ends what never comes."""
        while True:
            assert self.process.poll() is None
            with suppress(httpx.TransportError):
                await self.client.get("/healthz")
                return
            await asyncio.sleep(0.05)

    async def left(self) -> int:
        """What it would let who is not signed in spend at once."""
        answer = (await self.client.post("/graphql", json=ASK)).json()
        return int(answer["extensions"]["cost"]["caller"]["left"])

    async def lets(self, path: str, body: object, token: str = "") -> int:
        """How many requests it lets through until it refuses one."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        let = 0
        while (await self.client.post(path, json=body, headers=headers)).status_code != 429:
            let += 1
        return let


@pytest.fixture
async def webs(
    postgres_server: Server,
    database_name: str,
    tmp_path: Path,
    free_port: Callable[[], int],
) -> AsyncIterator[list[Web]]:
    """Both, started side by side on the test's database."""
    (tmp_path / "database-passwords.json").write_text(json.dumps(postgres_server.passwords))
    environment = {
        **os.environ,
        "KILOWISE_DATA": str(tmp_path),
        "KILOWISE_DATABASE_URL": postgres_server.url("postgres", database_name),
        "KILOWISE_MQTT_URL": "mqtt://internal:nobody@127.0.0.1:1",
        "KILOWISE_COST_CALLER": str(COST_CALLER),
    }
    started = []
    for _ in range(2):
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", "web"],
            cwd=ROOT,
            env={**environment, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(Web(process, port))
    try:
        yield started
    finally:
        for one in started:
            one.process.kill()
            one.process.wait()
            await one.client.aclose()


async def until(holds: Callable[[int], bool], web: Web) -> None:
    """Wait until what is left at a process is so."""
    while not holds(await web.left()):  # noqa: ASYNC110 - what is awaited happens elsewhere
        await asyncio.sleep(0.1)


@pytest.mark.long
async def test_no_more_goes_through_both_than_through_one(
    webs: list[Web], database: Database, alice: Actor
) -> None:
    async with database.platform() as tx:
        now = SystemClock().now()
        token = await create_session(tx, alice.id, now, bearer=True, user_agent="test")
    for web in webs:
        await web.ready()
    for web in webs:
        await until(lambda left: left <= COST_CALLER // 2, web)

    began = time.monotonic()
    tried = [await web.lets("/api/v1/sign-in/nobody", {"purpose": "sign_in"}) for web in webs]
    spent = [await web.lets("/graphql", DEAR, token) for web in webs]
    # On a slow machine a part of the next minute is let through too.
    minutes = 1 + (time.monotonic() - began) / 60
    assert TRIES_PER_ADDRESS <= sum(tried) <= TRIES_PER_ADDRESS * minutes
    assert min(spent) * SCHEMA_COST >= COST_CALLER // 2 - SCHEMA_COST
    assert sum(spent) * SCHEMA_COST <= COST_CALLER * minutes

    # Who is killed says nothing; the one that stays has all to give again.
    webs[1].process.send_signal(signal.SIGKILL)
    await until(lambda left: left > COST_CALLER // 2, webs[0])
