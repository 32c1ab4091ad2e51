"""Information elements: value and quality of one object (IEC 60870-5-101 clause 7.2.6).

The table `TYPES` says which element a type identification carries and whether a CP56Time2a
follows. Raw values are as the station sends them: single points 0 or 1, double points 0 to 3
(1 off, 2 on), normalized values -1 to 1, scaled values and counters whole numbers.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from gateway.contract.quality import Quality, worst

Raw = int | float
Judged = tuple[Quality, str]
Bit = tuple[int, Quality, str]

SHARED_BITS: tuple[Bit, ...] = (
    (0x80, Quality.MISSING, "invalid (IV)"),
    (0x40, Quality.SUSPECT, "not topical (NT)"),
    (0x20, Quality.SUBSTITUTED, "substituted (SB)"),
    (0x10, Quality.SUSPECT, "blocked (BL)"),
)
MEASURED_BITS: tuple[Bit, ...] = (*SHARED_BITS, (0x01, Quality.SUSPECT, "overflow (OV)"))
COUNTER_BITS: tuple[Bit, ...] = (
    (0x80, Quality.MISSING, "invalid (IV)"),
    (0x40, Quality.SUSPECT, "counter was adjusted (CA)"),
    (0x20, Quality.GOOD, "counter wrapped (CY)"),
)


@cache
def judge(octet: int, bits: tuple[Bit, ...]) -> Judged:
    """The worst quality among the bits that are set, and all of their names."""
    found = [(quality, name) for mask, quality, name in bits if octet & mask]
    quality = Quality.GOOD
    for other, _ in found:
        quality = worst(quality, other)
    return quality, ", ".join(name for _, name in found)


@dataclass(frozen=True, slots=True)
class Element:
    """One kind of information element: its octets without a time tag, and what they mean."""

    octets: int
    decode: Callable[[bytes, int], tuple[Raw, Judged]]
    """Value and quality of the element that begins at an offset."""


_SHORT = struct.Struct("<hB")
_FLOAT = struct.Struct("<fB")
_COUNTER = struct.Struct("<iB")


def _single(octets: bytes, at: int) -> tuple[Raw, Judged]:
    return octets[at] & 0x01, judge(octets[at], SHARED_BITS)


def _double(octets: bytes, at: int) -> tuple[Raw, Judged]:
    return octets[at] & 0x03, judge(octets[at], SHARED_BITS)


def _normalized(octets: bytes, at: int) -> tuple[Raw, Judged]:
    count, quality = _SHORT.unpack_from(octets, at)
    return count / 32768, judge(quality, MEASURED_BITS)


def _scaled(octets: bytes, at: int) -> tuple[Raw, Judged]:
    count, quality = _SHORT.unpack_from(octets, at)
    return count, judge(quality, MEASURED_BITS)


def _float(octets: bytes, at: int) -> tuple[Raw, Judged]:
    number, quality = _FLOAT.unpack_from(octets, at)
    return number, judge(quality, MEASURED_BITS)


def _counter(octets: bytes, at: int) -> tuple[Raw, Judged]:
    count, quality = _COUNTER.unpack_from(octets, at)
    return count, judge(quality, COUNTER_BITS)


SINGLE = Element(1, _single)
DOUBLE = Element(1, _double)
NORMALIZED = Element(3, _normalized)
SCALED = Element(3, _scaled)
FLOAT = Element(5, _float)
COUNTER = Element(5, _counter)

TYPES: dict[int, tuple[Element, bool]] = {
    1: (SINGLE, False),
    3: (DOUBLE, False),
    9: (NORMALIZED, False),
    11: (SCALED, False),
    13: (FLOAT, False),
    15: (COUNTER, False),
    30: (SINGLE, True),
    31: (DOUBLE, True),
    34: (NORMALIZED, True),
    35: (SCALED, True),
    36: (FLOAT, True),
    37: (COUNTER, True),
}
"""Type identification -> its element and whether a time tag follows."""
COUNTER_TYPES = frozenset(number for number, (element, _) in TYPES.items() if element is COUNTER)
