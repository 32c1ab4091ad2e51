"""DL/T 645 frames and BCD: vectors, round trips, and whatever a line may bring."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.clock import ManualClock, parse_offset
from gateway.drivers.dlt645.bcd import decode_bcd
from gateway.drivers.dlt645.daily_time import DailyTime
from gateway.drivers.dlt645.frame import (
    ANY_METER,
    BROADCAST_TIME,
    EVERY_METER,
    LONGEST_DATA,
    READ,
    READ_ADDRESS,
    Frame,
    NoAddress,
    check_address,
    explain_error,
    item_bytes,
    take_frames,
    time_bytes,
)

METER = "123456781012"

addresses = st.text("0123456789", min_size=12, max_size=12)
frames = st.builds(
    Frame, addresses, st.integers(0, 255), st.binary(min_size=0, max_size=LONGEST_DATA)
)


# domain.md 4; the time is a vector of another program: 2017-06-05 10:22:51.
@pytest.mark.parametrize(
    ("frame", "wire"),
    [
        (
            Frame(METER, READ, item_bytes("02010100")),
            "FE FE FE FE 68 12 10 78 56 34 12 68 11 04 33 34 34 35 EB 16",
        ),
        (
            Frame(METER, READ, item_bytes("00010000")),
            "FE FE FE FE 68 12 10 78 56 34 12 68 11 04 33 33 34 33 E8 16",
        ),
        (
            Frame(METER, READ, item_bytes("02030000")),
            "FE FE FE FE 68 12 10 78 56 34 12 68 11 04 33 33 36 35 EC 16",
        ),
        (Frame(ANY_METER, READ_ADDRESS), "FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16"),
        (
            Frame(EVERY_METER, BROADCAST_TIME, time_bytes(datetime(2017, 6, 5, 10, 22, 51))),  # noqa: DTZ001
            "FE FE FE FE 68 99 99 99 99 99 99 68 08 06 84 55 43 38 39 4A 4B 16",
        ),
    ],
)
def test_the_vectors_in_both_directions(frame: Frame, wire: str) -> None:
    assert frame.encode() == bytes.fromhex(wire)
    heard = bytearray.fromhex(wire)
    assert list(take_frames(heard)) == [frame]
    assert heard == b""


@given(frames, st.integers(0, 8))
def test_what_is_encoded_is_taken_with_any_number_of_wake_up_bytes(
    frame: Frame, wake_up: int
) -> None:
    heard = bytearray(b"\xfe" * wake_up + frame.encode()[4:])
    assert list(take_frames(heard)) == [frame]


@given(st.lists(frames, max_size=4), st.randoms(use_true_random=False))
def test_frames_come_out_whole_however_they_are_cut(
    sent: list[Frame], chance: random.Random
) -> None:
    wire, heard, found = b"".join(frame.encode() for frame in sent), bytearray(), list[Frame]()
    while wire:
        size = chance.randint(1, 40)
        heard += wire[:size]
        wire = wire[size:]
        found.extend(take_frames(heard))
    assert found == sent


@given(st.binary(max_size=60), frames)
def test_a_frame_is_found_behind_any_noise(noise: bytes, frame: Frame) -> None:
    found = list(take_frames(bytearray(noise + frame.encode())))
    assert found[-1:] == [frame]


@given(frames, st.data())
def test_a_frame_with_one_changed_byte_is_none(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(frame.encode()[4:])
    place = data.draw(st.integers(0, len(wire) - 1))
    wire[place] ^= data.draw(st.integers(1, 255))
    assert frame not in list(take_frames(wire))


@given(st.binary(max_size=400))
def test_no_bytes_at_all_make_it_fail_or_keep_more_than_was_heard(noise: bytes) -> None:
    heard = bytearray(noise)
    for frame in take_frames(heard):
        assert frame.encode()[4:] in noise
    assert noise.endswith(heard)


def test_an_unfinished_frame_waits_and_a_hopeless_one_does_not() -> None:
    whole = Frame(METER, 0x91, item_bytes("02010100") + b"\x04\x22").encode()
    heard = bytearray(whole[:-1])
    assert list(take_frames(heard)) == []
    assert heard == whole[4:-1]
    heard += whole[-1:]
    assert [frame.data[4:] for frame in take_frames(heard)] == [b"\x04\x22"]
    too_long = bytearray.fromhex("68 12 10 78 56 34 12 68 91 C9 33 33 34 35")
    assert list(take_frames(too_long)) == []
    assert too_long == bytes.fromhex("68 91 C9 33 33 34 35"), "the second 68 may begin a frame"


def test_only_the_meter_that_was_asked_answers() -> None:
    request = Frame(METER, READ, item_bytes("02010100"))
    assert Frame(METER, 0x91).answers(request)
    assert Frame(METER, 0xB1).answers(request)
    assert Frame(METER, 0xD1).answers(request)
    assert not Frame(METER, READ).answers(request), "an echo"
    assert not Frame(METER, 0x93).answers(request)
    assert not Frame("123456781013", 0x91).answers(request)
    assert Frame("123456781013", 0x93).answers(Frame(ANY_METER, READ_ADDRESS))


def test_addresses_are_twelve_digits() -> None:
    assert check_address(" 1234 ") == "000000001234"
    assert check_address("aaaaaaaaaaaa") == ANY_METER
    for text in ("", "12345678901x", "1234567890123"):
        with pytest.raises(NoAddress, match="write the twelve digits on its face, in quotes"):
            check_address(text)


def test_error_bits_are_words() -> None:
    assert explain_error(0x02) == "no such data (error 0x02)"
    assert explain_error(0x05) == "another error, wrong password or no right (error 0x05)"
    assert explain_error(0x80) == "an unknown error (error 0x80)"


@given(st.integers(0, 10**8 - 1))
def test_unsigned_bcd(count: int) -> None:
    data = bytes.fromhex(f"{count:08d}")[::-1]
    assert decode_bcd(data, signed=False) == count


@given(st.integers(-799_999, 799_999))
def test_signed_bcd(count: int) -> None:
    digits = bytearray.fromhex(f"{abs(count):06d}")
    digits[0] |= 0x80 if count < 0 else 0
    assert decode_bcd(bytes(digits[::-1]), signed=True) == count


@pytest.mark.parametrize("filled", ["FFFF", "EEEE", "FFFFFF", "EEEEEEEE", "0A00", "000A"])
@pytest.mark.parametrize("signed", [True, False])
def test_what_is_no_digit_is_no_value(filled: str, signed: bool) -> None:
    assert decode_bcd(bytes.fromhex(filled), signed=signed) is None


async def test_the_time_is_told_once_a_day_and_not_around_midnight() -> None:
    clock = ManualClock(datetime(2026, 3, 1, 15, 55, tzinfo=UTC))
    daily = DailyTime(parse_offset("+08:00"), clock)
    assert daily.due() is None, "23:55 there"
    await clock.advance(15 * 60)
    told = daily.due()
    assert told is not None
    [frame] = take_frames(bytearray(told))
    assert (frame.address, frame.control) == (EVERY_METER, BROADCAST_TIME)
    assert frame.data[::-1].hex() == "260302001000"
    assert daily.due() is None
    await clock.advance(86_399)
    assert daily.due() is None
    await clock.advance(1)
    assert daily.due() is not None


def test_a_clock_that_cannot_be_right_tells_no_time() -> None:
    clock = ManualClock(datetime(1970, 1, 1, 12, tzinfo=UTC))
    assert DailyTime(timedelta(hours=8), clock).due() is None
