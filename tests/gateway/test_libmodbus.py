"""The Modbus driver against libmodbus, which shares no code with ours or pymodbus."""

import asyncio
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.contract.profile import Point, Ratios
from gateway.contract.profile_file import find_profile, parse_profile
from gateway.drivers.capabilities import Address, DeviceSilent, Line, LinkDown, Refused, Serial, Tcp
from gateway.drivers.modbus import open_line
from tests.gateway.modbus_peers import FAST, joined, terminal
from tests.gateway.modbus_server import free_port

SOURCE = Path(__file__).with_name("libmodbus_server.c")
# Float32 big-endian as the SDM630's sheet has them, put together here and not by our codec.
VALUES = [0.0] * 120
VALUES[0x00 // 2], VALUES[0x34 // 2], VALUES[0x48 // 2] = 231.25, 12500.0, 98765.5
WORDS = struct.unpack(">240H", struct.pack(">120f", *VALUES))

pytestmark = pytest.mark.needs("gcc", "libmodbus")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server, compiled once."""
    made = tmp_path_factory.mktemp("libmodbus") / "server"
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libmodbus"],
        capture_output=True,
        text=True,
        check=True,
    )
    subprocess.run(["gcc", "-o", str(made), str(SOURCE), *flags.stdout.split()], check=True)
    return made


@contextmanager
def served(program: Path, where: str, words: Sequence[int]) -> Iterator[None]:
    """Serve these registers from 0 while the block runs."""
    server = subprocess.Popen([str(program), where, "0", *map(hex, words)])
    try:
        yield
    finally:
        server.kill()
        server.wait()


async def read_sdm630(line: Line) -> dict[str, float | None]:
    profile = find_profile("eastron/sdm630")
    found = await line.device(profile, 1).reader(profile.points, Ratios())()
    return dict(zip([point.name for point in profile.points], found, strict=True))


async def test_a_meter_served_by_libmodbus_is_read(program: Path) -> None:
    port = free_port()
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 1.0)
    with served(program, str(port), WORDS):
        await opened(line)
        read = await read_sdm630(line)
        line.close()
    assert (read["u_a"], read["p"], read["ep_imp"]) == (231.25, 12.5, 98765.5)
    assert read["thd_u_a"] == 0.0


async def test_a_meter_on_a_serial_bus_of_libmodbus_is_read(program: Path) -> None:
    async with terminal() as ours, terminal() as theirs, joined(ours.master, theirs.master):
        line = open_line(Address("modbus", Serial(ours.path, FAST)), 1.0)
        with served(program, theirs.path, WORDS):
            await line.open()
            await answering(line)
            read = await read_sdm630(line)
            again = await read_sdm630(line)
            line.close()
    assert (read["u_a"], read["p"], read["ep_imp"]) == (231.25, 12.5, 98765.5)
    assert again == read


SETTINGS = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: modbus
values: primary
points:
  - {key: limit, address: 2, datatype: uint16, scale: 0.1, unit: kW}
  - {key: target, address: 4, datatype: float32, unit: kW}
  - {key: count, address: 6, datatype: uint16, unit: '1', fc: 4}
  - {key: none, address: 200, datatype: uint16, unit: '1'}
sample:
  blocks: [{fc: 3, start: 2, words: [1]}]
  values: {limit: 0.1}
verify: {point: limit, tolerance_percent: 1}
source: a test
verified: no
"""


async def test_set_points_are_written_to_libmodbus_and_read_back(program: Path) -> None:
    profile, port = parse_profile("m/t", SETTINGS), free_port()
    limit, target, count, none = profile.points
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 1.0)
    with served(program, str(port), [0] * 10):
        await opened(line)
        device = line.device(profile, 1)

        async def read(*points: Point) -> list[float | None]:
            return await device.reader(points, Ratios())()

        await device.write(limit, 150.04, Ratios())
        await device.write(target, -12.5, Ratios())
        # 150.04 kW is 1500 counts of 0.1 kW: what a meter can hold.
        assert await read(limit, target) == [150.0, -12.5]
        for point, value, said in (
            (limit, 7000.0, "limit cannot hold 7000.0 kW"),
            (limit, -1.0, "limit cannot hold -1.0 kW"),
            (limit, float("nan"), "limit cannot hold nan kW"),
            (count, 1.0, "count lies in input registers"),
            (none, 1.0, "refuses writing register 200 with function 6 .exception 2"),
        ):
            with pytest.raises(Refused, match=said):
                await device.write(point, value, Ratios())
        assert await read(limit, target) == [150.0, -12.5]
        line.close()


async def opened(line: Line) -> None:
    """Connect as soon as the server listens."""
    for _ in range(100):
        try:
            await line.open()
        except LinkDown:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("libmodbus' server did not start")


async def answering(line: Line) -> None:
    """Wait until a unit on a bus answers."""
    for _ in range(20):
        try:
            await read_sdm630(line)
        except DeviceSilent:
            continue
        return
    raise AssertionError("libmodbus' server did not start")
