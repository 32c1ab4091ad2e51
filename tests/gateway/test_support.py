"""Support from afar: nothing without a grant, and nothing once it has ended."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.contract import topics
from gateway.contract.json_text import encode_text
from gateway.contract.sparkplug import Datatype, Metric
from gateway.contract.support import (
    MAX_MINUTES,
    Ask,
    AskKind,
    AskResult,
    Grant,
    SupportFault,
    decode_ask,
    decode_ask_result,
    decode_grant,
)
from gateway.journal import Journal
from gateway.log_tail import KEPT, MAX_CHARACTERS, LogTail
from gateway.support import MAX_WAITING, Support
from tests.gateway.bench import VALVE, BenchField
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import Field, free_port, serving
from tests.gateway.test_gateway import gateway

FORBIDDEN = VALVE.replace("verify:", "forbidden: [{fc: 3, start: 7, count: 2}]\nverify:")


def now_ms() -> int:
    return round(time.time() * 1000)


class Scene:
    """One valve, its gateway, and the platform that asks."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.host, self.port, self.field = (
            Host("works", broker.port),
            free_port(),
            Field({1: (0, 9)}),
        )
        self.field.put(1, 0, (400, 215, 7, 8, 9))
        (folder / "test").mkdir()
        (folder / "test" / "valve.yaml").write_text(FORBIDDEN, encoding="utf-8")
        self.file = folder / "gateway.yaml"
        self.file.write_text(
            f"project: works\nnode: edge\nmqtt: {{url: 'mqtt://127.0.0.1:{broker.port}'}}\n"
            "timeout_s: 0.3\nprofile_dirs: ['.']\ndevices:\n"
            f"  - {{slug: v1, profile: test/valve, host: 127.0.0.1, port: {self.port}, unit: 1}}\n",
            encoding="utf-8",
        )

    def grant(self, id: str, seconds: float) -> None:
        grant = Grant(id, now_ms() + round(seconds * 1000), "per_anna")
        self.send(topics.EXT_GRANT, encode_text(grant))

    def send(self, name: str, text: str) -> None:
        self.host.command("edge", Metric(name, None, Datatype.STRING, text))

    def results(self) -> dict[str, AskResult]:
        found = dict.fromkeys(self.host.reports)
        results = [decode_ask_result(t) for name, t in found if name == topics.EXT_ASK_RESULT]
        return {result.id: result for result in results}

    async def answer(self, id: str) -> AskResult:
        await self.host.until(lambda: id in self.results())
        return self.results()[id]

    async def asked(self, ask: Ask) -> AskResult:
        self.send(topics.EXT_ASK, encode_text(ask))
        return await self.answer(ask.id)


def question(id: str, kind: AskKind, **more: object) -> Ask:
    return Ask(id, kind, now_ms() + 60_000, "per_anna", device="v1", **more)  # type: ignore[arg-type]


@pytest.fixture
async def scene(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path, mosquitto)
    await scene.host.start()
    async with serving(scene.field, scene.port), gateway(scene.file):
        await scene.host.until(lambda: "v1" in scene.host.born)
        yield scene
    await scene.host.stop()


@pytest.mark.needs("mosquitto")
async def test_a_grant_opens_and_ends_by_itself(scene: Scene) -> None:
    before = logging.getLogger().level
    refused = await scene.asked(question("a1", AskKind.POINT, point="t"))
    assert (refused.state, refused.code) == ("refused", "no_grant")
    scene.grant("g1", 30)
    assert (await scene.answer("g1")).state == "done"
    point = await scene.asked(question("a2", AskKind.POINT, point="t"))
    assert (point.state, point.values, point.actor) == ("done", [21.5], "per_anna")
    block = await scene.asked(question("a3", AskKind.REGISTERS, start=1, count=4))
    assert block.values == [215.0, 7.0, 8.0, 9.0]
    await scene.asked(question("a4", AskKind.LOG_LEVEL, level="DEBUG"))
    assert logging.getLogger().level == logging.DEBUG
    logging.getLogger("gateway.test").debug("a word for support")
    log = await scene.asked(question("a5", AskKind.LOG, lines=200))
    assert any("DEBUG gateway.test: a word for support" in line for line in log.lines)
    # A shorter grant takes the place of the longer one.
    scene.grant("g2", 0.3)
    await scene.answer("g2")
    await scene.host.until(lambda: logging.getLogger().level == before)
    late = await scene.asked(question("a6", AskKind.POINT, point="t"))
    assert (late.state, late.code) == ("refused", "no_grant")


@pytest.mark.needs("mosquitto")
async def test_what_cannot_be_found_out_is_told(scene: Scene) -> None:
    scene.grant("long", MAX_MINUTES * 60 + 60)
    assert (await scene.answer("long")).code == "too_long"
    scene.grant("g1", 60)
    await scene.answer("g1")
    late = Ask("late", AskKind.POINT, now_ms() - 1, "per_anna", device="v1", point="t")
    cases = {
        late: ("refused", "late"),
        question("p", AskKind.POINT, point="x"): ("refused", "unknown_point"),
        question("r", AskKind.REGISTERS, start=6, count=2): ("refused", "forbidden"),
        question("e", AskKind.REGISTERS, start=0xFFFF, count=2): ("refused", "forbidden"),
        question("l", AskKind.LOG_LEVEL, level="LOUD"): ("refused", "incomplete"),
        Ask("d", AskKind.POINT, now_ms() + 60_000, "x", device="v2"): ("refused", "unknown_device"),
    }
    for ask, expected in cases.items():
        result = await scene.asked(ask)
        assert (result.state, result.code) == expected, ask
    scene.field.silent.add(1)
    silent = await scene.asked(question("s", AskKind.POINT, point="t"))
    assert (silent.state, silent.code) == ("failed", "device_silent")
    assert silent.detail


async def test_a_question_is_answered_once_and_too_many_are_dropped(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.open()
    support = Support(journal, BenchField(), now_ms, LogTail(), logging.getLogger("kw.test"))
    for number in (*range(MAX_WAITING + 5), 0):
        support.ask(question(f"a{number}", AskKind.LOG))
    task = asyncio.create_task(support.run())
    async with asyncio.timeout(60):
        while journal.last < MAX_WAITING:  # noqa: ASYNC110 - the journal has no bell
            await asyncio.sleep(0.01)
    support.ask(question("a0", AskKind.LOG))
    support.ask(question("b", AskKind.POINT, point="t"))
    async with asyncio.timeout(60):
        while journal.last < MAX_WAITING + 1:  # noqa: ASYNC110 - the journal has no bell
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})
    assert journal.last == MAX_WAITING + 1
    await asyncio.to_thread(journal.close)


def test_the_log_keeps_its_last_lines() -> None:
    tail, logger = LogTail(), logging.getLogger("kw.tail")
    logger.addHandler(tail)
    for number in range(KEPT + 10):
        logger.warning("line %d %s", number, "x" * 500)
    logger.removeHandler(tail)
    lines = tail.last(1000)
    assert len(lines) == KEPT
    assert "line 10 " in lines[0]
    assert {len(line) for line in lines} == {MAX_CHARACTERS}
    assert tail.last(1) == lines[-1:]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"id":"","until_ms":1,"actor":"x"}'])
def test_what_is_none_of_it_is_a_fault(text: str) -> None:
    for decode in (decode_grant, decode_ask, decode_ask_result):
        with pytest.raises(SupportFault):
            decode(text)
