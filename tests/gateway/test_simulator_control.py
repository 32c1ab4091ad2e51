"""The simulator as people use it: a process on a data folder, asked at run time, killed, restarted;
truth and history files; a link that can be cut.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.contract.clock import ManualClock
from gateway.contract.demo import STATE_FILE
from gateway.simulator.boundaries import register_points
from gateway.simulator.command import ask
from gateway.simulator.cut import Cut
from gateway.simulator.field import Field
from gateway.simulator.history import write_history
from gateway.simulator.scenario import Scenario, ScenarioError, event_of, read_events, write_events
from gateway.simulator.simulation import Identity, SimulationError, build_field, identity
from gateway.simulator.truth import write_truth
from gateway.simulator.workdays import ZONE_S
from tests.gateway.modbus_server import register_profiles

START = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
WHICH = Identity("qichuan", 1, "2026-11-23")
PATIENCE_S = 40.0


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator's process."""

    process: subprocess.Popen[bytes]
    data: Path

    def state(self) -> dict[str, object]:
        return dict(ask(self.data, "state"))


@contextmanager
def simulator(data: Path, *options: str) -> Iterator[Running]:
    (data / STATE_FILE).unlink(missing_ok=True)
    argv = [sys.executable, "-m", "gateway", "simulate", "--data", str(data), "--port", "0"]
    process = subprocess.Popen([*argv, *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not (data / STATE_FILE).exists():
            assert process.poll() is None, "the simulator ended"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Running(process, data)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture
def field() -> Field:
    return build_field(WHICH, ManualClock(START), bench=False)


def test_the_configuration_it_writes_is_one_the_gateway_reads(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    (folder / "broker").mkdir(parents=True)
    (folder / "broker" / "demo.gateway-1.secret").write_text("s3cret\n")
    with simulator(folder):
        config = load_config(folder / "gateway.yaml", {"KILOWISE_MQTT_URL": "mqtt://broker:1884"})
    assert config.problems == ()
    assert len([device for device in config.devices if "bench-" not in device.slug]) == 34
    assert {device.profile.name for device in config.devices} == set(register_profiles())
    assert (config.project, config.node) == ("demo", "gateway-1")
    broker = config.broker
    assert (broker.host, broker.port, broker.credential) == ("broker", 1884, "demo.gateway-1")
    assert broker.secret == "s3cret"
    assert (folder / "gateway.yaml").stat().st_mode & 0o777 == 0o600


def test_the_story_is_told_shed_and_survives_a_kill(tmp_path: Path) -> None:
    with simulator(tmp_path, "--no-bench") as running:
        before = running.state()
        assert before["story"] is False
        assert ask(tmp_path, "story")["story"] is True
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(PATIENCE_S)
    with simulator(tmp_path) as again:
        state = again.state()
        assert state["story"] is True
        assert (state["seed"], state["anchor"]) == (before["seed"], before["anchor"])
        assert ask(tmp_path, "shed")["story"] is False
    assert all(event.story for event in read_events(tmp_path / "simulator/events.jsonl").events)


def test_requests_that_cannot_be_carried_out_are_sentences(tmp_path: Path) -> None:
    with simulator(tmp_path, "--no-bench") as running:
        for request, words in (
            ('{"fault": "dead", "device": "nix"}', "no meter 'nix'; it has incomer-1"),
            ('{"fault": "value", "device": "paint", "point": "x", "value": 1}', "no point 'x'"),
            ('{"fault": "load", "load": "x", "kw": 1}', "no load 'x'; it has furnace1"),
            ('{"fault": "fire"}', "unknown fault 'fire'; known: story, shed"),
            ('{"fault": "dead", "device": "paint", "from": "noon"}', "'noon' is no instant"),
            ('{"fault": "wrap", "device": "compressor-1", "point": "ep_imp"}', "never wraps"),
            ('{"fault": "story", "minutes": 0}', "a whole number from 1 to 120"),
            ("[1]", "no JSON object"),
        ):
            answer = ask(tmp_path, request)
            assert answer["ok"] is False, request
            assert words in str(answer["error"]), request
        assert running.state()["events"] == []
    with pytest.raises(ScenarioError, match="Start one"):
        ask(tmp_path / "elsewhere", "state")


def test_another_plant_is_not_served_from_a_folder(tmp_path: Path) -> None:
    clock = ManualClock(START)
    kept = identity(tmp_path, clock, None, 7, None)
    assert kept == Identity("qichuan", 7, "2026-11-23")
    assert identity(tmp_path, ManualClock(START + timedelta(days=9)), None, None, None) == kept
    with pytest.raises(SimulationError, match="seed 7"):
        identity(tmp_path, clock, None, 8, None)


def test_events_are_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    instant = "2026-11-24T08:00:00+08:00"
    lines: list[dict[str, object]] = [
        {"fault": "dead", "device": "paint", "minutes": 120},
        {"fault": "value", "device": "paint", "point": "p", "value": 0, "from": instant},
        {"fault": "wrap", "device": "paint", "point": "ep_imp", "at": instant},
        {"fault": "load", "load": "furnace2", "kw": -12.5, "minutes": 3, "story": 5},
        {"fault": "link", "minutes": 180},
    ]  # fmt: skip
    scenario = Scenario(event_of(line, 1_795_000_000) for line in lines)
    write_events(tmp_path / "events.jsonl", scenario)
    assert read_events(tmp_path / "events.jsonl").events == scenario.events


def test_truth_is_what_a_brute_force_integral_counts(field: Field, tmp_path: Path) -> None:
    at = START + timedelta(minutes=20)
    wrap = {"fault": "wrap", "device": "paint", "point": "ep_imp", "at": at.isoformat()}
    load = {"fault": "load", "load": "furnace2", "kw": 300, "from": START.isoformat(), "minutes": 7}
    field.set_scenario(Scenario([event_of(wrap), event_of(load)]))
    start = int(START.timestamp())
    assert write_truth(tmp_path / "truth", field, start, start + 2700) == 3
    lines = [json.loads(line) for line in (tmp_path / "truth").read_text().splitlines()]
    told = {(line["device"], line["point"]): line for line in lines}
    for slug, count in (("paint", 4_000_000), ("furnace-2", 600_000), ("incomer-2", 1_000)):
        circuit = field.plant.circuits[slug]
        sums = [
            sum(field.plant.flow_parts(slug, second) for second in range(begin, begin + 900))
            for begin in range(start, start + 2700, 900)
        ]
        quantities = told[slug, "ep_imp"]["quantities"]
        assert told[slug, "ep_imp"]["unit"] == "mWh"
        for quantity, parts in zip(quantities, sums, strict=True):
            assert quantity % count == 0
            assert abs(quantity - parts / circuit.parts) < count
        assert abs(sum(quantities) - sum(sums) / circuit.parts) < count
    # The paint shop's meter is set to 150/5 where 200/5 is installed: it counts three quarters.
    wrong = told["paint", "ep_imp"]
    assert [4 * one for one in wrong["shown"]] == [3 * one for one in wrong["quantities"]]
    assert {device for (device, _), line in told.items() if "shown" in line} == {"paint"}


def test_history_goes_on_in_the_live_registers_to_the_count(field: Field, tmp_path: Path) -> None:
    end = int(START.timestamp()) + 333
    count = write_history(tmp_path / "history", field, end, 2)
    lines = (tmp_path / "history").read_text().splitlines()
    header = json.loads(lines[0])
    rows = [json.loads(line) for line in lines[1:]]
    assert (header["kilowise"], header["version"], len(rows)) == ("readings", 1, count)
    points = header["points"]
    # 10:30 of the second day: 43 quarter hours (00:00 to 10:30), and 96 of the day before.
    assert count == len(points) * (43 + 96)
    days = [(row[1] // 1000 + ZONE_S) // 86_400 for row in rows]
    assert days == sorted(days, reverse=True)
    newest = max(row[1] for row in rows)
    assert newest == int(START.timestamp()) * 1000
    described = {(point["device"], point["name"]): point for point in points}
    furnace = described["furnace-1", "ep_imp"]
    assert (furnace["kind"], furnace["unit"], furnace["resolution"]) == ("register", "kWh", 0.6)
    assert furnace["modulus"] == 2**32 * 0.6
    last = {row[0]: row[2] for row in rows if row[1] == newest}
    for place in register_points(field):
        point = described.get((place.meter.device.slug, place.point.name))
        if point is not None:
            live = field.value(point["device"], place.point, int(START.timestamp()))
            assert last[point["id"]] == live


def test_history_longer_than_the_meters_know_is_refused(field: Field, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="1 to 428 days"):
        write_history(tmp_path / "history", field, int(START.timestamp()), 429)


def test_history_in_parts_is_the_same_and_powers_end_after_35_days(
    field: Field, tmp_path: Path
) -> None:
    end = int(START.timestamp())
    count = write_history(tmp_path / "parts", field, end, 38, 36)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["parts.1", "parts.2"]
    parts = [(tmp_path / f"parts.{number}").read_text().splitlines() for number in (1, 2)]
    assert parts[0][0] == parts[1][0]
    rows = [json.loads(line) for lines in parts for line in lines[1:]]
    assert len(rows) == count
    days = [(row[1] // 1000 + ZONE_S) // 86_400 for row in rows]
    assert days == sorted(days, reverse=True)
    points = json.loads(parts[0][0])["points"]
    powers = {point["id"] for point in points if point["kind"] == "gauge"}
    assert min(day for row, day in zip(rows, days, strict=True) if row[0] in powers) == days[0] - 34
    assert days[-1] == days[0] - 37


async def test_a_cut_link_drops_and_refuses_until_it_is_mended() -> None:
    over: list[asyncio.Event] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over.append(asyncio.Event())
        mine = over[-1]
        with suppress(ConnectionError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()
        mine.set()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    link = Cut("127.0.0.1", server.sockets[0].getsockname()[1])
    port = await link.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"before")
    assert await reader.readexactly(6) == b"before"
    await link.set_cut(cut=True)
    try:
        assert await reader.read() == b""
    except ConnectionError:
        assert link.is_cut
    writer.close()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)
    await link.set_cut(cut=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"after")
    assert await reader.readexactly(5) == b"after"
    writer.close()
    await link.stop()
    for ended in over:
        await ended.wait()
    assert len(over) == 2
    server.close()
    await server.wait_closed()


def test_the_link_is_cut_on_request(tmp_path: Path) -> None:
    with simulator(tmp_path, "--no-bench", "--cut", "127.0.0.1:9") as running:
        assert isinstance(running.state()["link"], int)
        ask(tmp_path, '{"fault": "link", "minutes": 1}')
        events = running.state()["events"]
        assert isinstance(events, list)
        assert [event["fault"] for event in events] == ["link"]
        ask(tmp_path, "clear")
        assert running.state()["events"] == []
    assert "mqtt://127.0.0.1:" in (tmp_path / "gateway.yaml").read_text()


def test_it_ends_when_the_process_that_started_it_dies(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "from gateway.contract.lifeline import Lifeline\n"
        "line = Lifeline()\n"
        "argv = [sys.executable, '-m', 'gateway', 'simulate', '--port', '0', '--no-bench']\n"
        "child = subprocess.Popen(argv, env={**os.environ, **line.environment},"
        " pass_fds=(line.fd,), stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "KILOWISE_DATA": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{child}/stat").exists() and not _is_zombie(child):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
