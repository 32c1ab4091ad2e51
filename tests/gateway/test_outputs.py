"""Siren and stack light over real Modbus: with no broker at all, acknowledged, silent device."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import load_config
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import Field, free_port, serving
from tests.gateway.test_gateway import gateway

STACK = """
maker: Test
type: stack
title: {en: Stack light, zh-CN: 报警灯}
protocol: modbus
values: primary
points:
  - {key: p, address: 0, datatype: uint16, unit: kW}
  - {key: siren, address: 1, datatype: uint16, unit: "1", kind: status,
     write: {min: 0, max: 1, step: 1}}
  - {key: button, address: 2, datatype: uint16, unit: "1", kind: status}
sample:
  blocks: [{fc: 3, start: 0, words: [40, 1, 0]}]
  values: {p: 40, siren: 1, button: 0}
verify: {point: p, tolerance_percent: 1}
source: a test
verified: no
"""
SIREN = "outputs: {siren: {device: s1, point: siren, on: 1, off: 0}}\n"
ALARM = (
    "{name: overload, point: p, above: 100, hysteresis: 10, output: siren,"
    " acknowledge: {point: button, value: 1}}"
)


class Scene:
    """One device with a load, a siren and a button."""

    def __init__(self, folder: Path, mqtt_port: int, more: str, alarm: str = ALARM) -> None:
        self.port = free_port()
        self.field = Field({1: (0, 3)})
        self.field.put(1, 0, (40, 1, 0))
        (folder / "profiles" / "test").mkdir(parents=True, exist_ok=True)
        (folder / "profiles" / "test" / "stack.yaml").write_text(STACK, encoding="utf-8")
        self.file = folder / "gateway.yaml"
        self.file.write_text(
            f"project: works\nnode: edge\nmqtt: {{url: 'mqtt://127.0.0.1:{mqtt_port}'}}\n"
            f"timeout_s: 0.2\nprofile_dirs: [profiles]\n{more}devices:\n"
            f"  - {{slug: s1, profile: test/stack, host: 127.0.0.1, port: {self.port}, unit: 1,"
            f" poll_s: 0.1, alarms: [{alarm}]}}\n",
            encoding="utf-8",
        )

    @property
    def siren(self) -> int:
        """What the output's register holds."""
        return self.field.words[1][1]

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not met():  # noqa: ASYNC110 - registers have no bell
                await asyncio.sleep(0.02)


async def test_overload_sounds_with_the_broker_down_until_it_is_acknowledged(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, free_port(), SIREN)
    async with serving(scene.field, scene.port), gateway(scene.file):
        # What a run before left on is off: state survives nothing.
        await scene.until(lambda: scene.siren == 0)
        scene.field.put(1, 0, (120,))
        await scene.until(lambda: scene.siren == 1)
        scene.field.put(1, 2, (1,))
        await scene.until(lambda: scene.siren == 0)
        scene.field.put(1, 2, (0,))
        # Taken stays taken; well again and beyond again is a new alarm, and its end is one too.
        scene.field.put(1, 0, (80,))
        asked = len(scene.field.requests)
        await scene.until(lambda: len(scene.field.requests) > asked + 1)
        scene.field.put(1, 0, (130,))
        await scene.until(lambda: scene.siren == 1)
        scene.field.put(1, 0, (80,))
        await scene.until(lambda: scene.siren == 0)
    assert [words for _, start, words in scene.field.writes if start == 1] == [
        [0], [1], [0], [1], [0],
    ]  # fmt: skip


async def test_a_silent_device_is_set_when_it_answers_again(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path, free_port(), "outputs: {siren: {device: s1, point: siren, timeout_s: 1}}\n"
    )
    async with serving(scene.field, scene.port), gateway(scene.file):
        await scene.until(lambda: scene.siren == 0)
        scene.field.put(1, 0, (120,))
        await scene.until(lambda: scene.siren == 1)
        scene.field.silent.add(1)
        # The time-out passes while nobody answers.
        await asyncio.sleep(1.2)
        assert scene.siren == 1
        scene.field.silent.clear()
        await scene.until(lambda: scene.siren == 0)


@pytest.mark.needs("mosquitto")
async def test_a_lost_platform_is_shown_and_a_found_one_too(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    more = SIREN + "platform_lost: {after_s: 0.8, output: siren}\n"
    scene, host = Scene(tmp_path, mosquitto.port, more), Host("works", mosquitto.port)
    await host.start()
    async with serving(scene.field, scene.port), gateway(scene.file) as journal:
        await host.until(lambda: bool(host.samples))
        await scene.until(lambda: scene.siren == 0 and journal.standing.records == 0)
        # The broker is there, but nobody acknowledges.
        host.acknowledging = False
        scene.field.put(1, 0, (60,))
        await scene.until(lambda: scene.siren == 1)
        host.acknowledging = True
        await scene.until(lambda: scene.siren == 0)
        await host.stop()
        mosquitto.kill()
        await scene.until(lambda: scene.siren == 1)


@pytest.mark.parametrize(
    ("more", "alarm", "said"),
    [
        ("outputs: {siren: {device: s1, point: p}}\n", ALARM, "s1/p may not be written"),
        (
            "outputs: {siren: {device: s1, point: siren, on: 2}}\n",
            ALARM,
            "s1/siren does not take the value 2",
        ),
        ("outputs: {siren: {device: s2, point: siren}}\n", ALARM, "no device 's2' is read"),
        ("outputs: {siren: {device: s1, point: bell}}\n", ALARM, "has no point 'bell'"),
        ("", ALARM, "there is no output 'siren'"),
        (SIREN, ALARM.replace("button", "knob"), "has no point 'knob'"),
        (SIREN + "platform_lost: {after_s: 9, output: lamp}\n", ALARM, "there is no output 'lamp'"),
        (
            SIREN + "platform_lost: {after_s: 9, output: siren, acknowledge: {point: button}}\n",
            ALARM,
            "no device '' is read",
        ),
    ],
)
def test_what_cannot_be_driven_is_a_sentence(
    tmp_path: Path, more: str, alarm: str, said: str
) -> None:
    config = load_config(Scene(tmp_path, 1883, more, alarm).file, {})
    [problem] = config.problems
    assert said in str(problem)
    # The alarm is judged all the same.
    assert config.devices[0].reporting.rules[0].name == "overload"
