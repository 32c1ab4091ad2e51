"""The embedded broker does not grow: what is too much is dropped and counted, the rest goes on."""

import asyncio
import contextlib
import struct
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from gmqtt import Client, Message

from backend.acquisition import counters
from backend.acquisition.broker_clients import Incoming
from backend.acquisition.credentials import INTERNAL, write_snapshot
from tests.backend.acquisition_brokers import (
    Caller,
    RunningBroker,
    end_callers,
    free_port,
    make_credentials,
    until_listening,
)

LIMITED = """
import asyncio, pathlib, sys
from prometheus_client import generate_latest
from backend.acquisition import broker

broker.MAX_RETAINED, broker.MAX_RETAINED_OWN = 3, 3
broker.MAX_OUTGOING_BYTES, broker.MAX_INFLIGHT = 100_000, 5
folder = pathlib.Path(sys.argv[1])

async def report():
    while True:
        (folder / "fresh").write_bytes(generate_latest())
        (folder / "fresh").replace(folder / "metrics")
        await asyncio.sleep(0.05)

async def main():
    telling = asyncio.create_task(report())
    await broker.serve(folder, "127.0.0.1", int(sys.argv[2]))

asyncio.run(main())
"""


@dataclass
class Limited:
    """A broker with small limits, and its counters."""

    broker: RunningBroker
    folder: Path

    def counted(self, line: str) -> float:
        """A counter of the broker's process."""
        for row in (self.folder / "metrics").read_text().splitlines():
            if row.startswith(line):
                return float(row.rpartition(" ")[2])
        return 0

    async def until(self, line: str, wanted: float) -> None:
        """Wait until a counter has reached a value."""
        async with asyncio.timeout(20):
            while self.counted(line) < wanted:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(0.02)


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Limited]:
    """The broker as a process of its own."""
    secrets, credentials = make_credentials(tmp_path)
    write_snapshot(tmp_path, credentials)
    port = free_port()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIMITED, str(tmp_path), str(port)
    )
    running = RunningBroker("amqtt", port, secrets, lambda _: None)
    await until_listening(port)
    try:
        yield Limited(running, tmp_path)
    finally:
        await end_callers(running)
        child.kill()
        await child.wait()


def test_a_client_that_publishes_too_fast_loses_messages() -> None:
    [before] = counters.broker_dropped.labels("incoming").collect()
    queue = Incoming(2)
    for text in ("a", "b", "c"):
        queue.put_nowait(Message("t", text))
    assert [queue.get_nowait().payload, queue.get_nowait().payload] == [b"a", b"b"]
    assert queue.empty()
    [after] = counters.broker_dropped.labels("incoming").collect()
    assert after.samples[0].value == before.samples[0].value + 1


async def test_retained_topics_are_bounded(limited: Limited) -> None:
    platform = await limited.broker.connect(INTERNAL, client_id="internal/1")
    for number in range(5):
        platform.client.publish(f"$kw/{number}", b"x", retain=True)
    # A topic that is kept may change, and one that is cleared makes room.
    platform.client.publish("$kw/0", b"y", retain=True)
    platform.client.publish("$kw/1", b"", retain=True)
    platform.client.publish("$kw/9", b"z", retain=True)
    await limited.until('kilowise_broker_dropped_total{queue="retained"}', 2)
    reader = await limited.broker.connect(INTERNAL, client_id="internal/2")
    assert await reader.subscribe("$kw/#") == 0
    heard = await reader.hears(3)
    assert sorted(heard) == [("$kw/0", b"y"), ("$kw/2", b"x"), ("$kw/9", b"z")]
    assert limited.counted('kilowise_broker_dropped_total{queue="retained"}') == 2


async def test_a_gateway_does_not_crowd_out_what_the_platform_keeps(limited: Limited) -> None:
    gateway = await limited.broker.connect("a.g1")
    for number in range(9):
        gateway.client.publish(f"spBv1.0/a/DDATA/g1/{number}", b"x", retain=True)
    await limited.until('kilowise_broker_dropped_total{queue="retained"}', 6)
    platform = await limited.broker.connect(INTERNAL, client_id="internal/1")
    for number in range(3):
        platform.client.publish(f"kilowise/a/readings/{number}", b"y", qos=1, retain=True)
    reader = await limited.broker.connect(INTERNAL, client_id="internal/2")
    assert await reader.subscribe("kilowise/a/readings/+") == 0
    assert len(await reader.hears(3)) == 3
    assert limited.counted('kilowise_broker_dropped_total{queue="retained"}') == 6


async def test_a_client_that_does_not_read_loses_messages_and_holds_up_nobody(
    limited: Limited,
) -> None:
    slow = await limited.broker.connect(INTERNAL, client_id="internal/slow")
    assert await slow.subscribe("$kw/live") == 0
    transport(slow).pause_reading()
    quick = await limited.broker.connect(INTERNAL, client_id="internal/quick")
    assert await quick.subscribe("$kw/live") == 0
    sender = await limited.broker.connect(INTERNAL, client_id="internal/sender")
    for number in range(1000):
        sender.client.publish("$kw/live", b"%6d" % number + bytes(20_000))
        if number % 20 == 0:
            await quick.hears(max(0, number - 20))
    heard = await quick.hears(1000)
    assert [int(payload[:6]) for _, payload in heard] == list(range(1000))
    dropped = limited.counted('kilowise_broker_dropped_total{queue="outgoing"}')
    await limited.until('kilowise_broker_dropped_total{queue="outgoing"}', dropped or 1)
    transport(slow).resume_reading()
    sender.client.publish("$kw/live", b"  1000")
    async with asyncio.timeout(20):
        while not slow.heard or int(slow.heard[-1][1][:6]) != 1000:
            sender.client.publish("$kw/live", b"  1000")
            await asyncio.sleep(0.05)
    assert len([1 for _, payload in slow.heard if payload != b"  1000"]) < 1000


async def test_a_packet_too_long_ends_the_connection(limited: Limited) -> None:
    caller = await limited.broker.connect("a.g1")
    caller.client.publish("spBv1.0/a/NDATA/g1", bytes((1 << 20) + 100))
    await asyncio.wait_for(caller.gone.wait(), 20)
    await limited.until('kilowise_broker_refused_total{reason="oversized"}', 1)


async def test_a_client_that_falls_silent_is_disconnected_and_its_will_published(
    limited: Limited,
) -> None:
    platform = await limited.broker.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("spBv1.0/a/NDEATH/g1") == 0
    reader, writer = await asyncio.open_connection("127.0.0.1", limited.broker.port)
    topic, payload = b"spBv1.0/a/NDEATH/g1", b"silent"
    user, secret = b"a.g1", limited.broker.secrets["a.g1"].encode()
    parts = (b"a.g1/gateway", topic, payload, user, secret)
    body = b"\x00\x04MQTT\x04\xc6" + struct.pack("!H", 2)
    body += b"".join(struct.pack("!H", len(part)) + part for part in parts)
    writer.write(bytes([0x10, len(body)]) + body)
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    assert await platform.hears(1) == [(topic.decode(), payload)]
    assert await reader.read() == b""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def transport(caller: Caller) -> asyncio.Transport:
    """The socket below gmqtt, to stop reading from it."""
    client: Client = caller.client
    found: asyncio.Transport = client._connection._transport  # noqa: SLF001 - no other way
    return found
