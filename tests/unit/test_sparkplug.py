"""Sparkplug payloads: round trip, signs, sizes, bytes computed by hand from the field table."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.sparkplug import (
    Datatype,
    Metric,
    Payload,
    Property,
    WireFault,
    decode,
    encode,
)

TS = 1_790_000_000_000
LIMITS = {
    Datatype.INT8: (-(2**7), 2**7 - 1),
    Datatype.INT16: (-(2**15), 2**15 - 1),
    Datatype.INT32: (-(2**31), 2**31 - 1),
    Datatype.INT64: (-(2**63), 2**63 - 1),
    Datatype.UINT8: (0, 2**8 - 1),
    Datatype.UINT16: (0, 2**16 - 1),
    Datatype.UINT32: (0, 2**32 - 1),
    Datatype.UINT64: (0, 2**64 - 1),
    Datatype.DATETIME: (0, 2**53),
}


def values(datatype: Datatype) -> st.SearchStrategy[bool | int | float | str | bytes]:
    if datatype in LIMITS:
        return st.integers(*LIMITS[datatype])
    if datatype in (Datatype.FLOAT, Datatype.DOUBLE):
        return st.floats(allow_nan=False, width=32 if datatype is Datatype.FLOAT else 64)
    if datatype is Datatype.BOOLEAN:
        return st.booleans()
    if datatype is Datatype.BYTES:
        return st.binary(max_size=20)
    return st.text(max_size=20)


@given(st.data(), st.sampled_from(list(Datatype)), st.booleans())
def test_what_is_encoded_is_decoded(
    data: st.DataObject, datatype: Datatype, historical: bool
) -> None:
    value = data.draw(values(datatype))
    properties = {"unit": Property(Datatype.STRING, "kWh"), "x": Property(datatype, value)}
    if datatype is Datatype.BYTES:
        del properties["x"]
    metric = Metric("c1/ep_imp", 7, datatype, value, TS, historical, False, properties)
    payload = Payload(TS, (metric,), 255)
    assert decode(encode(payload)) == payload


def test_a_null_metric_is_not_a_zero() -> None:
    back = decode(encode(Payload(TS, (Metric(None, 3, None, None, TS, is_null=True),), 1)))
    assert back.metrics[0].is_null
    assert back.metrics[0].value is None


def test_data_without_datatype_takes_the_sign_of_its_birth() -> None:
    sent = Metric(None, 9, Datatype.INT64, -5, TS)
    data = encode(Payload(None, (Metric(None, 9, None, 2**64 - 5, TS),)))
    assert decode(data).metrics[0].value == 2**64 - 5
    assert decode(data).metrics[0].as_datatype(Datatype.INT64) == sent


def test_the_bytes_are_those_of_the_field_table() -> None:
    metric = Metric(None, 300, Datatype.DOUBLE, 1.5, 1)
    body = b"\x10\xac\x02\x18\x01\x20\x0a\x69" + struct.pack("<d", 1.5)
    expected = b"\x08\x01" + b"\x12" + bytes([len(body)]) + body + b"\x18\x02"
    assert encode(Payload(1, (metric,), 2)) == expected


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x12\x7f\x00", b"hello"])
def test_other_bytes_are_a_fault(data: bytes) -> None:
    with pytest.raises(WireFault):
        decode(data)
