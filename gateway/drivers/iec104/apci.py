"""APCI of IEC 60870-5-104: frames to octets and back (IEC 60870-5-104 clause 5).

Every APDU begins with 0x68 and its length; four control octets say what it is: I carries an ASDU
and both sequence numbers, S only acknowledges, U starts, stops and tests the connection.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

START = 0x68
CONTROL = 4
"""Control octets: the smallest length an APDU may state."""
LONGEST = 253
"""The largest length an APDU may state."""
MODULO = 1 << 15
"""Sequence numbers run from 0 to 32767."""


class FrameFault(Exception):
    """The octets are not APDUs of IEC 60870-5-104; the connection has to be closed."""


class Function(IntEnum):
    """What a U frame asks or confirms: its first control octet."""

    STARTDT_ACT = 0x07
    STARTDT_CON = 0x0B
    STOPDT_ACT = 0x13
    STOPDT_CON = 0x23
    TESTFR_ACT = 0x43
    TESTFR_CON = 0x83


@dataclass(frozen=True, slots=True)
class IFrame:
    """An ASDU with the sender's number N(S) and the number it expects next, N(R)."""

    send: int
    receive: int
    asdu: bytes


@dataclass(frozen=True, slots=True)
class SFrame:
    """An acknowledgement of everything before N(R)."""

    receive: int


@dataclass(frozen=True, slots=True)
class UFrame:
    """A start, stop or test of the connection."""

    function: Function


Frame = IFrame | SFrame | UFrame


def encode(frame: Frame) -> bytes:
    """The octets of a frame."""
    if isinstance(frame, UFrame):
        return bytes((START, CONTROL, frame.function, 0, 0, 0))
    if isinstance(frame, SFrame):
        return bytes((START, CONTROL, 0x01, 0, *_number(frame.receive)))
    control = (*_number(frame.send), *_number(frame.receive))
    return bytes((START, CONTROL + len(frame.asdu), *control)) + frame.asdu


def _number(number: int) -> tuple[int, int]:
    return number << 1 & 0xFE, number >> 7


class Splitter:
    """Cuts a stream of octets into frames, however TCP has cut it."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, octets: bytes) -> Iterator[Frame]:
        """The frames that are complete now; FrameFault after the last one before bad octets."""
        self._rest += octets
        rest = self._rest
        while rest:
            if rest[0] != START:
                raise FrameFault(f"a frame begins with 0x{rest[0]:02X} instead of 0x68")
            if len(rest) == 1:
                return
            length = rest[1]
            if not CONTROL <= length <= LONGEST:
                raise FrameFault(f"a frame states a length of {length} instead of 4 to 253")
            if len(rest) < 2 + length:
                return
            body = bytes(rest[2 : 2 + length])
            del rest[: 2 + length]
            yield decode(body)


def decode(body: bytes) -> Frame:
    """The frame of the octets after the length, four of them control octets.

    FrameFault when there is no such frame.
    """
    first = body[0]
    receive = body[2] >> 1 | body[3] << 7
    if not first & 0x01:
        return IFrame(first >> 1 | body[1] << 7, receive, body[CONTROL:])
    if len(body) != CONTROL:
        raise FrameFault(f"an S or U frame has {len(body)} octets instead of 4")
    if not first & 0x02:
        return SFrame(receive)
    try:
        return UFrame(Function(first))
    except ValueError as error:
        raise FrameFault(f"a U frame of an unknown function 0x{first:02X}") from error
