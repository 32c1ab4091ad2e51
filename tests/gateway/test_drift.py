"""Clocks of meters over real connections, in a line's spare time, up to the wire."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.contract.clock import ManualClock, SystemClock
from gateway.contract.profile_file import find_profile, parse_profile
from gateway.drift import EVERY_S, ClockWatch
from gateway.drivers.capabilities import (
    Address,
    DeviceSilent,
    KeepsTime,
    Refused,
    Tcp,
)
from gateway.drivers.modbus import open_line
from gateway.journal import Journal
from gateway.pipeline import Pipeline
from gateway.poll import LinePoller, Polled
from gateway.serving import serve
from gateway.site import line_plans
from tests.gateway.broker import Mosquitto
from tests.gateway.dlt645_meter import SimpleMeter, answer
from tests.gateway.host import Host
from tests.gateway.modbus_server import Field, free_port, serving
from tests.gateway.test_dlt645 import METER, line_to
from tests.gateway.test_gateway import gateway
from tests.gateway.test_poll import SDM630, START, FakeLine, FakeUnit, Notes, ms

DATE, TIME = "04000101", "04000102"
LAST_OF_FEBRUARY, FIRST_OF_MARCH = "06280226", "07010326"
EIGHT = timedelta(hours=8)
WITH_CLOCK = """
maker: Acme
type: T
title: {en: T, zh-CN: T}
protocol: modbus
values: primary
clock: {address: 0x20, format: ymdhms_words}
points:
  - {key: p, address: 0x10, datatype: uint16, scale: 0.1, unit: kW}
sample:
  blocks: [{fc: 3, start: 0x10, words: [1500]}]
  values: {p: 150.0}
verify: {point: p, tolerance_percent: 1}
source: a test
verified: no
"""
ACME = parse_profile("acme/t", WITH_CLOCK)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_midnight_between_date_and_time_is_noticed() -> None:
    """The meter's day ends after it told its date."""
    meter = SimpleMeter(METER, {DATE: bytes.fromhex(LAST_OF_FEBRUARY), TIME: bytes(3)})

    def say(item: str, usual: Sequence[bytes]) -> Sequence[bytes]:
        meter.items[DATE] = bytes.fromhex(FIRST_OF_MARCH)
        return usual

    meter.say = say
    async with line_to(meter) as line:
        told = await line.device(find_profile("dlt645/three-phase"), METER).clock()
    assert told == wall("2026-03-01T00:00:00")
    assert [item for _, item in meter.requests] == [DATE, TIME, DATE]


async def test_an_ordinary_time_takes_two_reads_and_nonsense_is_none() -> None:
    meter = SimpleMeter(METER, {DATE: bytes.fromhex(FIRST_OF_MARCH), TIME: b"\x59\x30\x12"})
    async with line_to(meter) as line:
        device = line.device(find_profile("dlt645/three-phase"), METER)
        assert await device.clock() == wall("2026-03-01T12:30:59")
        assert [item for _, item in meter.requests] == [DATE, TIME]
        meter.say = lambda item, usual: [answer(METER, item, b"\xff\xff\xff\xff")]
        with pytest.raises(Refused, match="has no time: ffffffff ffffffff"):
            await device.clock()
        meter.say = lambda item, usual: usual
        del meter.items[TIME]
        with pytest.raises(Refused, match="no such data"):
            await device.clock()


async def test_a_modbus_meter_tells_its_time_where_its_profile_says() -> None:
    port, field = free_port(), Field({1: (0, 0x40)})
    field.put(1, 0x20, (26, 3, 1, 23, 59, 58))
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 2)
    async with serving(field, port):
        await line.open()
        device = line.device(ACME, 1)
        assert isinstance(device, KeepsTime)
        assert await device.clock() == wall("2026-03-01T23:59:58")
        assert field.requests == [(1, 0x20, 6)]
        field.put(1, 0x20, (26, 13, 1, 23, 59, 58))
        with pytest.raises(Refused, match=r"no time in its registers: \[26, 13"):
            await device.clock()
        line.close()


class UnitWithClock(FakeUnit):
    """A device whose clock is 12 s ahead and takes a given time to be read."""

    def __init__(self, line: FakeLine, look_s: float) -> None:
        super().__init__(line, 0.02)
        self.look_s, self.looks, self.fault = look_s, 0, ""

    async def clock(self) -> datetime:
        self.looks += 1
        told = self.line.clock.now() + EIGHT + timedelta(seconds=12 + self.look_s / 2)
        await self.line.clock.sleep(self.look_s)
        self.line.check()
        if self.fault:
            raise DeviceSilent(self.fault)
        return told.replace(tzinfo=None)


class Punctual(Notes):
    """Notes when each sample was ready."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock
        self.ready: list[tuple[str, float]] = []

    def sampled(self, device: Polled, at_ms: int, values: Sequence[float | None]) -> None:
        super().sampled(device, at_ms, values)
        self.ready.append((device.slug, round(self.clock.monotonic(), 6)))


def field_of(
    count: int, look_s: float, *, watched: bool = True
) -> tuple[ManualClock, FakeLine, Punctual, list[UnitWithClock], LinePoller]:
    """Devices on one line, polled every 2 s, 20 ms each."""
    clock = ManualClock(START)
    line = FakeLine(clock)
    notes = Punctual(clock)
    units = [UnitWithClock(line, look_s) for _ in range(count)]
    devices = [
        Polled(f"m{n}", SDM630, unit, 2000, watch=ClockWatch(f"m{n}", unit, EIGHT))
        if watched
        else Polled(f"m{n}", SDM630, unit, 2000)
        for n, unit in enumerate(units)
    ]
    return clock, line, notes, units, LinePoller(line, devices, clock, notes)


async def test_clocks_are_read_once_an_hour_and_delay_no_poll() -> None:
    """Twenty devices leave 1.6 s of each 2 s; a look of 0.4 s fits once or more between polls."""
    ready = []
    for watched in (True, False):
        clock, _, notes, units, poller = field_of(20, 0.4, watched=watched)
        task = asyncio.create_task(poller.run())
        await clock.advance(90)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        ready.append(notes.ready)
        assert [unit.looks for unit in units] == [int(watched)] * 20
        found = [(slug, name, value) for slug, name, _, value in notes.measures]
        assert sorted(found) == sorted(
            (f"m{n}", "clock_drift", 12.0) for n in range(20 if watched else 0)
        )
    assert ready[0] == ready[1]


async def test_the_next_look_is_an_hour_later_and_a_silent_clock_is_no_death(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, _, notes, (unit,), poller = field_of(1, 0.1)
    task = asyncio.create_task(poller.run())
    await clock.advance(1.5)
    assert unit.looks == 1
    unit.fault = "no answer"
    await clock.advance(EVERY_S - 2)
    assert unit.looks == 1
    await clock.advance(3)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert [value for *_, value in notes.measures] == [12.0, None]
    assert notes.measures[0][2] == ms(START) + 1050
    assert notes.dead == []
    assert "m0 does not tell its time: no answer" in caplog.text


async def test_a_device_or_line_that_is_away_is_not_asked_for_its_time() -> None:
    clock, line, notes, (unit,), poller = field_of(1, 0.5)
    unit.silent = True
    task = asyncio.create_task(poller.run())
    await clock.advance(60)
    assert (unit.looks, notes.measures) == (0, [])
    unit.silent = False
    await clock.advance(61.5)
    assert unit.looks == 1
    # The cable comes out in the middle of the next look: it is made good once the line is back.
    await clock.advance(notes.measures[0][2] / 1000 + EVERY_S - clock.now().timestamp())
    while unit.looks == 1:
        await clock.advance(0.1)
    line.up = False
    await clock.advance(30)
    assert len(notes.measures) == 1
    line.up = True
    await clock.advance(90)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert [value for *_, value in notes.measures] == [12.0, 12.0]


def write_config(folder: Path, mqtt_port: int, devices: str) -> Path:
    (folder / "own/acme").mkdir(parents=True)
    (folder / "own/acme/t.yaml").write_text(WITH_CLOCK, encoding="utf-8")
    file = folder / "gateway.yaml"
    file.write_text(
        f"project: works\nnode: edge\nmqtt: {{url: 'mqtt://127.0.0.1:{mqtt_port}'}}\n"
        f"profile_dirs: [own]\ntimeout_s: 2\n{devices}",
        encoding="utf-8",
    )
    return file


@pytest.mark.needs("mosquitto")
async def test_the_drift_travels_like_any_other_point(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    port, host, field = free_port(), Host("works", mosquitto.port), Field({1: (0, 0x40)})
    meter = SystemClock().now().replace(microsecond=0) + EIGHT + timedelta(minutes=10)
    field.put(1, 0x20, tuple(meter.timetuple()[:6]))
    file = write_config(
        tmp_path,
        mosquitto.port,
        "devices: [{slug: m1, profile: acme/t, host: 127.0.0.1, "
        f"port: {port}, unit: 1, clock_offset: '+08:00'}}]\n",
    )
    await host.start()
    async with serving(field, port), gateway(file):
        await host.until(lambda: bool(host.values_of("m1", "clock_drift")))
    await host.stop()
    ((at_ms, drift),) = host.values_of("m1", "clock_drift").items()
    assert isinstance(drift, float)
    # The registers stand still, so the sample's own time says what the drift is.
    told = meter.replace(tzinfo=UTC) - EIGHT
    assert drift == pytest.approx(told.timestamp() - at_ms / 1000, abs=0.06)
    properties = host.born["m1"]["clock_drift"].properties
    assert {key: properties[key].value for key in ("unit", "kind")} == {
        "unit": "s",
        "kind": "gauge",
    }
    assert caplog.text.count("the clock of m1 is") == 1


async def test_a_protocol_without_clocks_is_said_and_read_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    file = write_config(
        tmp_path,
        1,
        "lines: {site: {url: 'mqtt://127.0.0.1:1'}}\n"
        "devices: [{slug: m1, profile: generic/mqtt-meter, line: site, unit: hall/1, "
        "clock_offset: '+08:00'}]\n",
    )
    config = load_config(file, {})
    assert config.problems == ()
    journal = Journal(tmp_path / "edge.journal")
    journal.open()
    (plan,) = line_plans(config).values()
    served = await serve(plan, Pipeline(journal), SystemClock())
    journal.close()
    assert list(served.targets) == ["m1"]
    assert served.problems == [
        "m1: no clock can be read by mqtt. It is read without; take clock_offset out."
    ]


def test_a_derived_point_cannot_take_the_name(tmp_path: Path) -> None:
    file = write_config(
        tmp_path,
        1,
        "devices: [{slug: m1, profile: acme/t, host: 192.0.2.1, unit: 1, clock_offset: '+08:00',"
        " derived: [{key: clock_drift, unit: s, expression: p}]}]\n",
    )
    config = load_config(file, {})
    assert config.devices == ()
    assert "devices[0].clock_offset: the point 'clock_drift' is there twice." in str(
        config.problems[0]
    )
