"""kill -9 of ingest after COMMIT and before the acknowledgement: nothing lost, nothing twice."""

import asyncio
import dataclasses
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.core.platform import Platform
from tests.backend.acquisition_brokers import BROKERS, RunningBroker
from tests.backend.acquisition_edge import (
    NOW_MS,
    connect_edge,
    make_gateway,
    readings,
    sample,
    until_leased,
    working,
)
from tests.postgres import NOW, MakeProject, Server

DYING_WORKER = """
import asyncio, os, signal, sys
from datetime import datetime
from backend.acquisition import ingest, leases
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.platform import Platform
from backend.core.settings import Settings

leases.LEASE_S = 1
urls = {"kw_ingest": sys.argv[1]}
ingest.Ingest._acknowledge = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

async def main():
    clock = ManualClock(datetime.fromisoformat(sys.argv[3]))
    async with Database(urls.__getitem__) as database:
        settings = Settings(data=sys.argv[4])
        await ingest.run(Platform(settings, clock, database, sys.argv[2], "http://127.0.0.1"))

asyncio.run(main())
"""


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """The embedded broker."""
    folder = tmp_path / "mqtt"
    folder.mkdir()
    async with BROKERS["amqtt"](folder) as running:
        yield running


async def test_killed_between_commit_and_acknowledgement(
    platform: Platform,
    broker: RunningBroker,
    make_project: MakeProject,
    postgres_server: Server,
    database_name: str,
    tmp_path: Path,
) -> None:
    wired = dataclasses.replace(platform, mqtt_url=broker.url)
    tenant = await make_project("a")
    gateway = await make_gateway(wired.database, tenant, "g1", "secret of a")
    url = postgres_server.url("kw_ingest", database_name)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DYING_WORKER, url, broker.url, NOW.isoformat(), str(tmp_path)
    )
    await until_leased(wired.database, gateway)
    edge = await connect_edge(broker, "a", "g1")
    sent = {}
    while child.returncode is None:
        # Its subscription stands some time after the claim, so births and data are repeated.
        edge.be_born()
        sent = {edge.send(sample(2, NOW_MS - n, float(n))): n for n in range(1, 21)}
        await asyncio.wait([asyncio.ensure_future(child.wait())], timeout=0.5)
    assert child.returncode == -signal.SIGKILL
    before = await readings(wired.database, tenant.id)
    assert before  # it was committed ...
    assert edge.committed() == set()  # ... and nobody was told.
    async with working(wired):
        async with asyncio.timeout(30):
            while not set(sent) <= edge.committed():
                for record, n in sent.items():
                    edge.send(sample(2, NOW_MS - n, float(n)), record=record)
                await asyncio.sleep(0.5)
        assert edge.rebirths_asked() == 0
    assert await readings(wired.database, tenant.id) == [
        ("m1", "p", -n, float(n), 0) for n in range(20, 0, -1)
    ]
