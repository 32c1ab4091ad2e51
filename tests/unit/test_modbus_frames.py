"""Modbus frames: known bytes, and fuzz: no value is made of anything but the reply itself."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.profile import Block
from gateway.drivers.capabilities import DeviceSilent, LinkDown, Refused
from gateway.drivers.modbus.frames import (
    WRITE_MANY,
    WRITE_ONE,
    Ask,
    MbapFraming,
    RtuFraming,
    ask_registers,
    ask_write,
    crc16,
    judge,
)

READ = ask_registers(17, Block(3, 0x006B, 3))
REPLY = bytes.fromhex("03 06 022B 0000 0064")
"""Registers 107 to 109 = 555, 0, 100: the example of the protocol's own specification, 6.3."""


def test_requests_have_the_bytes_of_the_specification() -> None:
    assert READ.pdu == bytes.fromhex("03 006B 0003")
    assert ask_registers(1, Block(4, 8, 1)).pdu == bytes.fromhex("04 0008 0001")
    assert ask_write(1, 1, (3,), WRITE_ONE).pdu == bytes.fromhex("06 0001 0003")
    many = ask_write(1, 1, (0x000A, 0x0102), WRITE_MANY)
    assert many.pdu == bytes.fromhex("10 0001 0002 04 000A 0102")
    assert judge(many, bytes.fromhex("10 0001 0002")) == b""


def test_both_framings_put_the_same_request_on_the_link() -> None:
    assert MbapFraming("x").wrap(READ) == bytes.fromhex("0001 0000 0006 11 03 006B 0003")
    assert RtuFraming().wrap(READ) == bytes.fromhex("11 03 006B 0003 7687")
    assert crc16(bytes.fromhex("01 04 02 FFFF")) == bytes.fromhex("B880")


def test_a_reply_is_taken_however_it_is_cut_and_whatever_noise_goes_before_it() -> None:
    frame = bytes.fromhex("11 03 06 022B 0000 0064 C8BA")
    received = bytearray(b"\x00\x11\x03")
    for byte in frame[:-1]:
        received.append(byte)
        assert RtuFraming().take(received, READ) is None
    received.append(frame[-1])
    assert RtuFraming().take(received, READ) == REPLY
    assert judge(READ, REPLY) == bytes.fromhex("022B 0000 0064")


def test_late_replies_of_modbus_tcp_go_by_their_numbers() -> None:
    framing = MbapFraming("x")
    framing.wrap(READ)
    framing.wrap(READ)
    late = struct.pack(">HHHB", 1, 0, 9, 17) + bytes.fromhex("03 06 0001 0002 0000")
    mine = struct.pack(">HHHB", 2, 0, 9, 17) + REPLY
    received = bytearray(late + mine[:4])
    assert framing.take(received, READ) is None
    received += mine[4:]
    assert framing.take(received, READ) == REPLY
    assert not received


def test_numbers_of_modbus_tcp_begin_anew_after_65535() -> None:
    framing = MbapFraming("x")
    sent = [framing.wrap(READ)[:2] for _ in range(0x10001)]
    assert (sent[0xFFFE], sent[0xFFFF], sent[0x10000]) == (b"\xff\xff", b"\0\0", b"\0\1")


@pytest.mark.parametrize(
    ("pdu", "kind", "said"),
    [
        ("83 02", Refused, r"unit 17 refuses registers 107\+3 of function 3 \(exception 2\)"),
        ("83 0B", DeviceSilent, r"the converter says that unit 17 does not answer \(11\)"),
        ("03 04 022B 0000", Refused, "unit 17 answers registers 107.* what does not fit .03 04 02"),
        ("04 06 022B 0000 0064", Refused, "what does not fit"),
        ("84 02", Refused, "what does not fit"),
        ("03", Refused, "what does not fit"),
    ],
)
def test_a_reply_without_the_registers_is_a_sentence(
    pdu: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        judge(READ, bytes.fromhex(pdu))


def test_a_writes_echo_must_name_what_was_written() -> None:
    ask = ask_write(1, 7, (3,), WRITE_ONE)
    for echo in ("06 0007 0004", "06 0008 0003"):
        with pytest.raises(Refused, match=r"answers writing register 7 with function 6 with what"):
            judge(ask, bytes.fromhex(echo))


def outcome(framing: MbapFraming | RtuFraming, data: bytes, ask: Ask) -> bytes | None:
    """The register bytes that a driver would make of what came; None = none."""
    try:
        pdu = framing.take(bytearray(data), ask)
        return None if pdu is None else judge(ask, pdu)
    except (DeviceSilent, Refused, LinkDown):
        return None


@given(st.binary(max_size=300))
def test_no_bytes_at_all_make_a_value_or_a_crash(data: bytes) -> None:
    framing = MbapFraming("x")
    framing.wrap(READ)
    assert outcome(RtuFraming(), data, READ) is None
    assert outcome(framing, data, READ) is None


frames = st.tuples(
    st.integers(0, 300), st.integers(0, 255), st.sampled_from(["cut", "flip", "grow", "unit"])
)


@given(frames)
def test_a_spoilt_rtu_reply_is_no_value(spoil: tuple[int, int, str]) -> None:
    """CRC16 finds every burst of up to 16 bits, so no single spoilt byte passes."""
    frame = bytes((17,)) + REPLY
    frame += crc16(frame)
    assert outcome(RtuFraming(), spoilt(frame, *spoil), READ) in (None, REPLY[2:])
    if spoil[2] != "grow":
        assert outcome(RtuFraming(), spoilt(frame, *spoil), READ) is None


@given(frames)
def test_a_spoilt_header_of_modbus_tcp_is_no_value(spoil: tuple[int, int, str]) -> None:
    frame = struct.pack(">HHHB", 1, 0, 9, 17) + REPLY
    framing = MbapFraming("x")
    framing.wrap(READ)
    place, byte, kind = spoil
    found = outcome(framing, spoilt(frame, place % 9, byte, kind), READ)
    assert found is None or (kind, found) == ("grow", REPLY[2:])


def spoilt(frame: bytes, place: int, byte: int, kind: str) -> bytes:
    """A frame that is shorter, longer, from another unit, or has one byte changed."""
    place %= len(frame)
    if kind == "cut":
        return frame[:place]
    if kind == "grow":
        return frame + bytes((byte,)) * (place + 1)
    if kind == "unit":
        at = 6 if frame[2:4] == b"\0\0" and frame[0] == 0 else 0
        other = frame[:at] + bytes(((frame[at] + 1 + byte % 255) % 256,)) + frame[at + 1 :]
        return other if at else other[:-2] + crc16(other[:-2])
    return frame[:place] + bytes((frame[place] ^ (byte or 1),)) + frame[place + 1 :]
