"""The gateway at the brokers that Kilowise supports, with a credential of its own."""

import asyncio
from pathlib import Path

import pytest

from backend.acquisition.credentials import INTERNAL
from gateway.config import load_config
from gateway.contract.clock import SystemClock
from gateway.journal import Journal
from gateway.run import run_until
from tests.backend.acquisition_brokers import BROKERS
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port, sdm630_field, serving


@pytest.mark.parametrize(
    "kind", ["amqtt", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))]
)
async def test_births_data_acknowledgements_and_death_pass(tmp_path: Path, kind: str) -> None:
    port, file = free_port(), tmp_path / "gateway.yaml"
    async with BROKERS[kind](tmp_path) as broker:
        file.write_text(
            "project: a\nnode: g1\n"
            f"mqtt: {{url: 'mqtt://127.0.0.1:{broker.port}', secret: {broker.secrets['a.g1']}}}\n"
            "devices:\n  - {slug: m1, profile: eastron/sdm630, host: 127.0.0.1, "
            f"port: {port}, unit: 1, poll_s: 0.2}}\n",
            encoding="utf-8",
        )
        host = Host("a", broker.port, (INTERNAL, broker.secrets[INTERNAL]))
        await host.start()
        config, ending = load_config(file, {}), asyncio.Event()
        assert config.broker.client_id == "a.g1/gateway"
        journal = Journal(config.journal)
        journal.open()
        async with serving(sdm630_field(1), port):
            task = asyncio.create_task(
                run_until(config, journal, SystemClock(), ending, (file, {}))
            )
            await host.until(lambda: bool(host.samples))
            await host.until(lambda: journal.last > 0 and journal.standing.records == 0)
            ending.set()
            await task
        await host.until(lambda: host.deaths == ["NDEATH/g1"])
        await asyncio.to_thread(journal.close)
        await host.stop()
    assert host.births == ["NBIRTH/g1", "DBIRTH/g1/m1"]
    assert host.unknown == host.sequence_gaps == 0
