"""Payloads that nobody should send: cut off, random, of wrong types, huge, nested deep."""

import math
from random import Random

from hypothesis import strategies as st

from gateway.contract import sparkplug_pb2 as wire

BIG = (1 << 64) - 1
NAMES = (
    "",
    "p",
    "count",
    "Node Control/Rebirth",
    "bdSeq",
    "x" * 10_000,
    "a\x00b",
    "é/中",
    "\x7f",
    "Ext/",
)
NUMBERS = (0, 1, 2, 77, 255, 256, 1 << 31, 1 << 32, 1 << 63, BIG)
REALS = (0.0, -1.5, 1e300, math.nan, math.inf, -math.inf)
NOT_UTF8 = b"\x12\x04\x0a\x02\xff\xfe"
"""One metric whose name is no text."""


def nested(depth: int) -> bytes:
    """A metric with a template (field 18) whose metric has a template, and so on."""
    inner = b""
    for _ in range(depth):
        inner = b"\x12" + varint(len(inner)) + inner
        inner = b"\x92\x01" + varint(len(inner)) + inner
    return b"\x12" + varint(len(inner)) + inner


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


@st.composite
def metrics(draw: st.DrawFn, names: st.SearchStrategy[str]) -> wire.Metric:
    """A metric of any shape that the schema lets through."""
    metric = wire.Metric()
    if draw(st.booleans()):
        metric.name = draw(names)
    if draw(st.booleans()):
        metric.alias = draw(st.sampled_from(NUMBERS))
    if draw(st.booleans()):
        metric.timestamp = draw(st.sampled_from(NUMBERS))
    if draw(st.booleans()):
        metric.datatype = draw(st.sampled_from((*range(40), (1 << 32) - 1)))
    metric.is_null = draw(st.integers(0, 9)) == 0
    for key in draw(st.lists(st.sampled_from(("Quality", "Ext/Quality", "modulus", "unit")))):
        metric.properties.keys.append(key)
    for _ in range(draw(st.integers(0, 3))):
        fill(draw, metric.properties.values.add(type=draw(st.integers(0, 40))))
    fill(draw, metric)
    return metric


def fill(draw: st.DrawFn, target: wire.Metric | wire.PropertyValue) -> None:
    """A value in any of the fields, or none."""
    match draw(st.integers(0, 6)):
        case 0:
            target.int_value = draw(st.sampled_from([n for n in NUMBERS if n < 1 << 32]))
        case 1:
            target.long_value = draw(st.sampled_from(NUMBERS))
        case 2:
            target.float_value = draw(st.sampled_from([r for r in REALS if abs(r) != 1e300]))
        case 3:
            target.double_value = draw(st.sampled_from(REALS))
        case 4:
            target.boolean_value = draw(st.booleans())
        case 5:
            target.string_value = draw(st.sampled_from(NAMES))


@st.composite
def payloads(draw: st.DrawFn, names: tuple[str, ...] = NAMES) -> bytes:
    """A payload of such metrics, often damaged on the way."""
    chosen = draw(st.lists(metrics(st.sampled_from(names)), max_size=6))
    message = wire.Payload(metrics=chosen)
    if draw(st.booleans()):
        message.timestamp = draw(st.sampled_from(NUMBERS))
    if draw(st.booleans()):
        message.seq = draw(st.sampled_from(NUMBERS))
    raw = message.SerializeToString()
    match draw(st.integers(0, 5)):
        case 0:
            return raw[: draw(st.integers(0, len(raw)))]
        case 1 if raw:
            place = draw(st.integers(0, len(raw) - 1))
            return raw[:place] + draw(st.binary(min_size=1, max_size=3)) + raw[place + 1 :]
        case 2:
            return draw(st.binary(max_size=200))
    return raw


def unreadable(random: Random) -> bytes:
    """Bytes that are no payload: a length that goes beyond the end."""
    return (
        b"\x12" + varint(1000 + random.randrange(10_000)) + random.randbytes(random.randrange(90))
    )
