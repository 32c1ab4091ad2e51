"""The wire's guarantee: what is acknowledged is in the database, once, with the sample's time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.acquisition import live
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Datatype, Metric, Property
from tests.backend.acquisition_brokers import BROKERS, RunningBroker
from tests.backend.acquisition_edge import (
    EPOCH,
    NOW_MS,
    connect_edge,
    make_gateway,
    point,
    readings,
    sample,
    until_leased,
    until_rows,
    until_state,
    working,
)
from tests.postgres import MakeProject, Tenant

pytestmark = pytest.mark.usefixtures("tenant")


@pytest.fixture(params=["amqtt"])  # one test below asks for mosquitto
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """The embedded broker; its credentials are `a.g1` and `b.g2`."""
    folder = tmp_path / "mqtt"
    folder.mkdir()
    async with BROKERS[request.param](folder) as running:
        yield running


@pytest.mark.both_postgres
@pytest.mark.parametrize(
    "broker",
    ["amqtt", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))],
    indirect=True,
)
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


async def test_resent_records_are_stored_once_and_acknowledged_again(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(2, NOW_MS - 1000, 1.0))
        await edge.until_committed(1)
        edge.caller.heard.clear()
        # The old record again, in one batch with a new one, and the new one twice.
        edge.send(sample(2, NOW_MS - 1000, 1.0), record=1)
        edge.send(sample(2, NOW_MS, 2.0), record=2)
        edge.send(sample(2, NOW_MS, 2.0), record=2)
        await edge.until_committed(1, 2)
    assert await readings(wired.database, tenant.id) == [
        ("m1", "p", -1000, 1.0, 0),
        ("m1", "p", 0, 2.0, 0),
    ]


async def test_records_are_acknowledged_in_ranges(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        for record in (900, 3, 2, 1, 7):
            edge.send(sample(2, NOW_MS - record, 1.0), record=record)
        await edge.until_committed(1, 2, 3, 7, 900)
        times = [m.value for p in edge.commands() for m in p.metrics if m.name == topics.EXT_TIME]
    assert edge.committed() == {1, 2, 3, 7, 900}
    assert set(times) == {NOW_MS}
    assert len(await readings(wired.database, tenant.id)) == 5


async def test_a_1970_clock_poisons_nobody(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(2, 12_345, 5.0), sample(2, NOW_MS + 301_000, 6.0), sample(2, NOW_MS, 7.0))
        edge.send(sample(2, (1 << 64) - 1, 8.0), sample(2, NOW_MS + 300_000, 9.0))
        await edge.until_committed(1, 2)
    assert await readings(wired.database, tenant.id) == [
        ("m1", "p", 0, 7.0, 0),
        ("m1", "p", 300_000, 9.0, 0),
    ]
    async with wired.database.read(tenant.id) as tx:
        assert await tx.fetch_tuples(
            "SELECT gateway_id, extract(epoch FROM ts)::float8, value, reason"
            " FROM reading_quarantine ORDER BY value"
        ) == [
            (gateway, 12.345, 5.0, "too_old"),
            (gateway, NOW_MS / 1000 + 301, 6.0, "in_the_future"),
            (gateway, 253_402_300_799.0, 8.0, "in_the_future"),
        ]


async def test_a_missing_sample_is_never_a_number(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(1, NOW_MS - 9000, 1.0), sample(2, NOW_MS - 3000, 4.0))
        edge.send(sample(2, NOW_MS - 2000, None))
        edge.send(sample(2, NOW_MS - 1000, float("nan")), sample(2, NOW_MS - 500, float("inf")))
        edge.send(sample(2, NOW_MS, 0.0, Quality.MISSING))
        await edge.until_committed(1, 2, 3, 4)
    assert await readings(wired.database, tenant.id) == [
        ("m1", "ep_imp", -9000, 1.0, 0),
        ("m1", "p", -3000, 4.0, 0),
    ]
    async with wired.database.read(tenant.id) as tx:
        last = await tx.fetch_tuples("SELECT value, quality FROM last_value ORDER BY value")
    assert last == [(1.0, Quality.GOOD), (4.0, Quality.MISSING)]


async def test_the_node_of_a_third_party(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1", epoch=None)
        counter = Metric("count", None, Datatype.INT32, -5, NOW_MS - 2000)
        text = Metric("serial", None, Datatype.STRING, "A1", NOW_MS - 2000)
        edge.be_born(points=(counter, text))
        # By name, without a datatype: two's complement in an unsigned field.
        edge.send(Metric("count", None, None, (1 << 32) - 6, NOW_MS - 1000))
        bad = {"Quality": Property(Datatype.INT32, 0)}
        edge.send(Metric("count", None, None, 7, NOW_MS, properties=bad))
        edge.seq = (edge.seq + 1) % 256
        edge.send(Metric("count", None, None, 8, NOW_MS + 1000))
        await edge.until(lambda e: e.rebirths_asked() == 1, "a rebirth after the gap")
        await until_rows(wired.database, tenant.id, 4)
        assert edge.committed() == set()
    assert await readings(wired.database, tenant.id) == [
        ("m1", "count", -2000, -5.0, 0),
        ("m1", "count", -1000, -6.0, 0),
        ("m1", "count", 0, 7.0, Quality.SUSPECT),
        ("m1", "count", 1000, 8.0, 0),
    ]


async def test_births_and_deaths_are_seen(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async def online() -> list[tuple[object, ...]]:
        async with wired.database.read(tenant.id) as tx:
            return await tx.fetch_tuples(
                "SELECT s.online, d.online, d.profile, d.verified FROM gateway_state s"
                " JOIN device d ON d.gateway_id = s.gateway_id"
            )

    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.bd_seq = 4
        extras = (
            Metric(topics.EXT_PROFILE, datatype=Datatype.STRING, value="sfere/pd194e"),
            Metric(topics.EXT_VERIFIED, datatype=Datatype.BOOLEAN, value=True),
        )
        edge.be_born(points=(*extras, point("p", 1)))
        edge.send(sample(1, NOW_MS, 1.0))
        await edge.until_committed(1)
        assert await online() == [(True, True, "sfere/pd194e", True)]
        # The will of the connection before the current one says nothing of this one.
        edge.publish(topics.NDEATH, None, [Metric("bdSeq", datatype=Datatype.INT64, value=3)])
        edge.send(sample(1, NOW_MS + 1, 1.0))
        await edge.until_committed(2)
        assert await online() == [(True, True, "sfere/pd194e", True)]
        edge.publish(topics.NDEATH, None, [Metric("bdSeq", datatype=Datatype.INT64, value=4)])
        edge.send(sample(1, NOW_MS + 2, 1.0))
        await edge.until_committed(3)
        assert await online() == [(False, False, "sfere/pd194e", True)]
        await until_state(wired.database, gateway, "epoch", EPOCH - (1 << 64))


async def test_what_is_committed_appears_on_the_live_bus(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    received: list[live.LiveBatch] = []
    ready = asyncio.Event()

    async def listen(slugs: list[str] | None) -> None:
        stream = live.batches(wired, slugs)
        async for batch in stream:
            received.append(batch)
            ready.set()

    async with working(wired):
        await until_leased(wired.database, gateway)
        listeners = [asyncio.create_task(listen(["a"])), asyncio.create_task(listen(["b"]))]
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        while not ready.is_set():
            # Until the listener's subscription stands, batches pass it by.
            edge.send(sample(2, NOW_MS - 60_000 - edge.record, 1.0))
            await edge.until_committed(edge.record)
            await asyncio.sleep(0.05)
        received.clear()
        edge.send(sample(2, NOW_MS, 4.5, Quality.ESTIMATED), sample(1, NOW_MS, None))
        # Stored before, so not new: never told twice.
        edge.send(sample(2, NOW_MS - 60_000, 1.0), record=1)
        edge.send(sample(2, NOW_MS + 1, 5.5))
        await edge.until_committed(edge.record)
        async with asyncio.timeout(60):
            while sum(len(batch.rows) for batch in received) < 2:
                ready.clear()
                await ready.wait()
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    async with wired.database.read(tenant.id) as tx:
        number = await tx.fetch_value("SELECT id FROM point WHERE name = 'p'", into=int)
    assert {batch.project_id for batch in received} == {tenant.id}
    assert {batch.at_ms for batch in received} == {NOW_MS}
    assert [row for batch in received for row in batch.rows] == [
        (number, NOW_MS, 4.5, 1),
        (number, NOW_MS + 1, 5.5, 0),
    ]


async def test_another_worker_takes_over_without_a_rebirth(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired) as first:
        owner = await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(2, NOW_MS - 1000, 1.0))
        await edge.until_committed(1)
        async with working(wired):
            await asyncio.sleep(0.5)
            assert await until_leased(wired.database, gateway) == owner
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            # Sent while nobody listens: lost on the wire, kept in the journal.
            edge.send(sample(2, NOW_MS, 2.0))
            while await until_leased(wired.database, gateway) == owner:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            edge.send(sample(2, NOW_MS + 1000, 3.0), record=3)
            while 3 not in edge.committed():
                await asyncio.sleep(0.1)
                edge.send(sample(2, NOW_MS + 1000, 3.0), record=3)
            edge.send(sample(2, NOW_MS, 2.0), record=2)
            await edge.until_committed(2, 3)
            assert edge.rebirths_asked() == 0
    assert [row[2:4] for row in await readings(wired.database, tenant.id)] == [
        (-1000, 1.0),
        (0, 2.0),
        (1000, 3.0),
    ]


async def test_the_stranger_changes_nothing(
    wired: Platform,
    broker: RunningBroker,
    tenant: Tenant,
    gateway: int,
    make_project: MakeProject,
) -> None:
    other = await make_project("b")
    theirs = await make_gateway(wired.database, other, "g2", "secret of b")
    async with working(wired):
        await until_leased(wired.database, gateway)
        await until_leased(wired.database, theirs)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        stranger = await connect_edge(broker, "b", "g2")
        stranger.be_born()
        # Their own connection, our topics: birth, data, death; and a node name that is ours.
        for group, node in (("a", "g1"), ("b", "g1"), ("a", "g2")):
            stranger.group, stranger.node = group, node
            stranger.be_born()
            stranger.send(sample(2, NOW_MS - 5000, 666.0), record=1)
            stranger.publish(topics.NDEATH, None, [])
        stranger.group, stranger.node = "b", "g2"
        stranger.send(sample(2, NOW_MS, 1.0), record=2)
        await stranger.until_committed(2)
        edge.send(sample(2, NOW_MS, 7.0))
        await edge.until_committed(1)
        assert stranger.committed() == {2}
        async with wired.database.read(tenant.id) as tx:
            state = await tx.fetch_tuples("SELECT online, seq_gaps, rebirths FROM gateway_state")
        assert state == [(True, 0, 0)]
    assert await readings(wired.database, tenant.id) == [("m1", "p", 0, 7.0, 0)]
    assert await readings(wired.database, other.id) == [("m1", "p", 0, 1.0, 0)]


async def test_the_platform_says_that_it_is_online(
    wired: Platform, broker: RunningBroker, gateway: int
) -> None:
    listener = await broker.connect("a.g1")
    assert await listener.subscribe("spBv1.0/STATE/kilowise") == 0
    async with working(wired):
        await listener.hears(1)
    await listener.hears(2)
    assert listener.heard == [
        ("spBv1.0/STATE/kilowise", b'{"online":true,"timestamp":%d}' % NOW_MS),
        ("spBv1.0/STATE/kilowise", b'{"online":false,"timestamp":%d}' % NOW_MS),
    ]
