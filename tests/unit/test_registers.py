"""Registers <-> numbers: what is encoded is decoded, in every order, width and scale."""

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.registers import (
    Datatype,
    Order,
    block_decoder,
    decode_raw,
    encode_raw,
    to_raw,
    to_value,
)

orders = st.builds(Order, st.booleans(), st.booleans())
datatypes = st.sampled_from([datatype for datatype in Datatype if not datatype.is_bcd])


def raws(datatype: Datatype) -> st.SearchStrategy[int | float]:
    if datatype.is_float:
        return st.floats(width=32 if datatype is Datatype.FLOAT32 else 64, allow_nan=False)
    low = -(1 << (datatype.bits - 1)) if datatype.is_signed else 0
    return st.integers(low, low + (1 << datatype.bits) - 1)


@given(st.data(), datatypes, orders)
def test_encoded_registers_decode_to_the_same_number(
    data: st.DataObject, datatype: Datatype, order: Order
) -> None:
    raw = data.draw(raws(datatype))
    words = encode_raw(raw, datatype, order)
    assert len(words) == datatype.words
    assert decode_raw(words, datatype, order) == raw


@given(st.data(), st.lists(datatypes, min_size=1, max_size=8), orders)
def test_a_block_decodes_every_value_across_gaps_and_overlaps(
    data: st.DataObject, kinds: list[Datatype], order: Order
) -> None:
    registers = [data.draw(st.integers(0, 0xFFFF)) for _ in range(40)]
    places = [(data.draw(st.integers(0, 36)), kind) for kind in kinds]
    found = block_decoder(places, order)(registers)
    for (offset, kind), number in zip(places, found, strict=True):
        alone = decode_raw(registers[offset : offset + kind.words], kind, order)
        assert struct.pack(">d", number) == struct.pack(">d", alone)


@pytest.mark.parametrize(
    ("words", "datatype", "order", "number"),
    [
        ((0x4366, 0x3333), Datatype.FLOAT32, Order(), struct.unpack(">f", b"\x43\x66\x33\x33")[0]),
        ((0x3333, 0x4366), Datatype.FLOAT32, Order(False, True), 230.1999969482422),
        ((0xFFFF, 0xFFFE), Datatype.INT32, Order(), -2),
        ((0x0100, 0x0200), Datatype.UINT32, Order(True, False), 0x00010002),
        ((0x0004, 0x0003, 0x0002, 0x0001), Datatype.UINT64, Order(False, True), 0x0001000200030004),
    ],
)
def test_orders_by_hand(
    words: tuple[int, ...], datatype: Datatype, order: Order, number: float
) -> None:
    assert decode_raw(words, datatype, order) == number
    assert encode_raw(number, datatype, order) == words


@given(st.integers(0, 2**32 - 1), st.sampled_from(["0.001", "0.01", "0.1", "1", "80", "0.08"]))
def test_a_count_survives_its_way_through_units(count: int, scale: str) -> None:
    multiplier = Fraction(scale)
    value = to_value(count, multiplier)
    assert value == float(multiplier * count)
    assert to_raw(value, multiplier, Datatype.UINT32) == count


def test_a_register_wraps_at_its_modulus_and_nothing_else_does() -> None:
    wh = Fraction("0.001")
    assert to_raw(4_294_967.296, wh, Datatype.UINT32, modulus=2**32) == 0
    assert to_raw(1_000_000.5, Fraction(1), Datatype.FLOAT32, modulus=1_000_000) == 0.5
    with pytest.raises(OverflowError, match="more than uint32 holds"):
        to_raw(4_294_967.296, wh, Datatype.UINT32)
    with pytest.raises(OverflowError):
        to_raw(math.inf, wh, Datatype.INT16)
    with pytest.raises(OverflowError):
        encode_raw(70_000, Datatype.UINT16, Order())
