"""The IEC 60870-5-104 driver against a c104 (lib60870) station in a process of its own."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

import gateway.listen
from gateway.config import load_config
from gateway.contract.clock import ManualClock, SystemClock
from gateway.contract.profile import Profile
from gateway.contract.profile_file import find_profile, parse_profile
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import decode
from gateway.journal import Journal
from gateway.pipeline import Pipeline
from gateway.session import Reporting
from gateway.site import Site
from tests.gateway import iec104_peers
from tests.gateway.iec104_peers import Heard, Station, heard, line_to, station, until
from tests.gateway.modbus_server import free_port

pytestmark = pytest.mark.needs("c104")

TAGGED_MS = 1_772_352_000_123
"""2026-03-01 08:00:00.123 UTC."""
TYPES = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: iec104
values: primary
points:
  - {key: single, item: 100, unit: "1", datatype: uint16, kind: status}
  - {key: double, item: 101, unit: "1", datatype: uint16, kind: status, nan: [0, 3]}
  - {key: normalized, item: 102, unit: kW, scale: 2000}
  - {key: scaled, item: 103, unit: kW, datatype: int16, scale: 0.5}
  - {key: short, item: 104, unit: kW}
  - {key: counter, item: 105, unit: kWh, datatype: int32, scale: 0.1, kind: register,
     modulus: 2147483648}
  - {key: single_at, item: 106, unit: "1", datatype: uint16, kind: status}
  - {key: normalized_at, item: 107, unit: kW, scale: 2000}
  - {key: scaled_at, item: 108, unit: kW, datatype: int16}
  - {key: short_at, item: 109, unit: kW}
  - {key: counter_at, item: 110, unit: kWh, datatype: uint32, kind: register}
sample:
  items: {104: 1.5}
  values: {short: 1.5}
verify: {point: short, tolerance_percent: 1}
source: a test
verified: no
"""
OBJECTS = [
    (100, "M_SP_NA_1", 1, 1.0),
    (101, "M_DP_NA_1", 2, 2.0),
    (102, "M_ME_NA_1", 0.5, 1000.0),
    (103, "M_ME_NB_1", -5, -2.5),
    (104, "M_ME_NC_1", 12.5, 12.5),
    (105, "M_IT_NA_1", 123456, 12345.6),
    (106, "M_SP_TB_1", 0, 0.0),
    (107, "M_ME_TD_1", -0.25, -500.0),
    (108, "M_ME_TE_1", 77, 77.0),
    (109, "M_ME_TF_1", 1.5, 1.5),
    (110, "M_IT_TB_1", -2, 4294967294.0),
]


@pytest.fixture
def profile() -> Profile:
    return parse_profile("m/t", TYPES)


async def equip(peer: Station, number: int = 7) -> None:
    """Every type we speak, at one station."""
    for address, kind, raw, _ in OBJECTS:
        await peer.do("point", station=number, address=address, type=kind)
        await peer.do("set", station=number, address=address, value=raw, at_ms=TAGGED_MS)


def expected() -> dict[str, float]:
    names = [point.name for point in parse_profile("m/t", TYPES).points]
    return {name: value for name, (_, _, _, value) in zip(names, OBJECTS, strict=True)}


async def test_interrogations_after_connecting_give_every_value(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    async with station(port) as peer:
        await equip(peer)
        await peer.do("start")
        async with heard(line_to(port), profile) as found:
            await until(lambda: len(found.latest()) == len(OBJECTS))
    assert found.values() == expected()
    latest = found.latest()
    assert {reading.quality for reading in latest.values()} == {Quality.GOOD}
    # Time tags travel; what has none is of the moment of its arrival.
    tagged = {name: reading.at_ms for name, reading in latest.items() if name.endswith("_at")}
    assert set(tagged.values()) == {TAGGED_MS}
    assert latest["short"].at_ms > TAGGED_MS
    # Counters are true for their own moment; measured values until the next one.
    assert {name for name, reading in latest.items() if not reading.holds} == {
        "counter",
        "counter_at",
    }
    assert caplog.messages == []


async def test_changes_arrive_by_themselves_with_their_time_and_quality(profile: Profile) -> None:
    port = free_port()
    async with station(port) as peer:
        await equip(peer)
        await peer.do("start")
        async with heard(line_to(port), profile) as found:
            await until(lambda: len(found.latest()) == len(OBJECTS))

            async def change(address: int, name: str, value: float, *quality: str) -> None:
                before = len(found.readings)
                await peer.do(
                    "set",
                    station=7,
                    address=address,
                    value=value,
                    at_ms=TAGGED_MS + 5000,
                    quality=quality,
                    send=True,
                )
                await until(lambda: name in dict(found.readings[before:]))

            await change(109, "short_at", 2.5, "NonTopical", "Overflow")
            await change(104, "short", 3.5, "Substituted")
            await change(103, "scaled", 8, "Blocked")
            await change(107, "normalized_at", 0.5, "Invalid")
            await change(106, "single_at", 1, "Invalid", "Blocked")
            await change(110, "counter_at", 5, "Carry")
            await change(105, "counter", 7, "Adjusted")
            await change(101, "double", 3)
    latest = found.latest()
    said = {
        name: (reading.value, reading.quality, reading.reason) for name, reading in latest.items()
    }
    both = "not topical (NT), overflow (OV)"
    assert said["short_at"] == (2.5, Quality.SUSPECT, both)
    assert said["short"] == (3.5, Quality.SUBSTITUTED, "substituted (SB)")
    assert said["scaled"] == (4.0, Quality.SUSPECT, "blocked (BL)")
    assert said["normalized_at"] == (None, Quality.MISSING, "invalid (IV)")
    assert said["single_at"] == (None, Quality.MISSING, "invalid (IV), blocked (BL)")
    assert said["counter_at"] == (5.0, Quality.GOOD, "counter wrapped (CY)")
    assert said["counter"] == (0.7, Quality.SUSPECT, "counter was adjusted (CA)")
    assert said["double"] == (None, Quality.MISSING, "not available")
    assert latest["short_at"].at_ms == TAGGED_MS + 5000


async def test_a_station_in_local_time_is_understood(profile: Profile) -> None:
    port = free_port()
    async with station(port) as peer:
        await equip(peer)
        await peer.do("start")
        line = line_to(port, time_offset_minutes="480")
        async with heard(line, profile) as found:
            await until(lambda: "short_at" in found.latest())
    assert found.latest()["short_at"].at_ms == TAGGED_MS - 8 * 3_600_000


async def test_a_station_that_restarts_is_found_again_with_no_wrong_value(
    profile: Profile,
) -> None:
    port = free_port()
    async with station(port) as peer:
        await equip(peer)
        await peer.do("start")
        async with heard(line_to(port), profile) as found:
            await until(lambda: len(found.latest()) == len(OBJECTS))
            await peer.do("stop")
            await until(lambda: bool(found.faults))
            gone = len(found.readings)
            await peer.do("set", station=7, address=104, value=99.5)
            await until(lambda: len(found.faults) > 1)
            assert len(found.readings) == gone
            await peer.do("start")
            await until(lambda: len(dict(found.readings[gone:])) == len(OBJECTS))
    assert dict(found.readings[gone:])["short"].value == 99.5
    assert "closed the connection" in found.faults[0]
    assert "does not accept a connection" in found.faults[-1]
    assert {name: reading.value for name, reading in found.readings[:gone]} == expected()


async def test_a_station_that_says_it_was_initialized_is_asked_again(profile: Profile) -> None:
    port = free_port()
    async with station(port) as peer:
        await equip(peer)
        await peer.do("start")
        async with heard(line_to(port), profile) as found:
            await until(lambda: len(found.latest()) == len(OBJECTS))
            before = len(found.readings)
            await peer.do("initialized", station=7)
            await until(lambda: len(dict(found.readings[before:])) == len(OBJECTS))
        asked = [frame[12:16] for frame in await questions(peer, 4)]
    assert asked == ["6401", "6501", "6401", "6501"]


NEARLY = datetime(2026, 3, 1, 8, 14, 59, 500_000, tzinfo=UTC)
QUARTER_MS = 1_772_352_900_000


@pytest.mark.parametrize(("freeze", "asked"), [("no", ["05"]), ("yes", ["45", "05"])])
async def test_counters_are_read_at_the_quarter_hour(
    profile: Profile, freeze: str, asked: list[str]
) -> None:
    port, clock = free_port(), ManualClock(NEARLY)
    async with station(port) as peer:
        await equip(peer)
        await peer.do("start")
        line = line_to(port, clock, counter_freeze=freeze)
        async with heard(line, profile) as found:
            await until(lambda: len(found.latest()) == len(OBJECTS))
            await peer.do("set", station=7, address=105, value=123457)
            known = len(await questions(peer, 2))
            before = len(found.readings)
            await clock.advance(0.5)
            await until(lambda: "short" in dict(found.readings[before:]))
            counter = dict(found.readings[before:])["counter"]
            assert (counter.value, counter.at_ms) == (12345.7, QUARTER_MS)
            sent = (await questions(peer, known + len(asked) + 1))[known:]
    assert [frame[-2:] for frame in sent if frame[12:14] == "65"] == asked
    assert [frame[-2:] for frame in sent if frame[12:14] == "64"] == ["14"]


async def questions(peer: Station, count: int) -> list[str]:
    """The interrogations that a station got, as soon as it got so many."""
    async with asyncio.timeout(20):
        while True:
            frames = await peer.do("frames")
            assert isinstance(frames, list)
            found = [frame for frame in frames if frame.startswith("680e")]
            if len(found) >= count:
                return found


async def test_many_meters_behind_one_connection(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    port, shipped = free_port(), find_profile("generic/iec104-station")
    line = line_to(port)
    second, stranger = Heard(profile), Heard(profile)
    ratios = shipped.sample.ratios
    line.device(profile, "8").subscribe(profile.points, ratios, second.report)
    line.device(profile, 9).subscribe(profile.points, ratios, stranger.report)
    async with station(port) as peer:
        await equip(peer, 8)
        await iec104_peers.equip(peer, shipped, 7)
        await peer.do("start")
        async with heard(line, shipped) as found:
            await until(lambda: len(found.latest()) == len(shipped.sample.values))
            await until(lambda: len(second.latest()) == len(OBJECTS))
            await until(lambda: "of 113 points" in caplog.text)
            await until(lambda: "station 9 refuses the counter interrogation" in caplog.text)
    assert found.values() == pytest.approx(dict(shipped.sample.values), rel=1e-12)
    assert second.values() == expected()
    assert stranger.readings == []
    assert "it does not know its common address" in caplog.text
    missing = [text for text in caplog.messages if "no value" in text and "station 7" in text]
    assert len(missing) == 1
    assert "no value for 102 of 113 points: c1/u_b (16389), c1/u_c (16390)," in missing[0]


async def test_the_journal_has_the_counter_of_the_quarter_hour(
    profile: Profile, tmp_path: Path
) -> None:
    port, clock = free_port(), ManualClock(NEARLY)
    journal = Journal(tmp_path / "edge.journal")
    journal.open()
    pipeline = Pipeline(journal)
    line = line_to(port, clock)
    device = gateway.listen.Heard("feeders", profile, line.device(profile, 7), 1000)
    await pipeline.add(device, Reporting())
    aliases = await journal.aliases("feeders", [point.name for point in profile.points])
    counter = dict(zip(aliases, profile.points, strict=True))
    async with station(port) as peer:
        await equip(peer)
        await peer.do("start")
        listener = gateway.listen.LineListener(line, [device], clock, pipeline)
        task = asyncio.create_task(listener.run())
        await until(lambda: len(device.latest) == len(OBJECTS))
        await peer.do("set", station=7, address=105, value=123457)
        await clock.advance(0.5)
        await until(lambda: device.latest[5].value == 12345.7)
        await clock.advance(2)
        task.cancel()
        await asyncio.wait({task})
    found = [
        (metric.timestamp, metric.value)
        for record in await journal.read(0, 1000)
        for metric in decode(record.body).metrics
        if counter[metric.alias or 0].name == "counter"
    ]
    await asyncio.to_thread(journal.close)
    assert found == [
        (QUARTER_MS - 500, 12345.6),
        (QUARTER_MS, 12345.7),
        (QUARTER_MS, 12345.7),
    ]


CONFIGURATION = """
project: p
node: n
lines:
  substation: {{host: 127.0.0.1, port: {port}, options: {{time_offset_minutes: 480, k: 4}}}}
devices:
  - {{slug: feeders, profile: generic/iec104-station, line: substation, unit: 7}}
  - {{slug: nobody, profile: generic/iec104-station, line: substation, unit: 65535}}
"""


async def test_a_configuration_names_station_and_options(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port, file = free_port(), tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION.format(port=port), encoding="utf-8")
    journal = Journal(tmp_path / "edge.journal")
    journal.open()
    pipeline = Pipeline(journal)
    site = Site(pipeline, SystemClock())
    async with station(port) as peer:
        await peer.do("point", station=7, address=16385, type="M_ME_TF_1")
        await peer.do("set", station=7, address=16385, value=412.5, at_ms=TAGGED_MS)
        await peer.do("start")
        await site.apply(load_config(file, {}))
        await until(lambda: pipeline.samples > 0)
        await site.close()
    (record,) = await journal.read(0, 10)
    await asyncio.to_thread(journal.close)
    assert [(metric.timestamp, metric.value) for metric in decode(record.body).metrics] == [
        (TAGGED_MS - 480 * 60_000, 412.5)
    ]
    assert "nobody: 65535 is no common address" in caplog.text
