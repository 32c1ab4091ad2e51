"""The data budget on a real link: counted, kept over restarts, thrifty near the month's end."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.budget import Level
from gateway.config import GatewayConfig, load_config
from gateway.contract import topics
from gateway.contract.clock import ManualClock
from gateway.drivers.capabilities import ReportingLine
from gateway.drivers.registry import find_driver
from gateway.journal import Journal
from gateway.pipeline import Pipeline
from gateway.poll import Polled
from gateway.traffic import KEEP_EVERY_S, Traffic
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port, sdm630_field, serving
from tests.gateway.test_gateway import gateway, write_config

MARCH = datetime(2026, 3, 10, tzinfo=UTC)


class Reports:
    """Whoever is told to be thrifty."""

    def __init__(self) -> None:
        self.told: list[bool] = []

    def be_thrifty(self, *, thrifty: bool) -> None:
        self.told.append(thrifty)


def config(folder: Path, budget: str) -> GatewayConfig:
    file = write_config(folder, 1883, 502)
    file.write_text(file.read_text() + f"data_budget: {budget}\n")
    return load_config(file, {})


async def test_alarm_then_thrift_then_a_new_month(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal, clock, reports = Journal(tmp_path / "j"), ManualClock(MARCH), Reports()
    journal.open()
    caplog.set_level("INFO", "gateway.traffic")
    traffic = Traffic(journal, clock, reports)
    traffic.apply(config(tmp_path, "{mb_per_month: 1, start_day: 1}"))
    seen: list[Level] = []
    for size in (740_000, 80_000, 120_000):
        traffic.moved(size)
        traffic.look()
        seen.append(traffic.level)
    assert seen == [Level.NORMAL, Level.ALARM, Level.THRIFT]
    assert reports.told == [False, True]
    used, forecast = traffic.used, traffic.forecast
    assert forecast > used > traffic.limit * 0.95
    # A kill -9 loses a minute at most: the next process goes on from what was kept.
    task = asyncio.create_task(traffic.run())
    again = Traffic(journal, clock, reports)
    again.apply(config(tmp_path, "{mb_per_month: 1, start_day: 1}"))
    async with asyncio.timeout(60):
        while not again.used:
            await clock.advance(KEEP_EVERY_S)
            await again.begin()
    task.cancel()
    assert (again.used, again.level) == (used, Level.THRIFT)
    await clock.advance(timedelta(days=22).total_seconds())
    again.look()
    assert (again.used, again.level) == (0, Level.NORMAL)
    assert reports.told[-1] is False
    assert [record.message.partition("(")[0] for record in caplog.records][:3] == [
        "80 % of the month's data budget are used ",
        "95 % of the month's data budget are used ",
        "95 % of the month's data budget are used ",
    ]
    await asyncio.to_thread(journal.close)


async def test_a_device_that_comes_later_is_thrifty_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.open()
    pipeline = Pipeline(journal)
    pipeline.be_thrifty(thrifty=True)
    [device] = load_config(write_config(tmp_path, 1883, 502), {}).devices
    line = find_driver("modbus")(device.address, 1)
    assert not isinstance(line, ReportingLine)
    reads = line.device(device.profile, 1)
    polled = Polled("m1", device.profile, reads, 1000)
    await pipeline.add(polled, device.reporting)
    pipeline.came_alive(polled)
    # Not at a quarter hour: nothing is essential.
    polled.instant_ms = 60_000
    pipeline.sampled(polled, 60_000, [1.0] * len(polled.points))
    assert journal.last == 0
    pipeline.be_thrifty(thrifty=False)
    pipeline.sampled(polled, 61_000, [1.0] * len(polled.points))
    assert journal.last == 1
    await asyncio.to_thread(journal.close)


@pytest.mark.needs("mosquitto")
async def test_everything_on_the_link_is_counted_and_told(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    port, host = free_port(), Host("works", mosquitto.port)
    await host.start()
    file = write_config(tmp_path, mosquitto.port, port)
    file.write_text(file.read_text() + "data_budget: {mb_per_month: 2.5}\n")
    async with serving(sdm630_field(1), port), gateway(file) as journal:
        await host.until(lambda: bool(host.samples))
        await host.until(lambda: journal.standing.records == 0)
    first = host.node
    assert first[topics.EXT_DATA_BUDGET].value == 2_500_000
    # The second run's birth says at least what births and acknowledgements of the first cost.
    async with serving(sdm630_field(1), port), gateway(file):
        await host.until(lambda: host.births.count("NBIRTH/edge") == 2)
    await host.stop()
    used = host.node[topics.EXT_DATA_BYTES].value
    assert isinstance(used, int)
    assert 2_500 < used < 60_000
