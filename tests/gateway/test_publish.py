"""The edge node against a broker that misbehaves, a clock that is off, and strange commands."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.broker import Broker
from gateway.contract import topics
from gateway.contract.clock import SystemClock
from gateway.contract.sparkplug import Datatype, Metric
from gateway.journal import Journal
from gateway.messages import parse_committed
from gateway.publish import MAX_UNSENT_BYTES, EdgeNode
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port

pytestmark = pytest.mark.needs("mosquitto")
CLOCK = SystemClock()


class OneDevice:
    """A device m1 that was born with one point."""

    def births(self) -> Mapping[str, tuple[tuple[Metric, ...], bool]]:
        return {"m1": ((Metric("p", 1, Datatype.FLOAT, 1.0, 1000),), True)}


@asynccontextmanager
async def edge_node(folder: Path, port: int) -> AsyncIterator[tuple[EdgeNode, Journal]]:
    journal = Journal(folder / "j")
    journal.open()
    broker = Broker("127.0.0.1", port, tls=False, credential="works.edge", secret=None)
    node = EdgeNode("works", "edge", broker, journal, CLOCK, OneDevice())
    journal.on_journaled = node.journaled
    task = asyncio.create_task(node.run())
    try:
        yield node, journal
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(journal.close)


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions over other tasks
            await asyncio.sleep(0.01)


async def deaf_broker(port: int) -> asyncio.Server:
    """Accepts a connection, answers CONNACK, and never reads again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x02\x00\x00")
        await writer.drain()
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", port)


async def test_a_broker_that_stops_reading_fills_the_journal_not_the_memory(
    tmp_path: Path,
) -> None:
    port = free_port()
    server = await deaf_broker(port)
    async with edge_node(tmp_path, port) as (node, journal):
        await until(lambda: node.online)
        for _ in range(40):
            for _ in range(10):
                journal.append("m1", b"\x12\x00" * 20_000)
            await asyncio.sleep(0.03)
        assert node.online
        assert not node._can_send()  # noqa: SLF001 - what is under test
        assert node.unsent_bytes < MAX_UNSENT_BYTES + 20 * 40_000
        await until(lambda: journal.standing.records == 400)
    server.close()


async def test_the_offset_to_the_platforms_clock_is_measured_and_told(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host("works", mosquitto.port)
    await host.start()
    async with edge_node(tmp_path, mosquitto.port) as (node, _):
        await host.until(lambda: bool(host.births))
        now = round(CLOCK.now().timestamp() * 1000)
        host.command("edge", Metric(topics.EXT_TIME, None, Datatype.INT64, now - 5000))
        await host.until(lambda: node.clock_offset_ms != 0)
        host.ask_rebirth("edge")
        await host.until(lambda: host.births.count("NBIRTH/edge") == 2)
    await host.stop()
    offset = host.node[topics.EXT_OFFSET].value
    assert isinstance(offset, int)
    assert 5000 <= offset < 8000
    assert "s off the platform's" in caplog.text


async def test_acknowledgements_of_another_epoch_and_nonsense_delete_nothing(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host("works", mosquitto.port)
    host.acknowledging = False
    await host.start()
    async with edge_node(tmp_path, mosquitto.port) as (node, journal):
        await until(lambda: node.online)
        journal.append("m1", b"")
        journal.append("m1", b"")
        await until(lambda: journal.standing.records == 2)
        for text in (f"{journal.epoch + 1}:1-2", "nonsense", f"{journal.epoch}:x-y"):
            host.command("edge", Metric(topics.EXT_COMMITTED, None, Datatype.STRING, text))
        text = f"{journal.epoch}:2-2"
        host.command("edge", Metric(topics.EXT_COMMITTED, None, Datatype.STRING, text))
        await until(lambda: journal.standing.records == 1)
        assert caplog.text.count("cannot be read") == 1
        assert [record.rec for record in await journal.read(0, 9)] == [1]
    await host.stop()


async def test_the_will_speaks_of_its_own_session(tmp_path: Path, mosquitto: Mosquitto) -> None:
    host = Host("works", mosquitto.port)
    await host.start()
    sessions = []
    for turn in (1, 2):
        async with edge_node(tmp_path, mosquitto.port) as (node, _):
            await host.until(lambda turn=turn: len(host.births) == 2 * turn)  # type: ignore[misc]
            sessions.append(host.node[topics.BDSEQ].value)
            node.drop_socket()
            await host.until(lambda turn=turn: len(host.deaths) == turn)  # type: ignore[misc]
            assert host.died[-1] == sessions[-1]
    await host.stop()
    assert sessions == [0, 1]


def test_committed_ranges_are_read() -> None:
    assert parse_committed("7:1-3,5-5,9") == (7, [(1, 3), (5, 5), (9, 9)])
    assert parse_committed("7:") == (7, [])
    for text, fault in (("x:1-2", "invalid literal"), ("7:1-9223372036854775808", "not a record")):
        with pytest.raises(ValueError, match=fault):
            parse_committed(text)
