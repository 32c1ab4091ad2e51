"""One client a connection: gmqtt's own reconnecting would fight ours for the client id."""

import asyncio
from pathlib import Path

import pytest
from gmqtt.client import MQTTConnection
from gmqtt.mqtt.constants import DEFAULT_CONFIG

from backend.acquisition.connection import Connection
from gateway.simulator.cut import Cut
from tests.backend.acquisition_brokers import BROKERS


async def test_after_a_loss_it_connects_once_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connects = 0
    create = MQTTConnection.create_connection

    async def counted(*args: object, **words: object) -> object:
        nonlocal connects
        connects += 1
        return await create(*args, **words)

    monkeypatch.setattr(MQTTConnection, "create_connection", counted)
    monkeypatch.setitem(DEFAULT_CONFIG, "reconnect_delay", 0.6)
    async with BROKERS["amqtt"](tmp_path) as broker:
        link = Cut("127.0.0.1", broker.port)
        port = await link.start()
        connection = Connection(broker.url.replace(str(broker.port), str(port)), "once")
        running = asyncio.create_task(connection.run())
        for _ in range(3):
            await asyncio.wait_for(connection.connected.wait(), 60)
            await link.set_cut(cut=True)
            async with asyncio.timeout(60):
                while connection.connected.is_set():  # noqa: ASYNC110 - gmqtt tells nobody
                    await asyncio.sleep(0.01)
            await link.set_cut(cut=False)
        await asyncio.wait_for(connection.connected.wait(), 60)
        settled = connects
        await asyncio.sleep(2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await link.stop()
        assert connects == settled
