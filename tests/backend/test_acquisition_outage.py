"""The database is away while a gateway speaks: its samples are judged by the time they are read."""

import dataclasses
from datetime import datetime

import psycopg
import pytest

from backend.acquisition import ingest
from backend.acquisition.window import Window, read_window
from backend.core.clock import ManualClock
from backend.core.db import ReadSession
from backend.core.platform import Platform
from tests.backend.acquisition_brokers import RunningBroker
from tests.backend.acquisition_edge import (
    NOW_MS,
    connect_edge,
    make_gateway,
    readings,
    sample,
    until_leased,
    working,
)
from tests.postgres import MakeProject

OUTAGE_S = 3600


async def test_samples_of_an_outage_are_not_of_the_future_after_it(
    platform: Platform,
    broker: RunningBroker,
    clock: ManualClock,
    make_project: MakeProject,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wired = dataclasses.replace(platform, mqtt_url=broker.url)
    tenant = await make_project("a")
    gateway = await make_gateway(wired.database, tenant, "g1", "secret of a")
    tries = 0

    async def read_after_an_hour(tx: ReadSession, now: datetime) -> Window:
        nonlocal tries
        tries += 1
        if tries == 1:
            await clock.advance(OUTAGE_S)
            raise psycopg.OperationalError("the server is gone")
        return await read_window(tx, now)

    monkeypatch.setattr(ingest, "read_window", read_after_an_hour)
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(2, NOW_MS, 1.0))
        edge.send(sample(2, NOW_MS + OUTAGE_S * 1000, 2.0))
        await edge.until_committed(1, 2)
    assert tries == 2
    assert await readings(wired.database, tenant.id) == [
        ("m1", "p", 0, 1.0, 0),
        ("m1", "p", OUTAGE_S * 1000, 2.0, 0),
    ]
