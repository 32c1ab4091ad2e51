"""Fixtures of the platform's tests; tests/postgres.py describes its own."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.core.db import Database
from backend.core.platform import Platform
from tests.backend.acquisition_brokers import BROKERS, RunningBroker
from tests.backend.acquisition_edge import make_gateway
from tests.postgres import *  # noqa: F403
from tests.postgres import MakeProject, Tenant


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """The embedded broker; its credentials are `a.g1` and `b.g2`."""
    folder = tmp_path / "mqtt"
    folder.mkdir()
    async with BROKERS["amqtt"](folder) as running:
        yield running


@pytest.fixture
def wired(platform: Platform, broker: RunningBroker) -> Platform:
    """A platform with the broker."""
    return dataclasses.replace(platform, mqtt_url=broker.url)


@pytest.fixture
async def tenant(make_project: MakeProject) -> Tenant:
    """The project `a`."""
    return await make_project("a")


@pytest.fixture
async def gateway(database: Database, tenant: Tenant) -> int:
    """The gateway `g1` of project a."""
    return await make_gateway(database, tenant, "g1", "secret of a")
