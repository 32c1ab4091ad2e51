"""Bad input on the commands as people type them: a sentence, no traceback, and the rest goes on."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.product import ROOT

PATIENCE_S = 120.0
BROKEN = "maker: acme\ntype: [unclosed\n"


def test_wrong_devices_are_told_and_the_others_are_read(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    plant = subprocess.Popen(
        [*module("gateway"), "simulate", "--data", str(tmp_path), "--port", "0", "--no-bench"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    log = tmp_path / "gateway.log"
    try:
        config = tmp_path / "gateway.yaml"
        wait_for(config.exists)
        closed = free_port()
        profiles = tmp_path / "profiles" / "acme"
        profiles.mkdir(parents=True)
        (profiles / "broken.yaml").write_text(BROKEN)
        (profiles / "far.yaml").write_text(far_profile())
        port = config.read_text().split("port: ")[1].split()[0]
        text = config.read_text().replace("profile_dirs: []", "profile_dirs: [profiles]")
        for slug, profile, where in (
            ("d-unknown", "acme/nothing", closed),
            ("d-broken", "acme/broken", closed),
            ("d-unreachable", "eastron/sdm630", closed),
            ("d-registers", "acme/far", port),
        ):
            text += (
                f"- {{slug: {slug}, profile: {profile}, host: 127.0.0.1, port: {where}, unit: 1}}\n"
            )
        config.write_text(text)
        with log.open("wb") as out:
            gateway = subprocess.Popen(
                [*module("gateway"), "run", "--config", str(config)], cwd=ROOT, stderr=out
            )
        try:
            said = [
                "the profile 'acme/nothing' cannot be used",
                f"{profiles / 'broken.yaml'}:",
                "d-unreachable: ",
                "refuses point p at register 60000 of function 3: it stays without value. Correct",
                "incomer-1 answers",
                "painted answers",
            ]
            wait_for(lambda: all(part in log.read_text() for part in said), log)
        finally:
            gateway.terminate()
            gateway.wait()
    finally:
        plant.terminate()
        plant.wait()
    assert "Traceback" not in log.read_text()


def test_broken_yaml_names_file_and_line_and_is_waited_for(tmp_path: Path) -> None:
    config, log = tmp_path / "gateway.yaml", tmp_path / "gateway.log"
    config.write_text("project: demo\nnode: [\n")
    with log.open("wb") as out:
        gateway = subprocess.Popen(
            [*module("gateway"), "run", "--config", str(config)], cwd=ROOT, stderr=out
        )
    try:
        wait_for(lambda: "waits for a usable configuration" in log.read_text(), log)
        assert f"{config}:" in log.read_text()
        config.write_text("project: demo\nnode: g\nmqtt: {url: 'http://x'}\ndevices: []\n")
        wait_for(lambda: "at mqtt.url: 'http://x' does not have the form" in log.read_text(), log)
        assert "(for example mqtts://broker.example:8883)" in log.read_text()
        assert gateway.poll() is None
    finally:
        gateway.terminate()
        gateway.wait()
    assert "Traceback" not in log.read_text()


def test_a_taken_port_that_was_set_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        told = fails(tmp_path, PORT=port)
        assert f"PORT={port}" in told or f"PORT {port}" in told, told
        assert port in fails(tmp_path, MQTT_PORT=port)


def test_a_wrong_url_is_an_error_that_shows_no_password(tmp_path: Path) -> None:
    told = fails(tmp_path, KILOWISE_DATABASE_URL="mysql://root:hidden@host/db")
    assert "KILOWISE_DATABASE_URL" in told
    assert "hidden" not in told
    assert "KILOWISE_MQTT_URL" in fails(tmp_path, KILOWISE_MQTT_URL="host:1883")


def test_a_foreign_data_folder_is_left_alone(tmp_path: Path) -> None:
    cluster = tmp_path / "data" / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "somebody.txt").write_text("mine")
    told = fails(tmp_path)
    assert str(cluster) in told or str(cluster.parent) in told, told
    assert (cluster / "somebody.txt").read_text() == "mine"


def fails(folder: Path, **environment: str) -> str:
    """What `kilowise serve` says before it ends with an error; one sentence, no traceback."""
    done = subprocess.run(
        [*module("backend"), "serve"],
        cwd=ROOT,
        env=environ({"KILOWISE_DATA": str(folder / "data"), **environment}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def module(name: str) -> list[str]:
    """The command of a package."""
    return [sys.executable, "-m", name]


def environ(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment with more in it."""
    return {**os.environ, **extra}


def far_profile() -> str:
    """A profile whose register no simulated meter has."""
    return """
maker: acme
type: far
version: "1.0"
title: {en: Far, zh-CN: Far}
protocol: modbus
energy: electricity
byte_order: big
word_order: high_first
values: primary
ratio_source: none
defaults: {fc: 3, datatype: uint16}
points:
  - {key: p, address: 60000, unit: kW}
sample:
  blocks:
    - {fc: 3, start: 60000, words: [5]}
  values: {p: 5.0}
verify: {point: p, tolerance_percent: 1}
source: "Made up for this test"
verified: no
"""


def wait_for(met: Callable[[], bool], log: Path | None = None) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, log.read_text() if log else ""
        time.sleep(0.1)
