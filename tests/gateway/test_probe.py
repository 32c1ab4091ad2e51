"""Search on a real Modbus bus: who answers, which profile fits; a profile's device on a port."""

import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.contract.clock import ManualClock
from gateway.contract.profile import Profile, Ratios
from gateway.contract.profile_file import find_profile
from gateway.drivers.capabilities import (
    Address,
    DriverFault,
    Line,
    LinkDown,
    Progress,
    Reads,
    ReportingLine,
    Tcp,
    Unit,
)
from gateway.drivers.registry import find_driver
from gateway.probe import answering, find_units, recognise
from gateway.scan import candidates, describe
from gateway.simulator.field import Field
from gateway.simulator.modbus import Bus, plant_units
from gateway.simulator.sample_device import RAMP_S, SampleDevice
from gateway.simulator.simulation import Identity, build_field
from tests.gateway.modbus_server import free_port

START = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
GATEWAY = [sys.executable, "-m", "gateway"]
FIELD = build_field(Identity("qichuan", 1, "2026-11-23"), ManualClock(START))


def one_of_each(field: Field) -> list[str]:
    """A meter of every profile."""
    first: dict[str, str] = {}
    for slug, meter in field.meters.items():
        first.setdefault(meter.profile.name, slug)
    return list(first.values())


async def opened(port: int, timeout_s: float = 2.0) -> Line:
    """A Modbus line to a port of this machine."""
    line = find_driver("modbus")(Address("modbus", Tcp("127.0.0.1", port)), timeout_s)
    assert not isinstance(line, ReportingLine)
    await line.open()
    return line


@pytest.fixture
async def shelf() -> AsyncIterator[Line]:
    """A line to one bus with one meter of every profile, units 1, 2, 3, ... in their order."""
    units = plant_units(FIELD, one_of_each(FIELD))
    bus = Bus(replace(unit, unit_id=number) for number, unit in enumerate(units, start=1))
    line = await opened(await bus.start("127.0.0.1", 0))
    yield line
    line.close()
    await bus.stop()


def map_of(profile: Profile) -> set[object]:
    """What a reader sees of a profile: places, types and scales, whatever they are called."""
    return {(p.fc, p.address, p.datatype, p.missing) for p in profile.points}


async def test_every_meter_of_a_bus_is_recognised_first(shelf: Line) -> None:
    profiles = candidates("modbus")
    alike: dict[str, str] = {}
    for number, slug in enumerate(one_of_each(FIELD), start=1):
        profile = FIELD.meters[slug].profile
        first = (await recognise(shelf, number, profiles))[0].profile
        if first.name != profile.name:
            assert map_of(first) == map_of(profile), f"{profile.name} is taken for {first.name}"
            alike[profile.name] = first.name
    # Two types with one map and no mark cannot be told from each other.
    assert alike == {
        "eastron/sdm230": "eastron/sdm120",
        "generic/steam-vortex": "generic/gas-corrector",
    }


async def test_what_is_found_is_told_with_what_to_compare(shelf: Line) -> None:
    names = [FIELD.meters[slug].profile.name for slug in one_of_each(FIELD)]
    told = {
        name: describe(number, await recognise(shelf, number, candidates("modbus")))
        for number, name in enumerate(names, start=1)
        if name in ("abb/b23", "eastron/sdm120", "acrel/dtsd1352")
    }
    at = {name: names.index(name) + 1 for name in told}
    assert told["abb/b23"] == [
        f"unit {at['abb/b23']}: abb/b23 (ABB B23 energy meter): recognised by its mark, "
        "19 of 23 points plausible",
        "    compare u_a (V) with the display",
    ]
    assert told["eastron/sdm120"] == [
        f"unit {at['eastron/sdm120']}: eastron/sdm120 (Eastron SDM120 single-phase meter): "
        "by its values, 9 of 11 points plausible",
        "    or eastron/sdm230 (Eastron SDM230 single-phase meter): by its values, "
        "9 of 11 points plausible",
        "    compare u_a (V) with the display",
    ]
    assert told["acrel/dtsd1352"][0].endswith("19 of 21 points plausible, unverified profile")


async def test_units_that_answer_are_found_and_silence_is_not(shelf: Line) -> None:
    asked: list[int] = []
    count = len(one_of_each(FIELD))
    # A unit that has not the register refuses it, which is an answer too.
    found = await answering(
        shelf,
        find_profile("abb/b23"),
        [1, 2, count, count + 1, 200],
        lambda number, *_: asked.append(number),
    )
    assert found == [1, 2, count]
    assert asked == [1, 2, 3, 4, 5]


def say(*_: object) -> None:
    """Nobody listens to the progress."""


class Finding:
    """A line whose driver looks for devices by itself."""

    async def discover(self, progress: Progress, limit_s: float) -> list[Unit]:
        """What it finds."""
        return ["123456781012"]

    async def open(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def device(self, profile: Profile, unit: Unit) -> Reads:
        """Nobody is asked."""
        raise AssertionError((profile.name, unit))


async def test_a_driver_that_finds_devices_is_asked_for_them(shelf: Line) -> None:
    profiles = candidates("modbus")
    assert await find_units(Finding(), profiles, None, say) == ["123456781012"]
    assert await find_units(shelf, profiles, [2], say) == [2]
    with pytest.raises(DriverFault, match="no profile speaks profinet"):
        candidates("profinet")


async def test_a_lost_line_ends_the_search(shelf: Line) -> None:
    shelf.close()
    with pytest.raises(LinkDown):
        await recognise(shelf, 1, candidates("modbus"))


def test_a_moving_device_keeps_to_its_ramp() -> None:
    profile = find_profile("carlo-gavazzi/em340")
    device = SampleDevice(profile, lambda: 0.0, moves=True)
    power, energy = profile.point("p"), profile.point("ep_imp")
    assert [device.value(power, s * RAMP_S) for s in (0, 0.5, 1)] == pytest.approx(
        [41.2, 41.2 * 1.1, 41.2]
    )
    assert [device.value(energy, s) for s in (0, 10)] == pytest.approx([45678.9, 45679.9])
    assert device.value(profile.point("u_b"), 0) == 230.0


@contextmanager
def simulated(name: str, *options: str) -> Iterator[int]:
    """A profile's device served by the command; its port."""
    command = [*GATEWAY, "profile", "simulate", name, "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = re.search(r"on 127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert said is not None
        yield int(said[1])
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        process.stdout.close()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """A command of the gateway, ended."""
    return subprocess.run([*GATEWAY, *words], capture_output=True, text=True, check=False)


async def read(port: int, unit: int, profile: Profile) -> Sequence[float | None]:
    """All points of a device on a port."""
    line = await opened(port)
    values = await line.device(profile, unit).reader(profile.points, Ratios())()
    line.close()
    return values


async def test_a_profile_s_device_is_served_and_named() -> None:
    profile = find_profile("carlo-gavazzi/em24-e1")
    with simulated(profile.name, "--unit", "3", "--ramp") as port:
        where = ("--host", "127.0.0.1", "--port", str(port), "--units", "1-4", "--timeout", "0.2")
        scanned, probed = run("scan", *where), run("probe", *where)
    assert (scanned.returncode, scanned.stdout) == (0, "unit 3 answers\n1 of 4 answer\n")
    assert probed.stdout.startswith("unit 3: carlo-gavazzi/em24-e1 (Carlo Gavazzi EM24 meter")
    with simulated(profile.name) as port:
        values = await read(port, 1, profile)
    found = dict(zip((point.name for point in profile.points), values, strict=True))
    sample = profile.sample.values
    assert {name: found[name] for name in sample} == pytest.approx(dict(sample))


def test_what_cannot_be_searched_is_told() -> None:
    nobody = run("scan", "--host", "127.0.0.1", "--port", str(free_port()))
    assert nobody.returncode == 1
    assert (
        "does not accept a connection: Connection refused. Check address, port and cable."
        in nobody.stderr
    )
    assert run("probe").stderr == "name either --host or --serial.\n"
