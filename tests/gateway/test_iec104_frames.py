"""IEC 60870-5-104 frames and values: octets from other implementations, properties, and rubbish.

Sources of octets: telegrams in test.py of github.com/tritaer/IEC104 (a decoder; the header fields
below are those that lib60870 reads from them), information_test.go, mproc_test.go and time_test.go
of github.com/thinkgos/go-iecp5, and a capture of a lib60870 station (c104 2.2.1).
"""

import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.quality import Quality
from gateway.drivers.iec104 import cp56
from gateway.drivers.iec104.apci import (
    MODULO,
    Frame,
    FrameFault,
    Function,
    IFrame,
    SFrame,
    Splitter,
    UFrame,
    encode,
)
from gateway.drivers.iec104.asdu import (
    AsduFault,
    Value,
    counter_interrogation,
    decode,
    general_interrogation,
    is_interrogated_counter,
    qualifier,
    values,
)
from gateway.drivers.iec104.elements import TYPES

GOOD, SUSPECT, MISSING = Quality.GOOD, Quality.SUSPECT, Quality.MISSING
NOVEMBER = 1_700_000_000_123
"""2023-11-14 22:13:20.123 UTC, the time tag of the captured station."""


def frames(octets: str) -> list[Frame]:
    return list(Splitter().feed(bytes.fromhex(octets)))


def iframe(octets: str) -> IFrame:
    (frame,) = frames(octets)
    assert isinstance(frame, IFrame)
    return frame


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def float32(number: float) -> float:
    nearest: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return nearest


TELEGRAMS = [
    (
        "68 0F A6 44 04 02 01 82 14 00 73 00 FB 01 00 00 01",
        (8787, 258, 1, 20, 115),
        [(507, 0, GOOD, None), (508, 1, GOOD, None)],
    ),
    (
        "68 12 A8 44 04 02 01 02 14 00 73 00 CC 14 00 01 E4 14 00 00",
        (8788, 258, 1, 20, 115),
        [(5324, 1, GOOD, None), (5348, 0, GOOD, None)],
    ),
    (
        "68 12 12 44 00 02 03 02 14 00 73 00 5A 02 00 02 EB 03 00 00",
        (8713, 256, 3, 20, 115),
        [(602, 2, GOOD, None), (1003, 0, GOOD, None)],
    ),
    (
        "68 13 14 44 00 02 09 82 14 00 73 00 89 02 00 00 00 00 EF 01 00",
        (8714, 256, 9, 20, 115),
        [(649, 0.0, GOOD, None), (650, 495 / 32768, GOOD, None)],
    ),
    (
        "68 17 A8 00 04 00 0D 82 01 57 57 00 E7 0B 00 0A D7 A3 BB 00 7F 6A BC 3C 00",
        (84, 2, 13, 1, 87),
        [(3047, float32(-0.005), GOOD, None), (3048, float32(0.023), GOOD, None)],
    ),
    (
        "68 15 42 EB D2 01 1E 01 03 00 80 00 B0 36 00 01 AF E1 1D 14 70 06 15",
        (30113, 233, 30, 3, 128),
        [(14000, 1, GOOD, ms("2021-06-16T20:29:57.775+00:00"))],
    ),
    (
        "68 17 BA 8C F2 00 22 01 01 00 03 00 01 00 00 01 00 00 08 7F 0E 09 96 04 15",
        (18013, 121, 34, 1, 3),
        [(1, 1 / 32768, GOOD, ms("2021-04-22T09:14:32.520+00:00"))],
    ),
    (
        "68 19 FE 08 30 01 24 01 03 51 51 00 EE 03 00 4B E7 47 42 00 91 05 32 0A 69 06 15",
        (1151, 152, 36, 3, 81),
        [(1006, float32(49.975872), GOOD, ms("2021-06-09T10:50:01.425+00:00"))],
    ),
]


@pytest.mark.parametrize(("octets", "header", "objects"), TELEGRAMS)
def test_telegrams_of_a_public_decoder(
    octets: str,
    header: tuple[int, int, int, int, int],
    objects: list[tuple[int, float, Quality, int | None]],
) -> None:
    frame = iframe(octets)
    asdu = decode(frame.asdu)
    assert (frame.send, frame.receive, asdu.type, asdu.cause, asdu.station) == header
    found = [(v.address, v.raw, v.quality, v.at_ms) for v in values(asdu, 0)]
    assert found == objects
    assert encode(frame) == bytes.fromhex(octets)


STATION = [
    ("680e0200020001811400070064000001", 100, 1, GOOD, "", None),
    ("680e0400020003811400070065000002", 101, 2, GOOD, "", None),
    ("681006000200098114000700660000004000", 102, 0.5, GOOD, "", None),
    ("6810080002000b8114000700670000fbff00", 103, -5, GOOD, "", None),
    ("68120a0002000d81140007006800000000484100", 104, 12.5, GOOD, "", None),
    ("68150c0002001e81140007006a0000019b4e0d160e0b17", 106, 1, GOOD, "", NOVEMBER),
    ("68170e0002002281140007006b000000e0009b4e0d160e0b17", 107, -0.25, GOOD, "", NOVEMBER),
    ("6817100002002381140007006c00004d00009b4e0d160e0b17", 108, 77, GOOD, "", NOVEMBER),
    ("6819120002002481140007006d00000000c03f009b4e0d160e0b17", 109, 1.5, GOOD, "", NOVEMBER),
    ("6812180004000f812500070069000040e2010000", 105, 123456, GOOD, "", None),
    ("68191a0004002581250007006e0000feffffff009b4e0d160e0b17", 110, -2, GOOD, "", NOVEMBER),
    (
        "68122a0008000d01030007006800000000584141",
        104,
        13.5,
        SUSPECT,
        "not topical (NT), overflow (OV)",
        None,
    ),
    (
        "68192c0008002501030007006e000063000000609b4e0d160e0b17",
        110,
        99,
        SUSPECT,
        "counter was adjusted (CA), counter wrapped (CY)",
        NOVEMBER,
    ),
]


@pytest.mark.parametrize(("octets", "address", "raw", "quality", "reason", "at_ms"), STATION)
def test_frames_of_a_lib60870_station(
    octets: str, address: int, raw: float, quality: Quality, reason: str, at_ms: int | None
) -> None:
    asdu = decode(iframe(octets).asdu)
    assert asdu.station == 7
    assert values(asdu, 0) == [Value(address, raw, quality, reason, at_ms)]


BLOCKED = (SUSPECT, "blocked (BL)")
TAG = "01 02 03 04 65 06 13"
"""2019-06-05 04:03:00.513 UTC."""
OBJECTS = [
    (1, "01 00 00 11 02 00 00 10", [(1, 1), (2, 0)]),
    (3, "01 00 00 12 02 00 00 11", [(1, 2), (2, 1)]),
    (9, "01 00 00 01 00 10 02 00 00 02 00 10", [(1, 1 / 32768), (2, 2 / 32768)]),
    (11, "01 00 00 01 00 10 02 00 00 02 00 10", [(1, 1), (2, 2)]),
    (13, "01 00 00 00 00 C8 42 10 02 00 00 00 00 CA 42 10", [(1, 100.0), (2, 101.0)]),
    (30, f"01 00 00 11 {TAG} 02 00 00 10 {TAG}", [(1, 1), (2, 0)]),
    (31, f"01 00 00 12 {TAG} 02 00 00 11 {TAG}", [(1, 2), (2, 1)]),
    (35, f"01 00 00 01 00 10 {TAG} 02 00 00 02 00 10 {TAG}", [(1, 1), (2, 2)]),
    (36, f"01 00 00 00 00 C8 42 10 {TAG} 02 00 00 00 00 CA 42 10 {TAG}", [(1, 100), (2, 101)]),
]


@pytest.mark.parametrize(("number", "objects", "expected"), OBJECTS)
def test_objects_of_a_go_implementation(
    number: int, objects: str, expected: list[tuple[int, float]]
) -> None:
    asdu = decode(bytes((number, 0x02, 0x02, 0x00, 0x34, 0x12)) + bytes.fromhex(objects))
    at_ms = ms("2019-06-05T04:03:00.513+00:00") if number >= 30 else None
    assert asdu.station == 0x1234
    assert values(asdu, 0) == [Value(address, raw, *BLOCKED, at_ms) for address, raw in expected]


def test_interrogations_are_the_octets_of_other_masters() -> None:
    command = encode(IFrame(0, 2, general_interrogation(113)))
    assert command == bytes.fromhex("68 0E 00 00 04 00 64 01 06 00 71 00 00 00 00 14")
    confirmed = decode(iframe("68 0E 04 00 02 00 64 01 07 71 71 00 00 00 00 14").asdu)
    assert (confirmed.cause, confirmed.station, qualifier(confirmed)) == (7, 113, 20)
    counters = decode(iframe("68 0e 1e 00 06 00 65 01 07 00 07 00 00 00 00 45").asdu)
    assert counter_interrogation(7, 0x45)[:2] == bytes((101, 1))
    assert (counters.cause, qualifier(counters), counters.negative) == (7, 0x45, False)
    refused = decode(iframe("68 0e 26 00 08 00 64 01 47 00 08 00 00 00 00 14").asdu)
    assert (refused.cause, refused.negative, refused.station) == (7, True, 8)


U_FRAMES = {
    Function.STARTDT_ACT: "680407000000",
    Function.STARTDT_CON: "68040B000000",
    Function.STOPDT_ACT: "680413000000",
    Function.STOPDT_CON: "680423000000",
    Function.TESTFR_ACT: "680443000000",
    Function.TESTFR_CON: "680483000000",
}


def test_every_u_frame_has_the_standards_octets() -> None:
    for function, octets in U_FRAMES.items():
        assert frames(octets) == [UFrame(function)]
        assert encode(UFrame(function)) == bytes.fromhex(octets)
    assert encode(SFrame(38)) == bytes.fromhex("680401004c00")


NUMBERS = st.integers(0, MODULO - 1)
FRAMES = st.one_of(
    st.builds(IFrame, NUMBERS, NUMBERS, st.binary(max_size=249)),
    st.builds(SFrame, NUMBERS),
    st.builds(UFrame, st.sampled_from(Function)),
)


@given(sent=st.lists(FRAMES, max_size=6), cuts=st.lists(st.integers(0, 1600), max_size=8))
def test_frames_survive_however_tcp_cuts_them(sent: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(map(encode, sent))
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    splitter = Splitter()
    found = [frame for start, end in pairwise(places) for frame in splitter.feed(stream[start:end])]
    assert found == sent


@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - no zone
    offset=st.integers(-720, 840),
    summer=st.booleans(),
)
def test_a_time_tag_is_the_stations_clock_less_its_offset(
    moment: datetime, offset: int, summer: bool
) -> None:
    milliseconds = moment.second * 1000 + moment.microsecond // 1000
    tag = bytes(
        (
            milliseconds & 0xFF,
            milliseconds >> 8,
            moment.minute,
            moment.hour | (0x80 if summer else 0),
            moment.day | moment.isoweekday() << 5,
            moment.month,
            moment.year - 2000,
        )
    )
    ahead = timedelta(minutes=offset + 60 * summer)
    utc = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000) - ahead
    assert cp56.to_ms(tag, offset) == (utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


def test_a_time_tag_of_the_go_implementation() -> None:
    assert cp56.to_ms(bytes.fromhex("0b0c0d0eef0c13"), 0) == ms("2019-12-15T14:13:03.083+00:00")
    assert cp56.to_ms(bytes.fromhex(TAG), 480) == ms("2019-06-05T04:03:00.513+08:00")


IMPOSSIBLE = [
    ("01 02 83 04 65 06 13", "the station says that its clock is invalid"),
    ("60 EA 03 04 65 06 13", "60000 ms"),
    ("01 02 3C 04 65 06 13", "minute 60"),
    ("01 02 03 18 65 06 13", "hour 24"),
    ("01 02 03 04 60 06 13", "day 0"),
    ("01 02 03 04 7F 02 13", "31 February"),
    ("01 02 03 04 65 0D 13", "month 13"),
]


@pytest.mark.parametrize(("tag", "why"), IMPOSSIBLE)
def test_a_time_that_does_not_exist_is_no_time(tag: str, why: str) -> None:
    assert cp56.to_ms(bytes.fromhex(tag), 0) is None, why
    asdu = decode(bytes((30, 1, 3, 0, 1, 0, 5, 0, 0, 0x01)) + bytes.fromhex(tag))
    (value,) = values(asdu, 0)
    assert value.at_ms is None
    assert value.reason == "time tag invalid, received time used"
    assert (value.raw, value.quality) == (1, GOOD)


QUALITIES = [
    (13, 0x80, MISSING, "invalid (IV)"),
    (13, 0x40, SUSPECT, "not topical (NT)"),
    (13, 0x20, Quality.SUBSTITUTED, "substituted (SB)"),
    (13, 0x10, SUSPECT, "blocked (BL)"),
    (13, 0x01, SUSPECT, "overflow (OV)"),
    (13, 0xA1, MISSING, "invalid (IV), substituted (SB), overflow (OV)"),
    (15, 0x80, MISSING, "invalid (IV)"),
    (15, 0x40, SUSPECT, "counter was adjusted (CA)"),
    (15, 0x20, GOOD, "counter wrapped (CY)"),
    (15, 0x1F, GOOD, ""),
]


@pytest.mark.parametrize(("number", "octet", "quality", "reason"), QUALITIES)
def test_each_quality_bit_has_its_meaning(
    number: int, octet: int, quality: Quality, reason: str
) -> None:
    asdu = decode(bytes((number, 1, 3, 0, 1, 0, 5, 0, 0, 0, 0, 0, 0, octet)))
    assert values(asdu, 0) == [Value(5, 0, quality, reason, None)]


BAD_FRAMES = [
    ("67 04 07 00 00 00", "begins with 0x67 instead of 0x68"),
    ("68 03 07 00 00", "length of 3"),
    ("68 FE 00", "length of 254"),
    ("68 05 01 00 00 00 00", "has 5 octets instead of 4"),
    ("68 04 0F 00 00 00", "unknown function 0x0F"),
    ("68 04 07 00 00 00 00", "begins with 0x00"),
]


@pytest.mark.parametrize(("octets", "what"), BAD_FRAMES)
def test_bad_frames_are_one_sentence(octets: str, what: str) -> None:
    with pytest.raises(FrameFault, match=what):
        frames(octets + " 00 00")


def test_frames_before_bad_octets_are_still_used() -> None:
    feed = Splitter().feed(bytes.fromhex("680483000000 00"))
    assert next(feed) == UFrame(Function.TESTFR_CON)
    with pytest.raises(FrameFault):
        next(feed)


BAD_ASDUS = [
    ("0D 01 03 00 01 00", "too short"),
    ("0D 02 03 00 01 00 05 00 00 00 00 48 41 00", "2 objects of type 13 need 16 octets, not 8"),
    ("0D 01 03 00 01 00 05 00 00 00 00 48 41 00 00", "1 objects of type 13 need 8 octets, not 9"),
    ("0D 00 03 00 01 00 05 00 00", "0 objects"),
    ("0D 80 03 00 01 00 05 00 00", "0 objects"),
    ("01 82 03 00 01 00 FF FF FF 00 01", "end beyond 16777215"),
]


@pytest.mark.parametrize(("octets", "what"), BAD_ASDUS)
def test_nothing_of_a_bad_asdu_is_used(octets: str, what: str) -> None:
    with pytest.raises(AsduFault, match=what):
        values(decode(bytes.fromhex(octets)), 0)


@given(octets=st.binary(max_size=600))
def test_rubbish_is_frames_or_a_sentence(octets: bytes) -> None:
    with suppress(FrameFault):
        for frame in Splitter().feed(octets):
            assert octets.startswith(b"\x68")
            assert encode(frame)[1] <= 253


@given(number=st.sampled_from(sorted(TYPES)), rest=st.binary(min_size=8, max_size=248))
def test_an_asdu_gives_as_many_values_as_it_states_or_none(number: int, rest: bytes) -> None:
    asdu = decode(bytes((number,)) + rest)
    try:
        found = values(asdu, 0)
    except AsduFault:
        return
    assert len(found) == asdu.count
    assert all(0 <= value.address < 1 << 24 for value in found)


@given(
    number=st.sampled_from((15, 37)),
    cause=st.sampled_from((3, 20, 37, 38, 41)),
    count=st.integers(-(1 << 31), (1 << 31) - 1),
)
def test_counters_keep_every_count(number: int, cause: int, count: int) -> None:
    tag = bytes.fromhex(TAG) if number == 37 else b""
    octets = bytes((number, 1, cause, 0, 1, 0, 9, 0, 0)) + struct.pack("<iB", count, 0) + tag
    asdu = decode(octets)
    assert [(value.address, value.raw) for value in values(asdu, 0)] == [(9, count)]
    assert is_interrogated_counter(asdu) == (cause >= 37)
