"""The IEC 60870-5-104 driver and stations that are silent, wrong or malicious."""

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.contract.profile import Profile, Ratios
from gateway.contract.profile_file import parse_profile
from gateway.contract.quality import Quality
from gateway.drivers.capabilities import Address, DriverFault, LinkDown, Listen, Reading, Tcp
from gateway.drivers.iec104.apci import Function, IFrame, SFrame, UFrame, encode
from gateway.drivers.iec104.options import NAMES
from gateway.drivers.registry import find_driver
from tests.architecture.reading import ROOT
from tests.gateway.iec104_peers import Heard, Script, heard, line_to, scripted, until
from tests.gateway.modbus_server import free_port

PROFILE = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: iec104
values: primary
points:
  - {key: p, item: 104, unit: kW}
  - {key: count, item: 105, unit: "1", datatype: int16, kind: status}
  - {key: ep_imp, item: 106, unit: kWh, datatype: uint32, kind: register}
sample:
  items: {104: 1.5}
  values: {p: 1.5}
verify: {point: p, tolerance_percent: 1}
source: a test
verified: no
"""
STARTED = UFrame(Function.STARTDT_CON)


@pytest.fixture
def profile() -> Profile:
    return parse_profile("m/t", PROFILE)


def measured(value: float, address: int = 104, *, cause: int = 3, station: int = 7) -> bytes:
    """A short floating point number without a time tag, put together here."""
    return struct.pack("<BBBBHHBfB", 13, 1, cause, 0, station, address, 0, value, 0)


def counted(value: int, address: int) -> bytes:
    return struct.pack("<BBBBHHBiB", 15, 1, 3, 0, 7, address, 0, value, 0)


@asynccontextmanager
async def begun(profile: Profile, **options: str) -> AsyncIterator[tuple[Script, Heard]]:
    """A line that a scripted station has confirmed, and the two questions it then asks."""
    port = free_port()
    async with scripted(port) as script, heard(line_to(port, **options), profile) as found:
        await script.until(1)
        script.say(STARTED)
        frames = await script.until(3)
        assert [type(frame) for frame in frames] == [UFrame, IFrame, IFrame]
        yield script, found


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"t1_s": "0.2", "t2_s": "0.1"}, "no acknowledgement within 0.2 s (t1)"),
        ({"t1_s": "0.3", "t2_s": "0.1", "t3_s": "0.1"}, "no TESTFR_CON within 0.3 s (t1)"),
    ],
)
async def test_a_station_that_falls_silent_is_closed_after_t1(
    profile: Profile, options: dict[str, str], why: str
) -> None:
    async with begun(profile, **options) as (script, found):
        if "t3_s" in options:
            script.say(SFrame(2))
        await until(lambda: bool(found.faults))
        await until(lambda: script.connections > 1)
    assert why in found.faults[0]


async def test_a_station_that_never_starts_is_closed_after_t1(profile: Profile) -> None:
    port = free_port()
    async with (
        scripted(port) as script,
        heard(line_to(port, t1_s="0.2", t2_s="0.1"), profile) as found,
    ):
        await until(lambda: script.connections > 1)
    assert "no STARTDT_CON within 0.2 s (t1)" in found.faults[0]


async def test_eight_values_are_acknowledged_at_once_and_fewer_after_t2(profile: Profile) -> None:
    async with begun(profile, t2_s="0.2") as (script, found):
        for number in range(9):
            script.tell(measured(number), receive=2)
        frames = await script.until(5)
        await until(lambda: len(found.readings) == 9)
    assert frames[3:] == [SFrame(8), SFrame(9)]
    assert found.values() == {"p": 8.0}


async def test_a_full_window_holds_questions_back(profile: Profile) -> None:
    port = free_port()
    line = line_to(port, k="3")
    others = [Heard(profile) for _ in range(3)]
    async with scripted(port) as script:
        for number, other in enumerate(others, 1):
            line.device(profile, number).subscribe(
                profile.points, profile.sample.ratios, other.report
            )
        async with heard(line, profile):
            await script.until(1)
            script.say(STARTED)
            await script.until(4)
            script.say(UFrame(Function.TESTFR_ACT))
            frames = await script.until(5)
            assert frames[4] == UFrame(Function.TESTFR_CON)
            script.say(SFrame(2))
            frames = await script.until(7)
    assert [frame.send for frame in frames if isinstance(frame, IFrame)] == [0, 1, 2, 3, 4]


BAD = [
    (b"\x67\x04\x83\x00\x00\x00", "begins with 0x67"),
    (b"\x68\x02\x00\x00", "states a length of 2"),
    (b"\x68\xfe" + bytes(254), "states a length of 254"),
    (encode(IFrame(5, 2, measured(1.0))), "frame 5 came where 0 was due"),
    (encode(SFrame(9)), "acknowledges up to 9"),
    (encode(UFrame(Function.STARTDT_ACT)), "STARTDT_ACT, which nobody asked for"),
]


@pytest.mark.parametrize(("octets", "why"), BAD, ids=[why for _, why in BAD])
async def test_what_the_standard_forbids_closes_the_connection_and_it_is_opened_again(
    profile: Profile, octets: bytes, why: str
) -> None:
    async with begun(profile) as (script, found):
        script.say(octets)
        await until(lambda: script.connections > 1)
        await script.until(1)
        script.say(STARTED)
        await script.until(3)
        script.tell(measured(2.5), receive=2)
        await until(lambda: bool(found.readings))
    assert why in found.faults[0]
    assert found.values() == {"p": 2.5}


LEFT_OUT = [
    (b"\x0d\x01\x03\x00\x07\x00", "an ASDU is left out: an ASDU of 6 octets is too short"),
    (measured(1.0)[:-1], "an ASDU is left out: 1 objects of type 13 need 8 octets, not 7"),
    (measured(1.0) + b"\x00", "an ASDU is left out: 1 objects of type 13 need 8 octets, not 9"),
    (b"\x15" + measured(1.0)[1:], "type 21 of station 7 is not known and left out"),
    (measured(1.0, cause=44), "values of type 13 that are of cause 44 are left out"),
    (measured(1.0, cause=0x83), "values of type 13 that are a test are left out"),
    (measured(1.0, cause=0x43), "values of type 13 that are of cause 3 are left out"),
]


@pytest.mark.parametrize(("asdu", "line"), LEFT_OUT, ids=[line for _, line in LEFT_OUT])
async def test_what_cannot_be_used_is_said_once_and_the_next_value_counts(
    profile: Profile, caplog: pytest.LogCaptureFixture, asdu: bytes, line: str
) -> None:
    async with begun(profile) as (script, found):
        for _ in range(3):
            script.tell(asdu, receive=2)
        script.tell(measured(7.5), receive=2)
        await until(lambda: bool(found.readings))
    assert [(name, reading.value) for name, reading in found.readings] == [("p", 7.5)]
    assert [message.partition(": ")[2] for message in caplog.messages] == [line]
    assert found.faults == []


async def test_numbers_that_cannot_be_are_no_values(profile: Profile) -> None:
    async with begun(profile) as (script, found):
        script.tell(measured(float("nan")), receive=2)
        script.tell(measured(float("inf")), receive=2)
        script.tell(measured(1.25, 105), receive=2)
        script.tell(counted(40_000, 105), receive=2)
        script.tell(counted(-1, 106), receive=2)
        script.tell(measured(9.0, 104, station=8), receive=2)
        script.tell(measured(9.0, 999), receive=2)
        await until(lambda: len(found.readings) == 5)
    said = [(name, reading.value, reading.reason) for name, reading in found.readings]
    assert said == [
        ("p", None, "not available"),
        ("p", None, "not available"),
        ("count", None, "1.25 is no int16 as the profile says"),
        ("count", None, "40000 is no int16 as the profile says"),
        ("ep_imp", 4294967295.0, ""),
    ]
    assert all(r.quality is Quality.MISSING for _, r in found.readings[:4])


async def test_a_clock_that_runs_ahead_is_said_once(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    tag = bytes((0, 0, 0, 0, 1, 1, 99))
    ahead = b"\x24" + measured(1.5)[1:] + tag
    async with begun(profile) as (script, found):
        script.tell(ahead, receive=2)
        script.tell(ahead, receive=2)
        await until(lambda: len(found.readings) == 2)
    assert [reading.at_ms for _, reading in found.readings] == [4_070_908_800_000] * 2
    assert len(caplog.messages) == 1
    assert "ahead: set it, or time_offset_minutes" in caplog.text


FRAMED = st.binary(max_size=255).map(lambda body: bytes((0x68, len(body))) + body)
RUBBISH = st.one_of(st.binary(min_size=1, max_size=300), FRAMED)


@given(rubbish=st.lists(RUBBISH, min_size=1, max_size=4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_rubbish_is_ever_a_value(
    profile: Profile, caplog: pytest.LogCaptureFixture, rubbish: list[bytes]
) -> None:
    caplog.clear()
    # What only half begins a frame is waited for until t1.
    async with begun(profile, t1_s="0.1", t2_s="0.05") as (script, found):
        for part in rubbish:
            script.say(part)
        await until(lambda: bool(found.faults))
    assert found.readings == []
    assert "the connection is closed" in found.faults[0]
    assert all(record.levelno == logging.WARNING for record in caplog.records)


@given(asdus=st.lists(st.binary(max_size=249), min_size=1, max_size=8))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_asdu_ends_the_connection(profile: Profile, asdus: list[bytes]) -> None:
    async with begun(profile) as (script, found):
        for asdu in asdus:
            script.tell(asdu, receive=2)
        script.tell(measured(7.5), receive=2)
        await until(lambda: bool(found.readings))
    assert found.readings[-1][1].value == 7.5
    assert found.faults == []


WRONG_OPTIONS = [
    ({"baud": "9600"}, "there is no option 'baud'"),
    ({"k": "0"}, "the option k is '0'; write 1 to 32767"),
    ({"t1_s": "soon"}, "the option t1_s is 'soon'"),
    ({"t1_s": "5"}, "t2_s 10 is not less than t1_s 5"),
    ({"counter_every_s": "70"}, "counter_every_s is 70; write a number that divides 900"),
    ({"time_offset_minutes": "900"}, "time_offset_minutes is '900'; write -840 to 840"),
    ({"counter_freeze": "maybe"}, "counter_freeze is 'maybe'; write yes or no"),
]


@pytest.mark.parametrize(("options", "sentence"), WRONG_OPTIONS)
def test_wrong_options_are_sentences(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(DriverFault, match=sentence):
        line_to(2404, **options)


def test_every_option_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "iec104.md").read_text()
    assert [name for name in NAMES if f"| `{name}` |" not in page] == []


def test_links_units_and_items_that_cannot_be_are_sentences(profile: Profile) -> None:
    with pytest.raises(DriverFault, match="needs a host"):
        find_driver("iec104")(Address("iec104", Listen("127.0.0.1", 2404)), 1.0)
    line = line_to(2404)
    for unit in (0, 65535, "", "1.2", "²"):
        with pytest.raises(DriverFault, match="is no common address"):
            line.device(profile, unit)
    wrong = parse_profile("m/t", PROFILE.replace("item: 106", "item: 16777216"))
    with pytest.raises(DriverFault, match="m/t: item '16777216' of ep_imp is no information"):
        line.device(wrong, 1)


async def test_nobody_listens_is_a_sentence() -> None:
    line = find_driver("iec104")(Address("iec104", Tcp("127.0.0.1", free_port())), 1.0)
    with pytest.raises(LinkDown, match=r"iec104://127.0.0.1:\d+ does not accept a connection"):
        await line.open()
    line.close()


async def test_a_bug_of_whoever_takes_reports_is_not_taken_for_a_lost_link(
    profile: Profile,
) -> None:
    def report(readings: Sequence[Reading]) -> None:
        raise ValueError("a bug")

    port = free_port()
    line = line_to(port)
    line.device(profile, 7).subscribe(profile.points, Ratios(), report)
    async with scripted(port) as script:
        opening = asyncio.create_task(line.open())
        await script.until(1)
        script.say(STARTED)
        await opening
        script.tell(measured(1.0))
        with pytest.raises(ValueError, match="a bug"):
            await line.serve()
        line.close()
