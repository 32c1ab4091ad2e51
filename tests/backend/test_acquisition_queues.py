"""The queues of acquisition are bounded, and what they drop is counted."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from prometheus_client import Counter

from backend.acquisition import counters, live
from backend.acquisition.connection import Connection
from backend.acquisition.inbox import Inbox
from backend.acquisition.live import LiveBatch
from backend.core.platform import Platform
from tests.backend.acquisition_brokers import BROKERS


def counted(counter: Counter, label: str) -> float:
    """What a counter stands at for one label."""
    [metric] = counter.labels(label).collect()
    return next(row.value for row in metric.samples if row.name.endswith("_total"))


def test_a_full_inbox_drops_the_new_message_and_counts_it() -> None:
    before = counted(counters.messages_dropped, "inbox_full")
    inbox = Inbox(limit=2)
    for topic in ("a", "b", "c"):
        inbox.put(topic, b"x")
    assert len(inbox) == 2
    assert counted(counters.messages_dropped, "inbox_full") == before + 1
    assert [inbox.take(), inbox.take(), inbox.take()] == [("a", b"x"), ("b", b"x"), None]


async def test_a_slow_reader_of_the_live_bus_loses_the_oldest_batches(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_WAITING", 3)
    dropped = counted(counters.live_dropped, "slow_reader")
    received = counted(counters.live_batches, "received")
    async with BROKERS["amqtt"](tmp_path) as broker:
        reading = live.batches(dataclasses.replace(platform, mqtt_url=broker.url), ["a"])
        assert isinstance(reading, AsyncGenerator)
        sender = Connection(broker.url, "sender")
        sending = asyncio.create_task(sender.run())
        first = asyncio.ensure_future(anext(reading))
        await sender.connected.wait()
        number = 0
        while not first.done():
            number += 1
            live.publish(sender, "a", LiveBatch(1, number, []))
            await asyncio.sleep(0.05)
        # Nobody reads now: of all that comes three batches stay.
        for _ in range(9):
            number += 1
            assert live.publish(sender, "a", LiveBatch(1, number, []))
        came = number - first.result().at_ms + 1
        while counted(counters.live_batches, "received") < received + came:  # noqa: ASYNC110 - a broker sends
            await asyncio.sleep(0.02)
        assert counted(counters.live_dropped, "slow_reader") == dropped + came - 1 - 3
        left = [(await anext(reading)).at_ms for _ in range(3)]
        assert left == [number - 2, number - 1, number]
        await reading.aclose()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
