"""What a gateway says of itself: how its lines do, what waits; only when it is news."""

import asyncio
from importlib.metadata import version
from pathlib import Path

import pytest

from gateway.contract import topics
from gateway.contract.clock import SystemClock
from gateway.contract.lines import LinesFault, LineState, decode_lines
from gateway.journal import Journal
from gateway.pipeline import Pipeline
from gateway.site import Site
from gateway.standing import EVERY_S, Standing
from gateway.traffic import Traffic
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port, sdm630_field, serving
from tests.gateway.test_gateway import gateway, write_config


async def test_it_is_said_once_a_minute_and_only_when_it_is_news(tmp_path: Path) -> None:
    journal, now = Journal(tmp_path / "j"), 1000.0
    journal.open()
    pipeline, clock = Pipeline(journal), SystemClock()
    traffic = Traffic(journal, clock, pipeline)
    standing = Standing(Site(pipeline, clock), journal, traffic, lambda: now)
    said = {metric.name: metric.value for metric in standing.declared(1)}
    assert said == {
        topics.EXT_SOFTWARE: version("kilowise"),
        topics.EXT_LINES: "[]",
        topics.EXT_BACKLOG: 0,
        topics.EXT_DATA_BYTES: 0,
        topics.EXT_DATA_FORECAST: 0,
        topics.EXT_DATA_BUDGET: 0,
    }
    for _ in range(150):
        journal.append("m1", b"x")
    await journal.read(0, 1)
    assert standing.news(2) == ()
    now += EVERY_S
    news = {metric.name: metric.value for metric in standing.news(3)}
    assert (news[topics.EXT_LINES], news[topics.EXT_BACKLOG]) == ("[]", 150)
    now += EVERY_S
    assert standing.news(4) == ()
    journal.acknowledge([(1, 149)])
    await journal.read(0, 1)
    assert [metric.value for metric in standing.news(5)][:2] == ["[]", 1]
    now += EVERY_S
    traffic.moved(2_000_000)
    [used] = [m.value for m in standing.news(6) if m.name == topics.EXT_DATA_BYTES]
    assert used == traffic.used > 2_000_000
    await asyncio.to_thread(journal.close)


@pytest.mark.needs("mosquitto")
async def test_births_say_how_lines_do(tmp_path: Path, mosquitto: Mosquitto) -> None:
    port, host = free_port(), Host("works", mosquitto.port)
    field = sdm630_field(1, 2)
    field.silent.add(2)
    await host.start()
    async with (
        serving(field, port),
        gateway(write_config(tmp_path, mosquitto.port, port, 2, timeout_s=0.2)),
    ):
        await host.until(lambda: "m1" in host.born)
        host.births.clear()
        host.ask_rebirth("edge")
        await host.until(lambda: "DBIRTH/edge/m1" in host.births)
        [line] = decode_lines(str(host.node[topics.EXT_LINES].value))
    await host.stop()
    assert (line.name, line.devices, line.alive) == (f"modbus://127.0.0.1:{port}", 2, 1)
    assert line.connected
    assert line.busy is not None
    assert host.node[topics.EXT_SOFTWARE].value == version("kilowise")


@pytest.mark.parametrize(
    "text", ["", "{}", '[{"name":"x"}]', '[{"name":"x","devices":-1,"alive":0,"connected":true}]']
)
def test_what_says_nothing_of_lines_is_a_fault(text: str) -> None:
    with pytest.raises(LinesFault):
        decode_lines(text)


def test_a_line_that_reports_has_no_load() -> None:
    [line] = decode_lines('[{"name":"x","devices":1,"alive":0,"connected":false}]')
    assert line == LineState("x", 1, 0, connected=False)
