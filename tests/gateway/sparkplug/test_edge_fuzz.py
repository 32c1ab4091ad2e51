"""Whatever a host sends to a gateway: no crash, no record given up, one clear line in the log."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from gmqtt import Client
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.broker import Broker
from gateway.contract import topics
from gateway.contract.clock import SystemClock
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode
from gateway.journal import Journal
from gateway.publish import EdgeNode
from tests.gateway.sparkplug.noise import NAMES, NOT_UTF8, nested, payloads
from tests.gateway.test_publish import OneDevice

TOPICS = (
    "spBv1.0/works/NCMD/edge",
    "spBv1.0/works/DCMD/edge/m1",
    "spBv1.0/STATE/scada",
    "spBv1.0/STATE/another",
    "spBv1.0/works/NCMD",
    "spBv1.0//NCMD//",
    "",
)
LITTLE = settings(max_examples=100, deadline=None, derandomize=True)
COMMANDS = (*NAMES, topics.EXT_COMMITTED, topics.EXT_TIME)
TEXTS = (
    "",
    ":",
    "1-2",
    "7:",
    "x:1-2",
    "{epoch}:1-18446744073709551616",
    "{epoch}:-1",
    "{epoch}:0-0",
    "{epoch}:1-",
    "{epoch}:٣-x",
    "{epoch}:" + "9" * 5000,
    "\x00",
)
STATES = (
    b"",
    b"{}",
    b"ONLINE",
    b"\xff",
    b'{"online": "yes", "timestamp": 1}',
    b'{"online": true}',
    b'{"online": true, "timestamp": NaN}',
    b'{"online": true, "timestamp": 1e999}',
    b'{"online": true, "timestamp": "now"}',
    b"[" * 5000,
)


class Bench:
    """A node that was never connected, with two records in its journal."""

    def __init__(self, folder: Path, client: Client) -> None:
        self.journal = Journal(folder / "journal")
        self.client = client
        broker = Broker("h", 1, False, "works.edge", None, primary_host="scada")
        self.node = EdgeNode("works", "edge", broker, self.journal, SystemClock(), OneDevice())

    async def opened(self) -> "Bench":
        self.journal.open()
        for _ in range(2):
            self.journal.append("m1", b"")
        await self.journal.read(0, 9)
        return self

    def hear(self, topic: str, payload: bytes) -> int:
        return self.node._on_message(self.client, topic, payload, 0, None)  # noqa: SLF001

    async def records(self) -> list[int]:
        return [record.rec for record in await self.journal.read(0, 9)]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop for all examples."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture(scope="module")
def bench(
    loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    async def make() -> Bench:
        return await Bench(tmp_path_factory.mktemp("bench"), Client("works.edge/x")).opened()

    found = loop.run_until_complete(make())
    yield found
    found.journal.close()


@LITTLE
@given(st.sampled_from(TOPICS), payloads(COMMANDS))
@example(TOPICS[0], NOT_UTF8)
@example(TOPICS[1], NOT_UTF8)
@example(TOPICS[0], nested(400))
@example(TOPICS[2], b"[" * 100_000)
def test_whatever_a_host_sends_is_taken_or_refused(
    bench: Bench, loop: asyncio.AbstractEventLoop, topic: str, raw: bytes
) -> None:
    assert bench.hear(topic, raw) == 0
    assert isinstance(bench.node.clock_offset_ms, int)
    assert loop.run_until_complete(bench.records()) == [1, 2]


@pytest.mark.parametrize("text", TEXTS)
def test_a_strange_acknowledgement_deletes_nothing(
    bench: Bench, loop: asyncio.AbstractEventLoop, text: str
) -> None:
    filled = text.replace("{epoch}", str(bench.journal.epoch))
    metric = Metric(topics.EXT_COMMITTED, None, Datatype.STRING, filled)
    assert bench.hear(TOPICS[0], encode(Payload(1, (metric,)))) == 0
    assert loop.run_until_complete(bench.records()) == [1, 2]


@pytest.mark.parametrize("value", [True, "now", 1.5, b"\x01", None, 0, -1, (1 << 63) - 1])
def test_what_is_no_time_is_not_believed(bench: Bench, value: bool | str | float | None) -> None:
    before = bench.node.clock_offset_ms
    assert bench.hear(TOPICS[0], encode(Payload(1, (Metric(topics.EXT_TIME, value=value),)))) == 0
    assert bench.node.clock_offset_ms == before


@pytest.mark.parametrize("state", STATES)
def test_a_strange_state_is_no_state(bench: Bench, state: bytes) -> None:
    assert bench.hear(TOPICS[2], state) == 0
    assert not bench.node._host.allows  # noqa: SLF001 - nobody may publish because of nonsense


def test_a_thousand_bad_commands_are_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with asyncio.Runner() as runner:
        bench = Bench(tmp_path, runner.run(made()))
        for number in range(1000):
            bench.hear(TOPICS[0], b"\x12\x7f" + bytes([number % 256]))
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"{TOPICS[0]}: a command cannot be read: these 3 bytes are not")


async def made() -> Client:
    return Client("works.edge/y")
