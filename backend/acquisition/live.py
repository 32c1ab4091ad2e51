"""The live bus: what ingest has committed, normalised, to every process that shows or judges it.

`$kw/<bus>/<project>/live`, MQTT QoS 0, MessagePack. A batch may be lost (a full queue, a broker
that restarts), so whoever reads it also re-reads last values from the database now and then. Rows
are new readings only; a sample that is missing has none.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

import msgspec

from backend.acquisition import counters
from backend.acquisition.connection import Connection, unique_name
from backend.core.platform import Platform
from gateway.contract import topics

BUS = "main"
MAX_WAITING = 1000
"""Batches that a slow reader may have waiting; the oldest are dropped beyond."""

LiveRow = tuple[int, int, float, int]
"""(point_id, ts_ms UTC, value in the point's unit, quality)."""


class LiveBatch(msgspec.Struct, frozen=True, array_like=True):
    """Readings of one project, committed at `at_ms` (UTC milliseconds of the platform's clock)."""

    project_id: int
    at_ms: int
    rows: list[LiveRow]


def publish(connection: Connection, project: str, batch: LiveBatch) -> bool:
    """Send a committed batch; False when there is no connection to the broker."""
    sent = connection.publish(topics.live(BUS, project), msgspec.msgpack.encode(batch))
    if sent:
        counters.live_batches.labels("sent").inc()
    else:
        counters.live_dropped.labels("disconnected").inc()
    return sent


async def batches(
    platform: Platform, project_slugs: Iterable[str] | None = None, *, name: str = "live"
) -> AsyncIterator[LiveBatch]:
    """Yield live batches of these projects (None: of all) for ever, over reconnects too."""
    waiting: asyncio.Queue[LiveBatch] = asyncio.Queue(MAX_WAITING)
    decoder = msgspec.msgpack.Decoder(LiveBatch)

    def take(_topic: str, payload: bytes) -> None:
        try:
            batch = decoder.decode(payload)
        except msgspec.DecodeError:
            counters.live_dropped.labels("unreadable").inc()
            return
        if waiting.full():
            counters.live_dropped.labels("slow_reader").inc()
            waiting.get_nowait()
        waiting.put_nowait(batch)
        counters.live_batches.labels("received").inc()

    connection = Connection(platform.mqtt_url, unique_name(name), on_message=take)
    slugs = ["+"] if project_slugs is None else list(project_slugs)
    connection.subscribe(*(f"$kw/{BUS}/{slug}/live" for slug in slugs))
    task = asyncio.create_task(connection.run())
    try:
        while True:
            yield await waiting.get()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
