"""Whatever a node sends: no crash, no value that nobody sent, one clear line in the log."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings

from backend.acquisition import leases
from backend.acquisition.births import as_bigint
from backend.acquisition.born import BornDevice, is_fit_name, read_birth
from backend.acquisition.host import Data, EdgeNode, KnownPoint
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Datatype, Metric, Payload, WireFault, decode, encode
from tests.backend.acquisition_brokers import embedded
from tests.backend.acquisition_edge import (
    EPOCH,
    NOW_MS,
    Edge,
    connect_edge,
    make_gateway,
    readings,
    sample,
    until_leased,
    until_rows,
    until_state,
    working,
)
from tests.gateway.sparkplug.noise import NOT_UTF8, nested, payloads, unreadable
from tests.postgres import MakeProject

LITTLE = settings(max_examples=250, deadline=None, derandomize=True)
DEVICE_KINDS = (topics.DBIRTH, topics.DDATA, topics.DDEATH)
NODE_KINDS = (topics.NBIRTH, topics.NDATA, topics.NDEATH)


def known_node() -> EdgeNode:
    node = EdgeNode(1, 1, "a", "g1")
    node.aliases = {1: KnownPoint(11, register=True), 2: KnownPoint(12, register=False)}
    node.names = {("m1", "p"): KnownPoint(12, register=False)}
    return node


def numbers_in(payload: Payload) -> set[float]:
    """Every number that a payload holds, also read as two's complement of 32 or 64 bits."""
    found: set[float] = set()
    for metric in payload.metrics:
        if isinstance(metric.value, int | float):
            found |= {float(metric.value + shift) for shift in (0, -(1 << 32), -(1 << 64))}
    return found


@LITTLE
@given(payloads())
@example(NOT_UTF8)
@example(nested(400))
@example(b"")
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    try:
        payload = decode(raw)
    except WireFault:
        return
    node = known_node()
    check_data(node.read_data(payload, "m1", NOW_MS), payload)
    check_birth(read_birth(payload, "m1"))
    node.order.see(payload.seq)
    node.node_died(payload)
    node.node_born(payload)
    check_data(node.read_data(payload, None, NOW_MS), payload)
    assert node.order.last in {None, *range(256)}
    assert 0 <= node.dropped_total < 1 << 63
    assert abs(node.clock_offset_ms or 0) < 1 << 63
    for number in (node.bd_seq, node.epoch):
        kept = as_bigint(number)
        assert kept is None or -(1 << 63) <= kept < 1 << 63


def check_data(data: Data, payload: Payload) -> None:
    sent = numbers_in(payload)
    for one in data.samples:
        assert one.point.id in {11, 12}
        assert one.quality in set(Quality)
        assert one.value is None or (math.isfinite(one.value) and one.value in sent)


def check_birth(born: BornDevice) -> None:
    assert len({point.name for point in born.points}) == len(born.points)
    for point in born.points:
        assert is_fit_name(point.name)
        assert point.modulus is None or 0 < point.modulus < math.inf
        assert 0 < point.max_gap_s < 1 << 31


def noise(edge: Edge, random: Random) -> Iterator[tuple[str, bytes]]:
    """Topics and payloads of one node, each wrong in its own way."""
    own, device = "spBv1.0/a/{}/g1", "spBv1.0/a/{}/g1/m1"
    for _ in range(10):
        for kind in NODE_KINDS:
            yield own.format(kind), unreadable(random)
        for kind in DEVICE_KINDS:
            yield device.format(kind), unreadable(random)
    for raw in (NOT_UTF8, nested(400), random.randbytes(100_000), b"\x12\x00" * 25_000):
        yield device.format(topics.DDATA), raw
    epoch = Metric(topics.EXT_EPOCH, datatype=Datatype.UINT64, value=EPOCH)
    for metric in strange_metrics():
        yield own.format(topics.NDATA), encode(Payload(NOW_MS, (metric,), 1 << 63))
        yield device.format(topics.DDATA), encode(Payload(NOW_MS, (metric,), edge.seq))
        yield own.format(topics.NBIRTH), encode(Payload(NOW_MS, (epoch, metric), 1 << 40))
        yield device.format(topics.DBIRTH), encode(Payload(1 << 63, (metric,), None))
        yield device.format(topics.DDEATH), encode(Payload((1 << 64) - 1, (metric,), 3))
    yield f"spBv1.0/a/DBIRTH/g1/{'x' * 300}", encode(Payload(NOW_MS, (), 1))


def strange_metrics() -> list[Metric]:
    """Values under wrong datatypes, no numbers, aliases never born, names of all kinds."""
    huge = (1 << 64) - 1
    return [
        Metric(None, huge, Datatype.UINT64, huge, huge),
        Metric(None, 1, Datatype.STRING, "666", NOW_MS),
        Metric(None, 1, Datatype.DOUBLE, math.nan, NOW_MS),
        Metric(None, 1, Datatype.DOUBLE, 666.0, NOW_MS),
        Metric("", 2, Datatype.BYTES, b"666", NOW_MS),
        Metric("x" * 10_000, 1 << 63, Datatype.DOUBLE, 666.0, huge),
        Metric("a\x00b", None, Datatype.DOUBLE, math.inf, 0),
        Metric("p", None, Datatype.DOUBLE, 666.0, NOW_MS),
        Metric(topics.BDSEQ, None, Datatype.DOUBLE, 0.5, NOW_MS),
        Metric(topics.EXT_DROPPED, None, Datatype.UINT64, huge, NOW_MS),
        Metric(topics.EXT_OFFSET, None, Datatype.STRING, "soon", NOW_MS),
        Metric(topics.EXT_WIRE, None, Datatype.STRING, "1\x00", NOW_MS),
    ]


async def test_noise_stores_nothing_and_says_so_once(
    platform: Platform,
    make_project: MakeProject,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a node with a journal nothing is believed that has not its epoch; then it goes on."""
    monkeypatch.setattr(leases, "RENEW_S", 0.05)
    async with embedded(tmp_path) as broker:
        wired = replace(platform, mqtt_url=broker.url)
        tenant = await make_project("a")
        gateway = await make_gateway(wired.database, tenant, "g1", broker.secrets["a.g1"])
        async with working(wired) as worker:
            await until_leased(wired.database, gateway)
            edge = await connect_edge(broker, "a", "g1")
            edge.be_born()
            await edge.until_committed(edge.send(sample(1, NOW_MS, 1.0)))
            for topic, raw in noise(edge, Random(7)):
                edge.caller.client.publish(topic, raw)
            await until_state(wired.database, gateway, "rebirths", 1)
            edge.be_born()
            await edge.until_committed(edge.send(sample(1, NOW_MS + 1, 2.0)))
            # What the node says of itself is kept where it can be.
            await until_state(wired.database, gateway, "last_seq", edge.seq - 1)
            assert not worker.done()
            async with wired.database.read(tenant.id) as tx:
                quarantined = await tx.fetch_tuples("SELECT value FROM reading_quarantine")
    assert quarantined == []
    assert await readings(wired.database, tenant.id) == [
        ("m1", "ep_imp", 0, 1.0, 0),
        ("m1", "ep_imp", 1, 2.0, 0),
    ]
    for kind in (*NODE_KINDS, *DEVICE_KINDS):
        assert caplog.text.count(f"a/g1: a {kind} is not taken (unreadable)") == 1
    assert caplog.text.count("a/g1: a DBIRTH is not taken (bad_birth)") == 1


async def test_a_foreign_nodes_nonsense_is_missing_never_a_number(
    platform: Platform, make_project: MakeProject, tmp_path: Path
) -> None:
    """Texts, bytes, NaN and infinities under the name of a number; then the number itself."""
    async with embedded(tmp_path) as broker:
        wired = replace(platform, mqtt_url=broker.url)
        tenant = await make_project("a")
        gateway = await make_gateway(wired.database, tenant, "g1", broker.secrets["a.g1"])
        async with working(wired) as worker:
            await until_leased(wired.database, gateway)
            edge = await connect_edge(broker, "a", "g1", epoch=None)
            edge.be_born(points=(Metric("p", None, Datatype.DOUBLE, 0.5, NOW_MS),))
            for number, value in enumerate(("666", b"\x06", math.nan, math.inf, None), start=1):
                edge.send(Metric("p", None, None, value, NOW_MS + number))
            edge.send(Metric("p", None, None, 1.5, NOW_MS + 9))
            await until_rows(wired.database, tenant.id, 2)
            assert not worker.done()
    assert await readings(wired.database, tenant.id) == [
        ("m1", "p", 0, 0.5, 0),
        ("m1", "p", 9, 1.5, 0),
    ]
