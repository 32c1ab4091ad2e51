"""The wire's guarantee: what is acknowledged is in the database, once, with the sample's time."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.core.db import Database
from backend.core.platform import Platform
from gateway.contract.quality import Quality
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
from tests.postgres import MakeProject, Tenant

pytestmark = pytest.mark.usefixtures("tenant")


@pytest.fixture(params=["amqtt"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """The embedded broker; its credentials are `a.g1` and `b.g2`."""
    folder = tmp_path / "mqtt"
    folder.mkdir()
    async with BROKERS[request.param](folder) as running:
        yield running


@pytest.fixture
async def tenant(make_project: MakeProject) -> Tenant:
    """The project `a`."""
    return await make_project("a")


@pytest.fixture
async def gateway(database: Database, tenant: Tenant) -> int:
    """The gateway `g1` of project a."""
    return await make_gateway(database, tenant, "g1", "secret of a")


@pytest.fixture
def wired(platform: Platform, broker: RunningBroker) -> Platform:
    """A platform with the broker."""
    return dataclasses.replace(platform, mqtt_url=broker.url)


async def test_a_value_travels(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(1, NOW_MS - 2000, 100.25), sample(2, NOW_MS - 1000, 7.5))
        edge.send(sample(2, NOW_MS, -3.0, Quality.ESTIMATED))
        await edge.until_committed(1, 2)
    assert await readings(wired.database, tenant.id) == [
        ("m1", "ep_imp", -2000, 100.25, 0),
        ("m1", "p", -1000, 7.5, 0),
        ("m1", "p", 0, -3.0, 1),
    ]
    async with wired.database.read(tenant.id) as tx:
        assert await tx.fetch_tuples("SELECT value, quality FROM last_value ORDER BY value") == [
            (-3.0, 1),
            (100.25, 0),
        ]
        # Only the register's account changes.
        dirty = await tx.fetch_tuples(
            "SELECT p.name, (extract(epoch FROM first_ts) * 1000)::bigint - %s FROM dirty"
            " JOIN point p ON p.id = dirty.point_id",
            (NOW_MS,),
        )
        assert dirty == [("ep_imp", -2000)]
        born = await tx.fetch_tuples("SELECT kind, unit, max_gap_s FROM point ORDER BY name")
        assert born == [("register", "kWh", 900), ("gauge", "kW", 900)]
