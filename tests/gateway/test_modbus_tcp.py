"""The Modbus TCP driver against pymodbus' own simulator server."""

from fractions import Fraction

import pytest

from gateway.contract.profile import Ratios
from gateway.contract.profile_file import find_profile, parse_profile
from gateway.drivers.capabilities import Address, DeviceSilent, DriverFault, LinkDown, Tcp
from gateway.drivers.modbus import open_line
from gateway.drivers.registry import find_driver
from tests.gateway.modbus_server import Field, free_port, sdm630_field, serving

DIRECT = Ratios()


def test_an_unknown_protocol_is_a_sentence() -> None:
    with pytest.raises(DriverFault, match=r"no driver speaks 'profinet'. Known: .*modbus"):
        find_driver("profinet")


async def test_a_meter_is_read_as_its_profile_says() -> None:
    profile, port = find_profile("eastron/sdm630"), free_port()
    field = sdm630_field(1, 2)
    for name, value in {"u_a": 231.5, "p": 12.5, "ep_imp": 98765.5, "thd_u_a": None}.items():
        field.put_value(2, profile, name, value, DIRECT)
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 0.5)
    async with serving(field, port):
        await line.open()
        values = await line.device(profile, 2).reader(profile.points, DIRECT)()
        line.close()
    found = {point.name: value for point, value in zip(profile.points, values, strict=True)}
    assert found["u_a"] == 231.5
    assert found["p"] == 12.5
    assert found["ep_imp"] == 98765.5
    assert found["thd_u_a"] is None
    assert found["i_a"] == 0
    # 0x00-0x4F and 0xEA-0xEF are 240 registers apart: two requests, whatever the 24 points.
    assert field.requests == [(2, 0x00, 0x50), (2, 0xEA, 6)]


SECONDARY = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: modbus
values: secondary
ratio_source: meter
ratio_registers:
  pt: {address: 0x6B, datatype: uint16}
  ct: {address: 0x6C, datatype: uint16}
points:
  - {key: p, address: 0x49, datatype: int16, scale: 0.001, unit: kW, ratio: pct}
  - {key: u_a, address: 0x3D, datatype: uint16, scale: 0.1, unit: V, ratio: pt}
  - {key: ep_imp, address: 0x54, datatype: uint32, scale: 0.001, unit: kWh, ratio: pct,
     kind: register, nan: [0xFFFFFFFF]}
sample:
  blocks: [{fc: 3, start: 0x49, words: [1500]}]
  values: {p: 1.5}
verify: {point: p, tolerance_percent: 1}
source: a test
verified: no
"""


async def test_secondary_values_take_the_ratios_the_meter_itself_keeps() -> None:
    profile, port = parse_profile("m/t", SECONDARY), free_port()
    field = Field({1: (0x3D, 0x40)})
    field.put(1, 0x6B, (100, 80))
    field.put(1, 0x49, (0xFFFE,))
    field.put(1, 0x54, (0x0001, 0x0000))
    field.put(1, 0x3D, (1000,))
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 0.5)
    async with serving(field, port):
        await line.open()
        device = line.device(profile, 1)
        ratios = await device.ratios()
        values = await device.reader(profile.points, ratios)()
        field.put(1, 0x54, (0xFFFF, 0xFFFF))
        missing = await device.reader(profile.points, ratios)()
        line.close()
    assert ratios == Ratios(pt=Fraction(100), ct=Fraction(80))
    assert values == [-0.002 * 8000, 100 * 100.0, 65.536 * 8000]
    assert missing == [-16.0, 10000.0, None]


async def test_a_refused_block_is_split_once_and_the_rest_is_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    profile, port = find_profile("eastron/sdm630"), free_port()
    field = sdm630_field(1)
    field.put_value(1, profile, "ep_imp", 5.5, DIRECT)
    field.put_value(1, profile, "f", 50.0, DIRECT)
    field.refused[1] = {0x42, 0x0C}
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 0.5)
    async with serving(field, port):
        await line.open()
        read = line.device(profile, 1).reader(profile.points, DIRECT)
        first = dict(zip([p.name for p in profile.points], await read(), strict=True))
        asked = len(field.requests)
        second = dict(zip([p.name for p in profile.points], await read(), strict=True))
        again = len(field.requests) - asked
        line.close()
    assert first == second
    assert (first["ep_imp"], first["f"], first["p_a"]) == (5.5, 50.0, None)
    assert "refuses point p_a at register 12" in caplog.text
    # Learned: the second round asks no refused block again.
    assert again < asked
    assert all(not {0x0C} & set(range(at, at + n)) for _, at, n in field.requests[asked:])


async def test_a_silent_unit_does_not_cost_its_neighbour_the_connection() -> None:
    profile, port = find_profile("eastron/sdm630"), free_port()
    field = sdm630_field(1, 2)
    field.silent.add(1)
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 0.1)
    async with serving(field, port):
        await line.open()
        silent = line.device(profile, 1).reader(profile.points, DIRECT)
        healthy = line.device(profile, 2).reader(profile.points, DIRECT)
        for _ in range(8):
            with pytest.raises(DeviceSilent, match=r"unit 1 at .* does not answer"):
                await silent()
        assert len(await healthy()) == len(profile.points)
        line.close()


async def test_a_lost_connection_is_link_down_and_can_be_opened_again() -> None:
    profile, port = find_profile("eastron/sdm630"), free_port()
    field = sdm630_field(1)
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 0.3)
    read = line.device(profile, 1).reader(profile.points, DIRECT)
    async with serving(field, port):
        await line.open()
        await read()
    with pytest.raises((LinkDown, DeviceSilent)):
        await read()
    with pytest.raises(LinkDown):
        await read()
    async with serving(field, port):
        await line.open()
        assert len(await read()) == len(profile.points)
    line.close()
