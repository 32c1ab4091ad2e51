"""The Modbus driver against libmodbus, which shares no code with pymodbus."""

import asyncio
import struct
import subprocess
from pathlib import Path

import pytest

from gateway.contract.profile import Ratios
from gateway.contract.profile_file import find_profile
from gateway.drivers.capabilities import Address, Line, LinkDown, Tcp
from gateway.drivers.modbus_tcp import open_line
from tests.gateway.modbus_server import free_port

SOURCE = Path(__file__).with_name("libmodbus_server.c")


@pytest.mark.needs("gcc", "libmodbus")
async def test_a_meter_served_by_libmodbus_is_read(tmp_path: Path) -> None:
    program, port = tmp_path / "server", free_port()
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libmodbus"],
        capture_output=True,
        text=True,
        check=True,
    )
    subprocess.run(["gcc", "-o", str(program), str(SOURCE), *flags.stdout.split()], check=True)
    # Float32 big-endian as the SDM630's sheet has them, put together here and not by our codec.
    values = [0.0] * 120
    values[0x00 // 2], values[0x34 // 2], values[0x48 // 2] = 231.25, 12500.0, 98765.5
    words = struct.unpack(">240H", struct.pack(">120f", *values))
    server = subprocess.Popen([str(program), str(port), "0", *map(hex, words)])
    profile = find_profile("eastron/sdm630")
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 1.0)
    try:
        await opened(line)
        found = await line.device(profile, 1).reader(profile.points, Ratios())()
    finally:
        line.close()
        server.kill()
        server.wait()
    read = dict(zip([point.name for point in profile.points], found, strict=True))
    assert (read["u_a"], read["p"], read["ep_imp"]) == (231.25, 12.5, 98765.5)
    assert read["thd_u_a"] == 0.0


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
