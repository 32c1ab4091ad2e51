"""The simulated plant over real Modbus TCP: registers, ratios, silence, speed of the field."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from gateway.contract.clock import ManualClock
from gateway.contract.profile import Point
from gateway.simulator.field import Field
from gateway.simulator.modbus import Bus, plant_units
from gateway.simulator.scenario import Scenario, event_of
from gateway.simulator.simulation import Identity, build_field
from tests.gateway.bench import VALVE
from tests.gateway.modbus_server import register_profiles

START = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
WHICH = Identity("qichuan", 1, "2026-11-23")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def field(clock: ManualClock) -> Field:
    return build_field(WHICH, clock)


class Served:
    """Clients to the buses of a served field."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.clients: dict[str, AsyncModbusTcpClient] = {}

    async def words(self, slug: str, fc: int, address: int, count: int) -> list[int]:
        device = self.field.meters[slug].device
        client = self.clients[device.bus]
        if not client.connected:
            await client.connect()
        read = client.read_holding_registers if fc == 3 else client.read_input_registers
        answer = await read(address, count=count, device_id=device.unit_id)
        assert not answer.isError(), f"{slug}: {answer}"
        return list(answer.registers)

    async def value(self, slug: str, point: Point) -> float | None:
        words = await self.words(slug, point.fc, point.address, point.words)
        meter = self.field.meters[slug]
        return meter.profile.decode(point, tuple(words), meter.ratios)


@pytest.fixture
async def served(field: Field) -> AsyncIterator[Served]:
    served = Served(field)
    buses = []
    for name in field.plant.model.buses:
        slugs = [device.slug for device in field.plant.model.devices if device.bus == name]
        bus = Bus(plant_units(field, slugs))
        buses.append(bus)
        port = await bus.start("127.0.0.1", 0)
        client = AsyncModbusTcpClient(
            "127.0.0.1", port=port, timeout=0.3, retries=0, reconnect_delay=0
        )
        served.clients[name] = client
        await client.connect()
    yield served
    for client in served.clients.values():
        client.close()
    for bus in buses:
        await bus.stop()


async def test_every_point_of_every_meter_reads_what_the_plant_says(served: Served) -> None:
    field, checked = served.field, 0
    for slug, meter in field.meters.items():
        for point in meter.profile.points:
            expected = field.value(slug, point, field.instant(slug))
            assert await served.value(slug, point) == expected, f"{slug} {point.name}"
            checked += 1
    assert checked > 1000


async def test_every_profile_has_a_meter(field: Field) -> None:
    assert {meter.device.profile for meter in field.meters.values()} == set(register_profiles())
    assert len([m for m in field.meters.values() if m.device.bus != "bench"]) == 34


async def test_a_register_is_the_exact_amount_cut_off_at_one_count(
    served: Served, clock: ManualClock
) -> None:
    field, meter = served.field, served.field.meters["furnace-1"]
    point = meter.profile.point("ep_imp")
    before, start = await served.value("furnace-1", point), field.now()
    await clock.advance(900)
    after = await served.value("furnace-1", point)
    assert before is not None
    assert after is not None
    exact = float(field.plant.amount("furnace-1", start, start + 900)) / 10**6
    # The count is 0.001 kWh x 600 of the current transformer.
    assert abs((after - before) - exact) < 0.6
    assert round((after - before) / 0.6, 6) == round((after - before) / 0.6)


async def test_registers_stand_still_between_two_steps(served: Served, clock: ManualClock) -> None:
    point = served.field.meters["compressor-1"].profile.point("ep_imp")
    first = await served.value("compressor-1", point)
    await clock.advance(4.9)
    assert await served.value("compressor-1", point) == first
    await clock.advance(0.1)
    second = await served.value("compressor-1", point)
    assert second == served.field.value("compressor-1", point, int(START.timestamp()) + 5)


async def test_a_meter_keeps_its_own_ratios_in_registers(served: Served) -> None:
    assert await served.words("heat-treatment", 3, 0x6B, 2) == [1, 400]


async def test_a_dead_meter_does_not_answer_and_the_others_do(
    served: Served, clock: ManualClock
) -> None:
    field = served.field
    fault = {"fault": "dead", "device": "furnace-1", "minutes": 2}
    field.set_scenario(Scenario([event_of(fault, field.now())]))
    with pytest.raises(ModbusIOException):
        await served.words("furnace-1", 3, 0x54, 2)
    assert len(await served.words("furnace-2", 3, 0x54, 2)) == 2
    await clock.advance(120)
    assert len(await served.words("furnace-1", 3, 0x54, 2)) == 2


async def test_a_register_wraps_at_the_instant_asked_for(
    served: Served, clock: ManualClock
) -> None:
    field = served.field
    point = field.meters["machining"].profile.point("ep_imp")
    at = (START + timedelta(minutes=15)).isoformat()
    fault = {"fault": "wrap", "device": "machining", "point": "ep_imp", "at": at}
    field.set_scenario(Scenario([event_of(fault)]))
    before = await served.value("machining", point)
    await clock.advance(900)
    after = await served.value("machining", point)
    modulus = 2**32 * 0.24
    assert before is not None
    assert after == 0.0
    exact = float(field.plant.amount("machining", int(START.timestamp()), field.now())) / 10**6
    assert abs((after + modulus - before) - exact) < 0.24


async def test_a_spike_is_shown_for_its_minutes_only(served: Served, clock: ManualClock) -> None:
    field = served.field
    point = field.meters["compressor-1"].profile.point("p")
    fault = {"fault": "value", "device": "compressor-1", "point": "p", "value": 9e3, "minutes": 1}
    honest = await served.value("compressor-1", point)
    field.set_scenario(Scenario([event_of(fault, field.now())]))
    assert await served.value("compressor-1", point) == 9000.0
    await clock.advance(60)
    assert await served.value("compressor-1", point) != 9000.0
    assert honest is not None


async def test_registers_that_do_not_exist_are_refused(served: Served) -> None:
    client = served.clients["substation"]
    answer = await client.read_holding_registers(0x4000, count=2, device_id=11)
    assert answer.isError()
    assert answer.exception_code == 2


async def test_a_profile_file_alone_makes_a_meter(tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "own"
    (folder / "acme").mkdir(parents=True)
    shipped = Path("gateway/profiles/eastron/sdm630.yaml").read_text(encoding="utf-8")
    (folder / "acme" / "x1.yaml").write_text(shipped.replace("SDM630", "X1"), encoding="utf-8")
    field = build_field(WHICH, clock, extra_profiles=[folder])
    meter = field.meters["bench-acme-x1"]
    value = field.value("bench-acme-x1", meter.profile.point("p"), field.now())
    assert value is not None
    assert 10.0 < value < 14.0


async def test_only_writable_points_take_a_value(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "valve.yaml").write_text(VALVE, encoding="utf-8")
    field = build_field(WHICH, clock, extra_profiles=[tmp_path])
    [slug] = [s for s, meter in field.meters.items() if meter.device.profile == "test/valve"]
    bus = Bus(plant_units(field, [slug]))
    port = await bus.start("127.0.0.1", 0)
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=0.3, retries=0)
    await client.connect()
    unit = field.meters[slug].device.unit_id
    try:
        for words in ([555], [610]):
            assert not (await client.write_registers(0, words, device_id=unit)).isError()
            read = await client.read_holding_registers(0, count=1, device_id=unit)
            assert read.registers == words
        assert not (await client.write_register(0, 620, device_id=unit)).isError()
        temperature = await client.read_holding_registers(1, count=1, device_id=unit)
        for start, words in ((1, [7]), (0, [7, 7])):
            refused = await client.write_registers(start, words, device_id=unit)
            assert refused.exception_code == 2
        read = await client.read_holding_registers(0, count=2, device_id=unit)
        assert read.registers == [620, *temperature.registers]
    finally:
        client.close()
        await bus.stop()
