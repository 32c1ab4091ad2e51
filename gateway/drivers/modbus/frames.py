"""Modbus frames: requests, the one reply each of them allows, and the two framings around both.

Sources: Modbus Application Protocol V1.1b3 (functions 3, 4, 6 and 16, exceptions), Modbus Messaging
on TCP/IP V1.0b (MBAP header), Modbus over Serial Line V1.02 (RTU, CRC). Addresses are zero-based.

What tells a reply from a late one: on TCP the transaction number, so nothing late is ever taken.
RTU has no number. A late reply of another unit, function or length is passed over; one of the
same three cannot be told by its bytes, so `quiet.py` keeps it out by time.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.contract.profile import Block
from gateway.drivers.capabilities import DeviceSilent, LinkDown, Refused

WRITE_ONE, WRITE_MANY = 6, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2
BEHIND_IS_SILENT = (10, 11)
"""Exceptions by which a converter says that the unit behind it does not answer."""
_REFUSAL = 0x80
_HEADER = struct.Struct(">HHHB")
_MOST_LENGTH = 254
_MOST_RTU = 256


def _crc_of_byte(crc: int) -> int:
    for _ in range(8):
        crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


_CRC_OF_BYTE = tuple(_crc_of_byte(byte) for byte in range(256))


def crc16(data: bytes) -> bytes:
    """The two check bytes that end an RTU frame, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_OF_BYTE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: its PDU, how a good reply's PDU begins and how many bytes it has."""

    unit: int
    pdu: bytes
    head: bytes
    size: int
    what: str
    """For people: `registers 61+6 of function 3`."""


def ask_registers(unit: int, block: Block) -> Ask:
    """Read a block of holding (3) or input registers (4)."""
    return Ask(
        unit,
        struct.pack(">BHH", block.fc, block.start, block.count),
        bytes((block.fc, 2 * block.count)),
        2 + 2 * block.count,
        f"registers {block.start}+{block.count} of function {block.fc}",
    )


def ask_write(unit: int, address: int, words: Sequence[int], function: int) -> Ask:
    """Write holding registers from an address; function 6 takes exactly one word."""
    if function == WRITE_ONE:
        [word] = words
        pdu = struct.pack(">BHH", function, address, word)
    else:
        count = len(words)
        pdu = struct.pack(f">BHHB{count}H", function, address, count, 2 * count, *words)
    return Ask(unit, pdu, pdu[:5], 5, f"writing register {address} with function {function}")


class Framing(Protocol):
    """How PDUs lie in a stream of bytes."""

    def wrap(self, ask: Ask) -> bytes:
        """The bytes that put a request on the link."""
        ...

    def take(self, received: bytearray, ask: Ask) -> bytes | None:
        """The reply's PDU, taken out of what has come; None = not there (yet).

        LinkDown when the stream can no longer be understood, DeviceSilent when the reply came
        damaged or from somebody else.
        """
        ...


class MbapFraming:
    """Modbus TCP: every reply carries its request's number, so late ones are dropped by it."""

    def __init__(self, name: str) -> None:
        """`name` = the link's, for what is said to people."""
        self._name = name
        self._number = 0

    def wrap(self, ask: Ask) -> bytes:
        """A frame with the next number."""
        self._number = (self._number + 1) & 0xFFFF
        return _HEADER.pack(self._number, 0, len(ask.pdu) + 1, ask.unit) + ask.pdu

    def take(self, received: bytearray, ask: Ask) -> bytes | None:
        """The PDU of the frame with the present number; frames of other numbers are dropped."""
        while len(received) > _HEADER.size:
            number, protocol, length, unit = _HEADER.unpack_from(received)
            if protocol or not 2 < length <= _MOST_LENGTH:
                raise LinkDown(
                    f"{self._name} sends what is no Modbus TCP ({received[:12].hex(' ')}). "
                    "Check the address, and the line's framing (tcp or rtu)"
                )
            end = 6 + length
            if len(received) < end:
                return None
            pdu = bytes(received[_HEADER.size : end])
            del received[:end]
            if number != self._number:
                continue
            if unit != ask.unit:
                raise DeviceSilent(
                    f"unit {ask.unit} was asked and unit {unit} answered. Correct the unit"
                )
            return pdu
        return None


class RtuFraming:
    """RTU: a reply is what has the unit, the function, the length and the check bytes of one."""

    def wrap(self, ask: Ask) -> bytes:
        """A frame with its check bytes."""
        frame = bytes((ask.unit,)) + ask.pdu
        return frame + crc16(frame)

    def take(self, received: bytearray, ask: Ask) -> bytes | None:
        """The first reply in what has come; noise and frames of others are passed over."""
        at = received.find(ask.unit)
        while at >= 0:
            size = _rtu_size(received, at, ask)
            if size and len(received) >= at + size:
                frame = bytes(received[at : at + size])
                if crc16(frame[:-2]) == frame[-2:]:
                    received.clear()
                    return frame[1:-2]
                if at == 0:
                    raise DeviceSilent(f"the reply of unit {ask.unit} came damaged (check bytes)")
            at = received.find(ask.unit, at + 1)
        del received[:-_MOST_RTU]
        return None


def _rtu_size(received: bytearray, at: int, ask: Ask) -> int:
    """Bytes of the frame that may begin at `at`; 0 = none of ours does."""
    if received.startswith(ask.head, at + 1):
        return ask.size + 3
    if len(received) > at + 1 and received[at + 1] == ask.pdu[0] | _REFUSAL:
        return 5
    return 0


def judge(ask: Ask, pdu: bytes) -> bytes:
    """What a reply brings behind its head; Refused or DeviceSilent when it brings nothing."""
    if len(pdu) == ask.size and pdu.startswith(ask.head):
        return pdu[len(ask.head) :]
    if len(pdu) == 2 and pdu[0] == ask.pdu[0] | _REFUSAL:
        code = pdu[1]
        if code in BEHIND_IS_SILENT:
            raise DeviceSilent(f"the converter says that unit {ask.unit} does not answer ({code})")
        raise Refused(f"unit {ask.unit} refuses {ask.what} (exception {code})", code)
    raise Refused(
        f"unit {ask.unit} answers {ask.what} with what does not fit ({pdu[:8].hex(' ')})", 0
    )
