"""Messages out of order, and the reorder time-out (Sparkplug 3.0, 5.9)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from backend.acquisition.order import Order
from backend.core.platform import Platform
from backend.core.settings import Settings
from gateway.contract.sparkplug import Datatype, Metric
from tests.backend.acquisition_brokers import embedded
from tests.backend.acquisition_edge import (
    NOW_MS,
    Edge,
    connect_edge,
    make_gateway,
    until_leased,
    until_rows,
    working,
)
from tests.postgres import MakeProject, Tenant

NEVER_S = 60.0


@asynccontextmanager
async def foreign_node(
    platform: Platform, make_project: MakeProject, folder: Path, reorder_s: float
) -> AsyncIterator[tuple[Edge, Platform, Tenant]]:
    """A node of another maker with one point, at a worker with this reorder time-out."""
    async with embedded(folder) as broker:
        settings = Settings(data=folder, reorder_s=reorder_s)
        wired = replace(platform, mqtt_url=broker.url, settings=settings)
        tenant = await make_project("a")
        gateway = await make_gateway(wired.database, tenant, "g1", broker.secrets["a.g1"])
        async with working(wired):
            await until_leased(wired.database, gateway)
            edge = await connect_edge(broker, "a", "g1", epoch=None)
            edge.be_born(points=(count(0),))
            await until_rows(wired.database, tenant.id, 1)
            yield edge, wired, tenant


def count(number: int) -> Metric:
    return Metric("count", None, Datatype.INT32, number, NOW_MS + number)


def test_tck_id_operational_behavior_host_reordering_param(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time-out is a setting."""
    monkeypatch.setenv("KILOWISE_REORDER_S", "2.5")
    assert Settings().reorder_s == 2.5


async def test_tck_id_operational_behavior_host_reordering_start(
    platform: Platform, make_project: MakeProject, tmp_path: Path
) -> None:
    """A message out of order is stored, and no rebirth is asked for while the time runs."""
    async with foreign_node(platform, make_project, tmp_path, NEVER_S) as (edge, wired, tenant):
        edge.seq += 1
        edge.send(count(2))
        edge.send(count(3))
        await until_rows(wired.database, tenant.id, 3)
        assert edge.rebirths_asked() == 0


async def test_tck_id_operational_behavior_host_reordering_rebirth(
    platform: Platform, make_project: MakeProject, tmp_path: Path
) -> None:
    """When the missing message has not come in time, a rebirth is asked for."""
    async with foreign_node(platform, make_project, tmp_path, 0.05) as (edge, wired, tenant):
        edge.seq += 1
        edge.send(count(2))
        await edge.until(lambda e: e.rebirths_asked() == 1, "a rebirth")
        await until_rows(wired.database, tenant.id, 2)


def test_tck_id_operational_behavior_host_reordering_success() -> None:
    """The missing messages came in time: when it is over, there is nothing to ask for."""
    order = Order()
    order.begin(254)
    assert [order.see(seq) for seq in (1, 255, 0, 2)] == [True, False, False, False]
    assert order.give_up() is False


def test_numbers_out_of_order() -> None:
    order = Order()
    order.begin(0)
    assert [order.see(seq) for seq in (1, 2, 5, 3, 6)] == [False, False, True, False, False]
    assert (order.missing, order.gaps, order.last) == ({4}, 1, 6)
    assert (order.give_up(), order.give_up()) == (True, False)


def test_a_number_lost_for_good_is_not_late_a_round_later() -> None:
    order = Order()
    order.begin(0)
    order.see(2)
    assert not any(order.see(seq % 256) for seq in range(3, 800))
    assert (order.gaps, order.last, order.missing) == (1, 799 % 256, set())


@pytest.mark.parametrize("nonsense", [None, -1, 256, 1 << 63, (1 << 64) - 1])
def test_what_is_no_number_says_nothing(nonsense: int | None) -> None:
    order = Order()
    order.begin(nonsense)
    assert order.see(7) is False
    assert order.see(nonsense) is False
    assert order.see(8) is False
    assert order.gaps == 0
