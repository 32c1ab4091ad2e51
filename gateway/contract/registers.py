"""Registers <-> numbers: the one place that knows byte and word order, scale, ratios and sentinels.

The driver decodes with it and the simulator encodes with it, so both agree by construction.
"""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from operator import itemgetter


class Datatype(StrEnum):
    """How a device holds one value: in consecutive 16-bit registers, or as BCD digits in bytes."""

    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BCD2 = "bcd2"
    BCD3 = "bcd3"
    BCD4 = "bcd4"

    @property
    def words(self) -> int:
        """16-bit registers that one value takes."""
        return _SIZES[self] // 2

    @property
    def bits(self) -> int:
        """Bits that one value takes."""
        return _SIZES[self] * 8

    @property
    def is_bcd(self) -> bool:
        """Whether the bytes hold two decimal digits each (DL/T 645); never in registers."""
        return self in _BCD

    @property
    def states(self) -> int:
        """How many different raw numbers there are: where an unsigned counter wraps."""
        return int(100 ** _SIZES[self] if self.is_bcd else 1 << self.bits)

    @property
    def is_float(self) -> bool:
        """Whether the registers hold an IEEE 754 number."""
        return self in (Datatype.FLOAT32, Datatype.FLOAT64)

    @property
    def is_signed(self) -> bool:
        """Whether the registers can hold a negative number."""
        return self.is_float or self.value.startswith("int")

    @property
    def code(self) -> str:
        """The letter of the `struct` module."""
        return _CODES[self]


_CODES = {
    Datatype.UINT16: "H",
    Datatype.INT16: "h",
    Datatype.UINT32: "I",
    Datatype.INT32: "i",
    Datatype.UINT64: "Q",
    Datatype.INT64: "q",
    Datatype.FLOAT32: "f",
    Datatype.FLOAT64: "d",
}
_BCD = {Datatype.BCD2: 2, Datatype.BCD3: 3, Datatype.BCD4: 4}
_SIZES = {datatype: struct.calcsize(">" + code) for datatype, code in _CODES.items()} | _BCD


@dataclass(frozen=True, slots=True)
class Order:
    """Byte order inside a register and word order between registers; both big-endian by default."""

    bytes_swapped: bool = False
    low_word_first: bool = False


Raw = int | float
Decode = Callable[[Sequence[int]], tuple[Raw, ...]]


def block_decoder(places: Sequence[tuple[int, Datatype]], order: Order) -> Decode:
    """A function from the registers of one block to raw numbers, one per (offset, datatype).

    Offsets count registers from the block's start; values may overlap and leave gaps.
    """
    picks: list[int] = []
    for offset, datatype in places:
        words = range(offset, offset + datatype.words)
        picks.extend(reversed(words) if order.low_word_first else words)
    packer = struct.Struct(f"{'<' if order.bytes_swapped else '>'}{len(picks)}H")
    unpacker = struct.Struct(">" + "".join(datatype.code for _, datatype in places))
    if picks == list(range(len(picks))):
        size = len(picks)
        return lambda registers: unpacker.unpack(packer.pack(*registers[:size]))
    if len(picks) == 1:
        only = picks[0]
        return lambda registers: unpacker.unpack(packer.pack(registers[only]))
    pick = itemgetter(*picks)
    return lambda registers: unpacker.unpack(packer.pack(*pick(registers)))


def decode_raw(registers: Sequence[int], datatype: Datatype, order: Order) -> Raw:
    """The raw number in the first registers; a float NaN stays NaN."""
    return block_decoder([(0, datatype)], order)(registers)[0]


def encode_raw(raw: Raw, datatype: Datatype, order: Order) -> tuple[int, ...]:
    """The registers that hold a raw number; OverflowError when it does not fit."""
    try:
        data = struct.pack(">" + datatype.code, raw)
    except struct.error as error:
        raise OverflowError(f"{raw} does not fit in {datatype}") from error
    words = struct.unpack(f"{'<' if order.bytes_swapped else '>'}{len(data) // 2}H", data)
    return words[::-1] if order.low_word_first else words


def to_value(raw: Raw, multiplier: Fraction) -> float:
    """A raw number in engineering units, rounded once when the raw number is an integer."""
    if isinstance(raw, int):
        return raw * multiplier.numerator / multiplier.denominator
    if multiplier == 1:
        return raw
    return raw * multiplier.numerator / multiplier.denominator


def to_raw(
    value: float, multiplier: Fraction, datatype: Datatype, modulus: int | None = None
) -> Raw:
    """The raw number nearest to an engineering value (half even), wrapped at the modulus if any.

    OverflowError when the number does not fit in the datatype.
    """
    if datatype.is_float:
        raw = value * multiplier.denominator / multiplier.numerator
        return raw % modulus if modulus is not None else raw
    if not math.isfinite(value):
        raise OverflowError(f"{value} has no {datatype}")
    count = round(Fraction(value) / multiplier)
    if modulus is not None:
        count %= modulus
    low = -(1 << (datatype.bits - 1)) if datatype.is_signed else 0
    high = low + (1 << datatype.bits)
    if not low <= count < high:
        raise OverflowError(f"{value} is {count} counts, more than {datatype} holds")
    return count
