"""What the host knows of nodes and devices: deaths, unique ids (Sparkplug 3.0, 1.4, 4.1, 5.5)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg import errors

from backend.core.platform import Platform
from tests.backend.acquisition_brokers import embedded
from tests.backend.acquisition_edge import (
    NOW_MS,
    connect_edge,
    make_gateway,
    readings,
    sample,
    until_leased,
    working,
)
from tests.backend.sparkplug.session import SILENT_MS, Recording, Standing
from tests.gateway.sparkplug.checklist import names
from tests.postgres import NOW, MakeProject

Claim = Callable[[Recording], None]
ALIVE = Standing(True, None, True, None, (True, True))


def node_is_offline(recording: Recording) -> None:
    """Since the hour the NDEATH came; the will of another session changed nothing."""
    assert recording.after["another's ndeath"].node_online is True
    after = recording.after["ndeath"]
    assert (after.node_online, after.node_died) == (False, NOW + timedelta(hours=1))


def its_points_are_stale(recording: Recording) -> None:
    """None of them stands for the present moment, whatever was read last."""
    assert recording.after["another's ndeath"].points_live == (True, True)
    assert recording.after["ndeath"].points_live == (False, False)


def its_devices_are_offline(recording: Recording) -> None:
    after = recording.after["ndeath"]
    assert (after.device_online, after.device_died) == (False, NOW + timedelta(hours=1))


def silent_device_is_offline(recording: Recording) -> None:
    """Since the time in the DDEATH; its node is as before."""
    assert recording.after["birth"] == ALIVE
    after = recording.after["ddeath"]
    silent = NOW + timedelta(milliseconds=SILENT_MS - NOW_MS)
    assert (after.device_online, after.device_died) == (False, silent)
    assert after.node_online is True


def its_own_points_are_stale(recording: Recording) -> None:
    assert recording.after["birth"].points_live == (True, True)
    assert recording.after["ddeath"].points_live == (False, False)


ACTION = "operational-behavior-edge-node-termination-host-action"
CLAIMS: dict[str, Claim] = {
    f"{ACTION}-ndeath-node-offline": node_is_offline,
    f"{ACTION}-ndeath-node-tags-stale": its_points_are_stale,
    f"{ACTION}-ndeath-devices-offline": its_devices_are_offline,
    f"{ACTION}-ndeath-devices-tags-stale": its_points_are_stale,
    f"{ACTION}-ddeath-devices-offline": silent_device_is_offline,
    f"{ACTION}-ddeath-devices-tags-stale": its_own_points_are_stale,
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_host_nodes(recording: Recording, claim: Claim) -> None:
    claim(recording)


UNIQUE = (
    "intro-edge-node-id-uniqueness",
    "topic-structure-namespace-unique-edge-node-descriptor",
    "payloads-nbirth-edge-node-descriptor",
)


@pytest.mark.parametrize("assertion", names(UNIQUE), ids=names(UNIQUE))
async def test_a_descriptor_belongs_to_one_node(
    platform: Platform, make_project: MakeProject, assertion: str
) -> None:
    """A project cannot have two gateways of one slug; another project can have its own."""
    tenant, other = await make_project("a"), await make_project("b")
    await make_gateway(platform.database, tenant, "g1", "s")
    await make_gateway(platform.database, other, "g1", "s")
    with pytest.raises(errors.UniqueViolation):
        await make_gateway(platform.database, tenant, "g1", "s")


async def test_tck_id_topic_structure_namespace_duplicate_device_id_across_edge_node(
    platform: Platform, make_project: MakeProject, tmp_path: Path
) -> None:
    """The device m1 of two nodes is two devices."""
    async with embedded(tmp_path) as broker:
        wired = replace(platform, mqtt_url=broker.url)
        tenant, other = await make_project("a"), await make_project("b")
        first = await make_gateway(wired.database, tenant, "g1", broker.secrets["a.g1"])
        second = await make_gateway(wired.database, other, "g2", broker.secrets["b.g2"])
        async with working(wired):
            for group, slug, number, value in (("a", "g1", first, 1.0), ("b", "g2", second, 2.0)):
                await until_leased(wired.database, number)
                edge = await connect_edge(broker, group, slug)
                edge.be_born("m1")
                await edge.until_committed(edge.send(sample(2, NOW_MS, value), device="m1"))
    assert await readings(wired.database, tenant.id) == [("m1", "p", 0, 1.0, 0)]
    assert await readings(wired.database, other.id) == [("m1", "p", 0, 2.0, 0)]
