"""Aliases nobody announced and sequence numbers that are missing: asked for, counted, not lost."""

import pytest

from backend.core.platform import Platform
from tests.backend.acquisition_brokers import RunningBroker
from tests.backend.acquisition_edge import (
    NOW_MS,
    connect_edge,
    point,
    readings,
    sample,
    until_leased,
    until_state,
    working,
)
from tests.postgres import Tenant

pytestmark = pytest.mark.usefixtures("tenant")


async def test_an_unknown_alias_asks_for_a_rebirth_and_loses_nothing(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(2, NOW_MS - 1000, 1.0))
        await edge.until_committed(1)
        # Known and unknown in one message: nothing of it is taken.
        edge.send(sample(2, NOW_MS, 2.0), sample(3, NOW_MS, 3.0))
        await edge.until(lambda e: e.rebirths_asked() == 1, "a rebirth request")
        edge.send(sample(3, NOW_MS, 3.0))
        edge.send(sample(2, NOW_MS + 1000, 4.0), record=9)
        await edge.until_committed(9)
        assert edge.committed() == {1, 9}
        assert edge.rebirths_asked() == 1
        edge.be_born(points=(point("p", 2), point("q", 3, unit="kvar")))
        edge.send(sample(2, NOW_MS, 2.0), sample(3, NOW_MS, 3.0), record=2)
        await edge.until_committed(2)
    assert await readings(wired.database, tenant.id) == [
        ("m1", "p", -1000, 1.0, 0),
        ("m1", "p", 0, 2.0, 0),
        ("m1", "p", 1000, 4.0, 0),
        ("m1", "q", 0, 3.0, 0),
    ]


async def test_an_alias_of_another_journal_is_not_believed(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(2, NOW_MS - 1000, 1.0))
        await edge.until_committed(1)
        # Its birth is lost on the way; the alias 2 may mean anything now.
        edge.epoch = 99
        edge.send(sample(2, NOW_MS, 55.0), record=1)
        await edge.until(lambda e: e.rebirths_asked() == 1, "a rebirth request")
        edge.be_born(points=(point("q", 2), point("p", 1)))
        edge.send(sample(2, NOW_MS, 55.0), record=1)
        await edge.until_committed(1)
    assert await readings(wired.database, tenant.id) == [
        ("m1", "p", -1000, 1.0, 0),
        ("m1", "q", 0, 55.0, 0),
    ]


async def test_a_sequence_gap_is_counted_and_the_resend_fills_it(
    wired: Platform, broker: RunningBroker, tenant: Tenant, gateway: int
) -> None:
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        edge.send(sample(2, NOW_MS - 3000, 1.0))
        edge.seq = (edge.seq + 2) % 256
        edge.send(sample(2, NOW_MS - 1000, 3.0), record=3)
        await edge.until_committed(1, 3)
        edge.send(sample(2, NOW_MS - 2000, 2.0), record=2)
        await edge.until_committed(2)
        assert edge.rebirths_asked() == 0
        await until_state(wired.database, gateway, "seq_gaps", 1)
    assert [row[2:4] for row in await readings(wired.database, tenant.id)] == [
        (-3000, 1.0),
        (-2000, 2.0),
        (-1000, 3.0),
    ]
