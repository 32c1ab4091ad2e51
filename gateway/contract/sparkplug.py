"""Sparkplug B payloads: bytes <-> frozen dataclasses (Sparkplug 3.0, chapter 6.4).

Signed integers travel as two's complement in unsigned fields, so a metric without a datatype
(DATA after a birth) keeps the raw number until `as_datatype` is told what the birth said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType

from google.protobuf.message import DecodeError

from gateway.contract import sparkplug_pb2 as wire

Value = bool | int | float | str | bytes


class Datatype(IntEnum):
    """The datatypes of the specification that a meter can have."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    BYTES = 17


_SIGNED = {Datatype.INT8: 32, Datatype.INT16: 32, Datatype.INT32: 32, Datatype.INT64: 64}
_FIELDS = {
    Datatype.INT8: "int_value",
    Datatype.INT16: "int_value",
    Datatype.INT32: "int_value",
    Datatype.UINT8: "int_value",
    Datatype.UINT16: "int_value",
    Datatype.UINT32: "int_value",
    Datatype.INT64: "long_value",
    Datatype.UINT64: "long_value",
    Datatype.DATETIME: "long_value",
    Datatype.FLOAT: "float_value",
    Datatype.DOUBLE: "double_value",
    Datatype.BOOLEAN: "boolean_value",
    Datatype.STRING: "string_value",
    Datatype.TEXT: "string_value",
    Datatype.UUID: "string_value",
    Datatype.BYTES: "bytes_value",
}
_BY_FIELD = {
    "int_value": Datatype.UINT32,
    "long_value": Datatype.UINT64,
    "float_value": Datatype.FLOAT,
    "double_value": Datatype.DOUBLE,
    "boolean_value": Datatype.BOOLEAN,
    "string_value": Datatype.STRING,
    "bytes_value": Datatype.BYTES,
}
_DATATYPES = {int(datatype): datatype for datatype in Datatype}
_NONE: Mapping[str, "Property"] = MappingProxyType({})


class WireFault(ValueError):
    """Bytes that are not a Sparkplug payload."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a metric."""

    datatype: Datatype
    value: Value


@dataclass(frozen=True, slots=True)
class Metric:
    """One value on the wire; `name` or `alias` says which, `timestamp` is UTC milliseconds."""

    name: str | None = None
    alias: int | None = None
    datatype: Datatype | None = None
    value: Value | None = None
    timestamp: int | None = None
    is_historical: bool = False
    is_null: bool = False
    properties: Mapping[str, Property] = field(default_factory=lambda: _NONE)

    def as_datatype(self, datatype: Datatype) -> "Metric":
        """The same metric with the datatype that its birth declared, signed numbers included."""
        value = self.value
        bits = _SIGNED.get(datatype)
        if bits and isinstance(value, int) and not isinstance(value, bool):
            value = signed(value, bits)
        return replace(self, datatype=datatype, value=value)


@dataclass(frozen=True, slots=True)
class Payload:
    """One Sparkplug message; `timestamp` is UTC milliseconds, `seq` 0..255."""

    timestamp: int | None = None
    metrics: tuple[Metric, ...] = ()
    seq: int | None = None


def signed(value: int, bits: int) -> int:
    """An unsigned field read as two's complement of `bits`."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def encode(payload: Payload) -> bytes:
    """The payload's bytes; ValueError when a value does not fit its datatype."""
    message = wire.Payload()
    if payload.timestamp is not None:
        message.timestamp = payload.timestamp
    for metric in payload.metrics:
        _write_metric(message.metrics.add(), metric)
    if payload.seq is not None:
        message.seq = payload.seq
    return message.SerializeToString()


def decode(data: bytes) -> Payload:
    """The payload in bytes from the wire; WireFault when they are not one."""
    try:
        message = wire.Payload.FromString(data)
    except DecodeError as error:
        raise WireFault(f"these {len(data)} bytes are not a Sparkplug payload: {error}") from error
    return Payload(
        message.timestamp if message.HasField("timestamp") else None,
        tuple([_read_metric(metric) for metric in message.metrics]),
        message.seq if message.HasField("seq") else None,
    )


def _write_metric(message: wire.Metric, metric: Metric) -> None:
    if metric.name is not None:
        message.name = metric.name
    if metric.alias is not None:
        message.alias = metric.alias
    if metric.timestamp is not None:
        message.timestamp = metric.timestamp
    if metric.datatype is not None:
        message.datatype = metric.datatype
    if metric.is_historical:
        message.is_historical = True
    for key, prop in metric.properties.items():
        message.properties.keys.append(key)
        value = message.properties.values.add()
        value.type = prop.datatype
        setattr(value, _FIELDS[prop.datatype], _unsigned(prop.datatype, prop.value))
    if metric.is_null or metric.value is None:
        message.is_null = True
    else:
        datatype = metric.datatype or _guess(metric.value)
        setattr(message, _FIELDS[datatype], _unsigned(datatype, metric.value))


def _unsigned(datatype: Datatype, value: Value) -> Value:
    bits = _SIGNED.get(datatype)
    if bits and isinstance(value, int):
        return value & ((1 << bits) - 1)
    return value


def _guess(value: Value) -> Datatype:
    if isinstance(value, bool):
        return Datatype.BOOLEAN
    if isinstance(value, int):
        return Datatype.INT64
    if isinstance(value, float):
        return Datatype.DOUBLE
    return Datatype.STRING if isinstance(value, str) else Datatype.BYTES


def _read_metric(message: wire.Metric) -> Metric:
    which = message.WhichOneof("value")
    datatype = _DATATYPES.get(message.datatype)
    value: Value | None = getattr(message, which) if which else None
    if which == "string_value":
        value = _text(value)
    if datatype is not None and isinstance(value, int) and datatype in _SIGNED:
        value = signed(value, _SIGNED[datatype])
    return Metric(
        _text(message.name) if message.HasField("name") else None,
        message.alias if message.HasField("alias") else None,
        datatype,
        value,
        message.timestamp if message.HasField("timestamp") else None,
        message.is_historical,
        message.is_null,
        _read_properties(message) if message.HasField("properties") else _NONE,
    )


def _read_properties(message: wire.Metric) -> Mapping[str, Property]:
    found: dict[str, Property] = {}
    for key, prop in zip(message.properties.keys, message.properties.values, strict=False):
        which = prop.WhichOneof("value")
        if which is None:
            continue
        datatype = _DATATYPES.get(prop.type, _BY_FIELD[which])
        value: Value = getattr(prop, which)
        if which == "string_value":
            value = _text(value)
        if isinstance(value, int) and datatype in _SIGNED:
            value = signed(value, _SIGNED[datatype])
        found[_text(key)] = Property(datatype, value)
    return found


def _text(value: object) -> str:
    """A text from the wire; protobuf hands one that is not UTF-8 over as bytes."""
    if not isinstance(value, str):
        raise WireFault(f"a text that is not UTF-8: {value!r}")
    return value
