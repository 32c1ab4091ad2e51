"""The configuration: what is wrong is a sentence with file, line and remedy; the rest goes on."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from gateway.config import GatewayConfig, load_config
from gateway.contract.clock import ManualClock
from gateway.contract.documents import DocumentFault
from gateway.drivers.capabilities import Listen, Serial, Tcp
from gateway.run import say_clock

GOOD = """
project: demo
node: gateway-1
mqtt: {url: "mqtt://127.0.0.1:1884", credential: demo.gateway-1, secret: hush}
devices:
  - {slug: m1, name: Line 3, profile: eastron/sdm630, host: 192.0.2.1, unit: 7, poll_s: 0.5}
  - {slug: m2, profile: eastron/sdm630, host: 192.0.2.1, port: 5020, unit: 8, ct: 80, pt: 100}
"""


def load(folder: Path, text: str, **environment: str) -> GatewayConfig:
    file = folder / "gateway.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, environment)


def test_a_good_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert config.problems == ()
    assert (config.broker.host, config.broker.port, config.broker.tls) == ("127.0.0.1", 1884, False)
    assert config.broker.client_id == "demo.gateway-1/gateway"
    assert config.journal == tmp_path / "gateway-1.journal"
    first, second = config.devices
    assert (first.period_ms, first.address.link, first.reporting.name) == (
        500,
        Tcp("192.0.2.1", 502),
        "Line 3",
    )
    assert second.ratios.ct == Fraction(80)
    assert second.ratios.pt == Fraction(100)


def test_devices_of_one_type_share_a_profile_that_is_read_once(tmp_path: Path) -> None:
    first, second = load(tmp_path, GOOD).devices
    assert first.profile is second.profile


def test_named_lines(tmp_path: Path) -> None:
    lines = """
lines:
  bus-1: {serial: /dev/ttyS1, baud: 19200, parity: even}
  box: {listen: 15020, bind: 192.0.2.9, sources: [198.51.100.0/24], framing: rtu}
  scada: {url: "opc.tcp://192.0.2.20:4840", options: {policy: none, keep: 3, sign: yes}}
"""
    text = GOOD.replace("host: 192.0.2.1, unit: 7", "line: bus-1, unit: 7") + lines
    text = text.replace("host: 192.0.2.1, port: 5020, unit: 8", "line: box, unit: 8")
    serial, box = (device.address for device in load(tmp_path, text).devices)
    assert serial.link == Serial("/dev/ttyS1", 19200, parity="even")
    assert serial.link.character_bits == 11
    assert str(serial) == "modbus:///dev/ttyS1@19200/8E1"
    assert box.link == Listen("192.0.2.9", 15020, ("198.51.100.0/24",))
    assert (box.option("framing"), box.option("keep", "-")) == ("rtu", "-")
    two = GOOD + lines.replace("serial: /dev/ttyS1", "serial: /dev/ttyS1, host: a")
    with pytest.raises(DocumentFault, match=r"lines\.bus-1"):
        load(tmp_path, two)


def test_the_environment_fills_what_the_file_leaves_out(tmp_path: Path) -> None:
    text = GOOD.replace(
        'mqtt: {url: "mqtt://127.0.0.1:1884", credential: demo.gateway-1, ', "mqtt: {"
    )
    text = text.replace("secret: hush", "")
    broker = load(
        tmp_path, text, KILOWISE_MQTT_URL="mqtts://other:pw@host", KILOWISE_MQTT_SECRET="s"
    ).broker
    assert (broker.host, broker.port, broker.tls) == ("host", 8883, True)
    assert (broker.credential, broker.secret) == ("demo.gateway-1", "s")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "eastron/sdm630, host: 192.0.2.1, unit: 7",
            "acme/none, host: a, unit: 7",
            "gateway.yaml:6 at devices[0].profile: the profile 'acme/none' cannot be used.",
        ),
        (", unit: 7", "", "gateway.yaml:6 at devices[0]: 'unit' is missing. Add it."),
        ("unit: 7", "unti: 7", "at devices[0].unti: unknown key 'unti'. Did you mean 'unit'?"),
        ("unit: 7", "unit: 700", "at devices[0]: 700 is no Modbus unit. Write a number"),
        ("host: 192.0.2.1, unit: 7", "line: bus, unit: 7", "there is no line 'bus'. Known: none."),
        ("unit: 7", "unit: 7, clock_offset: 8", "devices[0].clock_offset: 8 has the wrong type"),
        ("unit: 7", "unit: 7, clock_offset: '+15:00'", "does not have the form asked for."),
        ("unit: 7", "unit: 7, clock_offset: '+08:00'", "does not say where the meter's clock is."),
        ("slug: m1", "slug: M 1", "devices[0].slug: 'M 1' does not have the form asked for."),
        ("poll_s: 0.5", "poll_s: fast", "'fast' has the wrong type. Write a number."),
    ],
)
def test_a_fault_of_one_device_leaves_the_other_running(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in GOOD
    config = load(tmp_path, GOOD.replace(old, new))
    assert [device.slug for device in config.devices] == ["m2"]
    assert sentence in "\n".join(str(problem) for problem in config.problems)


def test_the_second_of_two_equal_slugs_is_left_out(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD.replace("slug: m2", "slug: m1"))
    assert [device.unit for device in config.devices] == [7]
    assert "gateway.yaml:7 at devices[1].slug: the slug 'm1' is there twice" in str(
        config.problems[0]
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("project: demo\n", "", "'project' is missing. Add it."),
        ("mqtt://127.0.0.1:1884", "http://127.0.0.1", "gateway.yaml:4 at mqtt.url"),
        ("mqtt://127.0.0.1:1884", "mqtt://127.0.0.1:a", "the broker's URL cannot be read."),
        ("node: gateway-1", "node: [gateway-1", "this is not valid YAML"),
        ("devices:", "devcies:", "unknown key 'devcies'. Did you mean 'devices'?"),
    ],
)
def test_a_fault_of_the_whole_is_a_sentence(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(DocumentFault) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert sentence in str(caught.value)


def test_a_clock_of_1970_is_said(caplog: pytest.LogCaptureFixture) -> None:
    say_clock(ManualClock(datetime(1970, 1, 1, tzinfo=UTC)))
    assert "the clock of this machine says 1970-01-01" in caplog.text
    caplog.clear()
    say_clock(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
    assert caplog.text == ""


def test_a_configuration_that_comes_later_is_waited_for(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    file, said = tmp_path / "gateway.yaml", tmp_path / "said"
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--config", str(file)],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stderr=stderr,
        )
    try:
        wait_for(said, "the file does not exist. Create it")
        file.write_text("project: [", encoding="utf-8")
        wait_for(said, "this is not valid YAML")
        file.write_text(GOOD.replace("1884", str(port)), encoding="utf-8")
        wait_for(said, "demo/gateway-1 reads 2 devices on 2 lines")
        wait_for(said, f"no MQTT session with 127.0.0.1:{port}")
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0
    assert said.read_text(encoding="utf-8").count("the file does not exist") == 1


def wait_for(file: Path, text: str) -> None:
    for _ in range(400):
        if text in file.read_text(encoding="utf-8"):
            return
        time.sleep(0.05)
    raise AssertionError(f"{text!r} was not said: {file.read_text(encoding='utf-8')}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["Reads meters at a site", "simulate", "doctor"]),
        (["run", "--help"], ["project: demo", "KILOWISE_MQTT_SECRET"]),
        (["profile", "show", "eastron/sdm630"], ["read 80 registers from 0 with function 4"]),
        (["profile", "show", "generic/iec104-station"], ["25601        c1/ep_imp"]),
        (["profile", "check", "eastron/sdm630"], ["24 points, sample decodes"]),
    ],
)
def test_the_command_line_explains_itself(arguments: list[str], words: list[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    for word in words:
        assert word in answer.stdout


async def test_the_doctor_names_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], free_port: Callable[[], int]
) -> None:
    from gateway.doctor import examine

    file = tmp_path / "gateway.yaml"
    mqtt, modbus = str(free_port()), str(free_port())
    text = GOOD.replace("192.0.2.1", "127.0.0.1").replace("1884", mqtt).replace("5020", modbus)
    file.write_text(text, encoding="utf-8")
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    code = await examine(file, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), {})
    said = capsys.readouterr().out
    assert code == 1
    assert "ok    the clock says 2026-01-01" in said
    assert f"WRONG the broker 127.0.0.1:{mqtt} does not answer" in said
    assert f"WRONG modbus://127.0.0.1:{modbus} does not accept a connection" in said
    await asyncio.sleep(0)
