"""Frames of DL/T 645-2007 as bytes and back; pure, and never more sure than the check sum allows.

FE FE FE FE | 68 | address, 6 bytes of BCD, low byte first | 68 | control | length | data, each byte
plus 0x33 | sum of everything from the first 68 modulo 256 | 16. The FE only wake receivers up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

START = 0x68
END = 0x16
WAKE_UP = b"\xfe\xfe\xfe\xfe"
OFFSET = 0x33
LONGEST_DATA = 200
"""Bytes of data in one frame; a longer one is none."""
LONGEST_FRAME = len(WAKE_UP) + LONGEST_DATA + 12

BROADCAST_TIME = 0x08
READ = 0x11
READ_MORE = 0x12
READ_ADDRESS = 0x13
ANSWER = 0x80
REFUSAL = 0xC0
MORE_FOLLOWS = 0x20

ADDRESS_DIGITS = 12
ANY_METER = "AAAAAAAAAAAA"
EVERY_METER = "999999999999"

_ERRORS = (
    "another error",
    "no such data",
    "wrong password or no right",
    "the baud rate cannot be changed",
    "too many time zones",
    "too many day segments",
    "too many tariffs",
)


class NoAddress(ValueError):
    """A text that is no meter's address; its text says what to write."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: the meter's address as printed on it, the control code and the plain data."""

    address: str
    control: int
    data: bytes = b""

    def encode(self) -> bytes:
        """The bytes on the wire, with the four bytes that wake receivers up."""
        body = bytearray([START])
        body += bytes.fromhex(self.address)[::-1]
        body += bytes([START, self.control, len(self.data)])
        body += bytes((byte + OFFSET) & 0xFF for byte in self.data)
        return WAKE_UP + bytes(body) + bytes([sum(body) & 0xFF, END])

    def answers(self, request: "Frame") -> bool:
        """Whether this is the answer of the meter that was asked, or its refusal."""
        asked, told = request.control, self.control
        if told not in (asked | ANSWER, asked | ANSWER | MORE_FOLLOWS, asked | REFUSAL):
            return False
        # An A in an address stands for any digit.
        digits = zip(request.address, self.address, strict=True)
        return all(wanted in ("A", found) for wanted, found in digits)


def check_address(text: str) -> str:
    """An address as twelve digits, leading zeros added; NoAddress when it is none."""
    address = text.strip().upper()
    if not 1 <= len(address) <= ADDRESS_DIGITS or set(address) - set("0123456789A"):
        raise NoAddress(
            f"{text!r} is no meter address: write the twelve digits on its face, in quotes "
            f"({ANY_METER!r} where the meter is alone on its line)."
        )
    return address.zfill(ADDRESS_DIGITS)


def item_bytes(item: str) -> bytes:
    """A data identifier "DI3 DI2 DI1 DI0" (eight hexadecimal digits) in the order of the wire."""
    return bytes.fromhex(item)[::-1]


def time_bytes(local: datetime) -> bytes:
    """A meter's local time as BCD in the order of the wire: second, minute, hour, day, ..."""
    return bytes.fromhex(local.strftime("%S%M%H%d%m%y"))


def explain_error(code: int) -> str:
    """What the bits of an error answer say."""
    said = [text for bit, text in enumerate(_ERRORS) if code >> bit & 1]
    return f"{', '.join(said) or 'an unknown error'} (error {code:#04x})"


def take_frames(heard: bytearray) -> Iterator[Frame]:
    """The whole frames in what was heard, removed from it; noise before and between them as well.

    What may still become a frame stays.
    """
    while True:
        found = _first_frame(heard)
        if found is None:
            del heard[: _first_promise(heard)]
            return
        frame, end = found
        del heard[:end]
        yield frame


def _first_frame(heard: bytes | bytearray) -> tuple[Frame, int] | None:
    """The first whole frame and where it ends, even behind noise that looks like a beginning."""
    start = heard.find(START)
    while start >= 0:
        end = _end(heard, start)
        if end is not None and end <= len(heard) and _is_sound(heard, start, end):
            plain = bytes((byte - OFFSET) & 0xFF for byte in heard[start + 10 : end - 2])
            address = bytes(heard[start + 1 : start + 7])[::-1].hex().upper()
            return Frame(address, heard[start + 8], plain), end
        start = heard.find(START, start + 1)
    return None


def _first_promise(heard: bytes | bytearray) -> int:
    """Where the first unfinished frame may begin; the end when there is none."""
    start = heard.find(START)
    while start >= 0:
        end = _end(heard, start)
        if end is None or end > len(heard):
            return start
        start = heard.find(START, start + 1)
    return len(heard)


def _end(heard: bytes | bytearray, start: int) -> int | None:
    """Where a frame that begins here ends; 0 when none can begin here, None while unknown."""
    if len(heard) > start + 7 and heard[start + 7] != START:
        return 0
    if len(heard) < start + 10:
        return None
    length = heard[start + 9]
    return start + 12 + length if length <= LONGEST_DATA else 0


def _is_sound(heard: bytes | bytearray, start: int, end: int) -> bool:
    if end == 0 or heard[end - 1] != END:
        return False
    return sum(heard[start : end - 2]) & 0xFF == heard[end - 2]
