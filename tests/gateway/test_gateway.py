"""The whole gateway against real Modbus, a real broker and a host that acknowledges."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.contract import topics
from gateway.contract.clock import SystemClock
from gateway.contract.profile import Ratios
from gateway.contract.profile_file import find_profile
from gateway.contract.sparkplug import Datatype
from gateway.journal import Journal
from gateway.run import run_until
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import Field, free_port, sdm630_field, serving

pytestmark = pytest.mark.needs("mosquitto")
SDM630 = find_profile("eastron/sdm630")
DIRECT = Ratios()


def write_config(
    folder: Path, mqtt_port: int, modbus_port: int, units: int = 1, timeout_s: float = 2
) -> Path:
    """A gateway's file for units of one Modbus server; only silent units need a short time-out."""
    file = folder / "gateway.yaml"
    devices = "\n".join(
        f"  - {{slug: m{unit}, name: Meter {unit}, profile: eastron/sdm630, host: 127.0.0.1, "
        f"port: {modbus_port}, unit: {unit}, poll_s: 0.2}}"
        for unit in range(1, units + 1)
    )
    file.write_text(
        f"project: works\nnode: edge\nmqtt: {{url: 'mqtt://127.0.0.1:{mqtt_port}'}}\n"
        f"timeout_s: {timeout_s}\ndevices:\n{devices}\n",
        encoding="utf-8",
    )
    return file


@asynccontextmanager
async def gateway(file: Path) -> AsyncIterator[Journal]:
    """The gateway in this process."""
    config, ending = load_config(file, {}), asyncio.Event()
    journal = Journal(config.journal, config.journal_bytes)
    journal.open()
    task = asyncio.create_task(run_until(config, journal, SystemClock(), ending, (file, {})))
    try:
        yield journal
    finally:
        ending.set()
        await task
        await asyncio.to_thread(journal.close)


async def counting(field: Field, unit: int) -> None:
    """A meter whose register counts up 1 kWh every 50 ms."""
    energy = 0
    while True:
        field.put_value(unit, SDM630, "ep_imp", float(energy), DIRECT)
        energy += 1
        await asyncio.sleep(0.05)


async def test_births_say_what_there_is_and_data_follow(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    port, host = free_port(), Host("works", mosquitto.port)
    field = sdm630_field(1)
    field.put_value(1, SDM630, "p", 12.5, DIRECT)
    field.put_value(1, SDM630, "ep_imp", 1000.5, DIRECT)
    field.put_value(1, SDM630, "pf", None, DIRECT)
    await host.start()
    async with serving(field, port), gateway(write_config(tmp_path, mosquitto.port, port)) as log:
        await host.until(lambda: bool(host.samples))
        field.put_value(1, SDM630, "p", 13.5, DIRECT)
        await host.until(lambda: 13.5 in host.values_of("m1", "p").values())
        await host.until(lambda: log.standing.records == 0)
        epoch = log.epoch
    await host.until(lambda: host.deaths == ["NDEATH/edge"])
    await host.stop()
    assert host.births == ["NBIRTH/edge", "DBIRTH/edge/m1"]
    assert host.node[topics.EXT_EPOCH].value == epoch
    assert host.node[topics.EXT_WIRE].value == "1.0"
    assert host.node[topics.REBIRTH].value is False
    birth = host.born["m1"]
    assert birth[topics.EXT_PROFILE].value == "eastron/sdm630"
    assert birth[topics.EXT_PROFILE_HASH].value == SDM630.hash
    assert birth[topics.EXT_VERIFIED].value is SDM630.verified
    assert birth[topics.EXT_RATIO].value == "ct=1 pt=1"
    assert topics.EXT_SERIAL not in birth
    assert birth[topics.EXT_NAME].value == "Meter 1"
    energy = birth["ep_imp"]
    assert (energy.value, energy.datatype) == (1000.5, Datatype.DOUBLE)
    assert {key: prop.value for key, prop in energy.properties.items()} == {
        "unit": "kWh",
        "kind": "register",
        "max_gap_s": 1800,
    }
    assert birth["pf"].is_null
    assert birth["pf"].properties[topics.PROPERTY_QUALITY].value == 5
    assert list(host.values_of("m1", "pf").values()) == [None]
    assert set(host.values_of("m1", "p").values()) == {12.5, 13.5}
    assert host.sequence_gaps == host.unknown == 0
    assert all(ts % 200 == 0 for ts in list(host.values_of("m1", "p"))[1:])


async def test_a_rebirth_on_command_repeats_all_births(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    port, host = free_port(), Host("works", mosquitto.port)
    await host.start()
    async with (
        serving(sdm630_field(1, 2), port),
        gateway(write_config(tmp_path, mosquitto.port, port, 2)),
    ):
        await host.until(lambda: {"m1", "m2"} <= set(host.born))
        first = host.node[topics.BDSEQ].value
        host.ask_rebirth("edge")
        await host.until(lambda: host.births.count("NBIRTH/edge") == 2)
        await host.until(lambda: len(host.births) == 6)
    await host.stop()
    assert host.births[3:] == ["NBIRTH/edge", "DBIRTH/edge/m1", "DBIRTH/edge/m2"]
    assert host.node[topics.BDSEQ].value == first
    assert host.sequence_gaps == 0


async def test_a_silent_device_dies_and_is_born_again(tmp_path: Path, mosquitto: Mosquitto) -> None:
    port, host = free_port(), Host("works", mosquitto.port)
    field = sdm630_field(1, 2)
    await host.start()
    file = write_config(tmp_path, mosquitto.port, port, 2, timeout_s=0.2)
    async with serving(field, port), gateway(file):
        await host.until(lambda: {"m1", "m2"} <= set(host.born))
        field.silent.add(2)
        await host.until(lambda: host.deaths == ["DDEATH/m2"])
        field.silent.clear()
        await host.until(lambda: host.births.count("DBIRTH/edge/m2") == 2)
    await host.stop()
    assert host.births.count("DBIRTH/edge/m1") == 1


@pytest.mark.long
async def test_nothing_is_lost_while_the_broker_is_away(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    port, host = free_port(), Host("works", mosquitto.port)
    field = sdm630_field(1)
    await host.start()
    task = asyncio.create_task(counting(field, 1))
    async with serving(field, port), gateway(write_config(tmp_path, mosquitto.port, port)) as log:
        await host.until(lambda: len(host.live) > 30)
        mosquitto.kill()
        await host.stop()
        before = log.last
        await host.until(lambda: log.last > before + 20)
        await mosquitto.start()
        await host.start()
        await host.until(lambda: bool(host.backlog) and log.standing.records == 0)
        task.cancel()
        await host.until(lambda: log.standing.records == 0)
        last = log.last
    await host.stop()
    assert set(host.records) == set(range(1, last + 1))
    times = list(host.values_of("m1", "ep_imp"))
    # One sample a poll of 200 ms, through the cut as well.
    assert {later - earlier for earlier, later in pairwise(times[1:])} == {200}
    values = [value for value in host.values_of("m1", "ep_imp").values() if type(value) is float]
    assert len(values) == len(times)
    assert values == sorted(values)


async def test_what_is_not_acknowledged_comes_again_as_backlog(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, host = free_port(), Host("works", mosquitto.port)
    host.acknowledging = False
    await host.start()
    file = write_config(tmp_path, mosquitto.port, port)
    async with serving(sdm630_field(1), port), gateway(file) as log:
        await host.until(lambda: bool(host.samples))
        kept = log.standing.records
    assert kept > 0
    async with serving(sdm630_field(1), port), gateway(file) as log:
        await host.until(lambda: len(host.backlog) >= 24)
        host.acknowledging = True
        await host.until(lambda: log.standing.records == 0)
    await host.stop()
    # The same samples with the same values: a host that stores by point and time has them once.
    assert max(host.backlog.values()) >= 1


def start_process(file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "run", "--config", str(file)],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.long
async def test_kill_9_under_load_loses_no_record_that_was_journaled(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    port, host = free_port(), Host("works", mosquitto.port)
    field = sdm630_field(*range(1, 6))
    await host.start()
    tasks = [asyncio.create_task(counting(field, unit)) for unit in range(1, 6)]
    file = write_config(tmp_path, mosquitto.port, port, 5)
    async with serving(field, port):
        for round_ in range(4):
            # Every other time the platform is away: what is sent to it then is gone.
            host.deaf = round_ % 2 == 1
            process = start_process(file)
            goal = len(field.requests) + 60
            await host.until(lambda goal=goal: len(field.requests) > goal)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            process.wait()
        for task in tasks:
            task.cancel()
        journal = Journal(tmp_path / "edge.journal")
        journal.open()
        waiting = {record.rec for record in await journal.read(0, 100_000)}
        last = journal.last
        journal.close()
        assert len(waiting - set(host.records)) > 10
        host.deaf = False
        host.births.clear()
        process = start_process(file)
        await host.until(lambda: bool(host.births) and set(range(1, last + 1)) <= set(host.records))
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    await host.stop()
    # Every number up to the last one that a killed process had journaled arrived.
    assert set(range(1, last + 1)) <= set(host.records)
    assert host.unknown == 0
