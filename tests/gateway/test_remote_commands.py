"""Commands from the wire to the register and back: the whole gateway, killed in the middle too."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.contract import topics
from gateway.contract.commands import Command, CommandResult, decode_result, encode_command
from gateway.contract.sparkplug import Datatype, Metric
from tests.gateway.bench import VALVE
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import Field, free_port, serving
from tests.gateway.test_gateway import gateway, start_process

pytestmark = pytest.mark.needs("mosquitto")


class Scene:
    """One valve behind Modbus, its gateway's file and the host that commands it."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.port = free_port()
        self.field = Field({1: (0, 2)})
        self.field.put(1, 0, (400, 215))
        self.host = Host("works", broker.port)
        (folder / "profiles" / "test").mkdir(parents=True)
        (folder / "profiles" / "test" / "valve.yaml").write_text(VALVE, encoding="utf-8")
        self.file = folder / "gateway.yaml"
        self.file.write_text(
            f"project: works\nnode: edge\nmqtt: {{url: 'mqtt://127.0.0.1:{broker.port}'}}\n"
            f"timeout_s: 1\nprofile_dirs: [profiles]\ndevices:\n"
            f"  - {{slug: v1, profile: test/valve, host: 127.0.0.1, port: {self.port}, unit: 1,"
            " poll_s: 0.2}\n",
            encoding="utf-8",
        )

    def order(self, id: str, value: float, within_s: float = 60) -> None:
        not_after_ms = round((time.time() + within_s) * 1000)
        text = encode_command(Command(id, "v1", "opening", value, not_after_ms, "per_anna"))
        self.host.command("edge", Metric(topics.EXT_COMMAND, None, Datatype.STRING, text))

    def plain(self, *metrics: Metric) -> None:
        """A DCMD as any Sparkplug host writes it."""
        topic = str(topics.NodeTopic("works", topics.DCMD, "edge", "v1"))
        self.host.publish(topic, metrics)

    def answers(self) -> list[CommandResult]:
        """Last answers heard, each once although the journal may send one again."""
        named = {name for name, _ in self.host.reports}
        assert named <= {topics.EXT_COMMAND_RESULT}
        found = [decode_result(text) for _, text in dict.fromkeys(self.host.reports)]
        return [result for result in found if result.state != "accepted"]

    async def answered(self, count: int) -> list[CommandResult]:
        await self.host.until(lambda: len(self.answers()) >= count)
        return self.answers()


@pytest.fixture
async def scene(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path, mosquitto)
    await scene.host.start()
    async with serving(scene.field, scene.port):
        yield scene
    await scene.host.stop()


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[None]:
    async with gateway(scene.file):
        await scene.host.until(lambda: "v1" in scene.host.born)
        yield


async def test_a_point_is_set_over_the_wire(scene: Scene) -> None:
    async with running(scene):
        birth = scene.host.born["v1"]["opening"]
        assert {
            name: prop.value for name, prop in birth.properties.items() if name.startswith("write_")
        } == {"write_min": 10.0, "write_max": 90.0, "write_step": 0.5}
        assert scene.host.node[topics.EXT_COMMAND_RESULT].is_null
        scene.order("cmd_1", 55.5)
        scene.order("cmd_1", 55.5)
        scene.order("cmd_2", 95.0)
        scene.order("cmd_3", 60.0, within_s=-1)
        await scene.answered(3)
        await scene.host.until(lambda: 55.5 in scene.host.values_of("v1", "opening").values())
    found = {result.id: (result.state, result.code) for result in scene.answers()}
    assert found == {
        "cmd_1": ("verified", "done"),
        "cmd_2": ("rejected", "out_of_range"),
        "cmd_3": ("expired", "late"),
    }
    assert scene.field.writes == [(1, 0, [555])]
    assert scene.host.sequence_gaps == 0


async def test_a_plain_dcmd_goes_by_the_same_whitelist(scene: Scene) -> None:
    async with running(scene):
        alias = scene.host.born["v1"]["opening"].alias
        scene.plain(Metric("opening", None, Datatype.DOUBLE, 12.5))
        await scene.answered(1)
        scene.plain(Metric(None, alias, None, 13.0))
        await scene.answered(2)
        scene.plain(Metric("opening", None, Datatype.FLOAT, 5.0))
        scene.plain(Metric("t", None, Datatype.INT32, -5))
        results = await scene.answered(4)
        # What names no point or is no number is left alone.
        scene.plain(Metric(None, 999, None, 1.0), Metric("opening", None, Datatype.STRING, "1"))
        scene.order("cmd_1", 20.0)
        results = await scene.answered(5)
    assert sorted((result.point, result.value, result.code) for result in results) == [
        ("opening", 5.0, "out_of_range"),
        ("opening", 12.5, "done"),
        ("opening", 13.0, "done"),
        ("opening", 20.0, "done"),
        ("t", -5.0, "not_writable"),
    ]
    assert [words for _, _, words in scene.field.writes] == [[125], [130], [200]]


async def test_answers_wait_for_the_link_and_come_once(scene: Scene, mosquitto: Mosquitto) -> None:
    scene.host.acknowledging = False
    async with running(scene):
        scene.order("cmd_1", 55.5)
        await scene.answered(1)
        mosquitto.kill()
        await scene.host.stop()
        scene.host.reports.clear()
        await mosquitto.start()
        await scene.host.start()
        scene.host.acknowledging = True
        [result] = await scene.answered(1)
    assert (result.id, result.state) == ("cmd_1", "verified")


async def test_kill_9_between_write_and_answer_reports_once(scene: Scene) -> None:
    written, forever = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        written.set()
        await forever.wait()

    scene.field.after_write = hang
    process = start_process(scene.file)
    try:
        await scene.host.until(lambda: "v1" in scene.host.born)
        scene.order("cmd_1", 55.5)
        async with asyncio.timeout(20):
            await written.wait()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    scene.field.after_write = None
    forever.set()
    scene.host.born.clear()
    async with running(scene):
        scene.order("cmd_1", 55.5)
        scene.order("cmd_2", 56.0)
        results = await scene.answered(2)
    assert [(result.id, result.state, result.old, result.read) for result in results] == [
        ("cmd_1", "verified", 40.0, 55.5),
        ("cmd_2", "verified", 55.5, 56.0),
    ]
    assert [words for _, _, words in scene.field.writes] == [[555], [560]]
