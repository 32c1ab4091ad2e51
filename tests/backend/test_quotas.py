"""Case 24 over a real broker: project a floods, b keeps its rate, and a loses nothing."""

import asyncio
import dataclasses

import psycopg
import pytest

from backend.acquisition import quotas
from backend.core.platform import Platform
from tests.backend.acquisition_brokers import RunningBroker
from tests.backend.acquisition_edge import (
    NOW_MS,
    Edge,
    connect_edge,
    make_gateway,
    readings,
    sample,
    until_leased,
    working,
)
from tests.postgres import MakeProject, Tenant

FLOOD = 400
"""Messages of one point each; the burst lets 100 pass."""


@pytest.fixture
async def tenants(make_project: MakeProject) -> tuple[Tenant, Tenant]:
    """The projects `a` and `b`."""
    return await make_project("a"), await make_project("b")


async def use(admin: psycopg.Connection, tenant: Tenant) -> tuple[int, int]:
    """Points of a project taken and refused today."""
    found = admin.execute(
        "SELECT coalesce(sum(points), 0), coalesce(sum(refused), 0) FROM project_use"
        " WHERE project_id = %s",
        (tenant.id,),
    ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


async def test_a_flood_is_throttled_told_and_not_lost_and_the_other_project_goes_on(
    platform: Platform,
    broker: RunningBroker,
    tenants: tuple[Tenant, Tenant],
    admin: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wired = dataclasses.replace(platform, mqtt_url=broker.url)
    a, b = tenants
    admin.execute("INSERT INTO project_quota (project_id, points_per_s) VALUES (%s, 1)", (a.id,))
    monkeypatch.setattr(quotas, "BURST_S", 100.0)
    for tenant, slug in ((a, "g1"), (b, "g2")):
        await make_gateway(wired.database, tenant, slug, f"secret of {tenant.slug}")
    async with working(wired):
        for tenant in tenants:
            found = admin.execute("SELECT id FROM gateway WHERE project_id = %s", (tenant.id,))
            await until_leased(wired.database, int(found.fetchall()[0][0]))
        flooding, quiet = [await connect_edge(broker, *one) for one in (("a", "g1"), ("b", "g2"))]
        for edge in (flooding, quiet):
            edge.be_born()
        for number in range(FLOOD):
            flooding.send(sample(2, NOW_MS - number * 1000, float(number)))
            if number % 20 == 0:
                quiet.send(sample(2, NOW_MS - number * 1000, float(number)))
        # Everything of b is committed, while most of a is not taken.
        await quiet.until_committed(*range(1, FLOOD // 20 + 1))
        assert len(await readings(wired.database, b.id)) == FLOOD // 20
        assert len(flooding.committed()) < FLOOD // 2
        admin.execute("UPDATE project_quota SET points_per_s = 0 WHERE project_id = %s", (a.id,))
        # What was not acknowledged the journal sends again, and it is all there in the end.
        await until_whole(flooding)
    assert len(await readings(wired.database, a.id)) == FLOOD
    taken, refused = await use(admin, a)
    assert taken >= FLOOD
    assert refused > FLOOD // 2
    assert (await use(admin, b))[1] == 0


async def until_whole(edge: Edge) -> None:
    """Send again what is not acknowledged until everything is, as a journal does."""
    everything = set(range(1, FLOOD + 1))
    async with asyncio.timeout(60):
        while missing := sorted(everything - edge.committed()):
            for record in missing:
                number = record - 1
                edge.send(sample(2, NOW_MS - number * 1000, float(number)), record=record)
            await asyncio.sleep(0.5)
