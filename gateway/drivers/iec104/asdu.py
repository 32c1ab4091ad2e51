"""ASDUs as IEC 60870-5-104 fixes them: cause 2 octets, common address 2, object address 3.

Source: IEC 60870-5-101 clause 7.1 and 7.2.1 to 7.2.5, IEC 60870-5-104 clause 6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from gateway.contract.quality import Quality
from gateway.drivers.iec104 import cp56
from gateway.drivers.iec104.elements import COUNTER_TYPES, TYPES, Raw

HEADER = 6
ADDRESS = 3
LAST_ADDRESS = (1 << 24) - 1
END_OF_INITIALIZATION = 70
GENERAL_INTERROGATION = 100
COUNTER_INTERROGATION = 101
STATION_QUALIFIER = 20
"""QOI 20: the whole station."""
READ_COUNTERS = 0x05
"""QCC: all counters, read as they are."""
FREEZE_COUNTERS = 0x45
"""QCC: all counters, freeze without reset."""


class Cause(IntEnum):
    """The causes of transmission that we send or act upon."""

    ACTIVATION = 6
    CONFIRMATION = 7
    TERMINATION = 10
    UNKNOWN_TYPE = 44
    UNKNOWN_CAUSE = 45
    UNKNOWN_STATION = 46
    UNKNOWN_ADDRESS = 47


VALUE_CAUSES = frozenset((1, 2, 3, 5, 11, 12, *range(20, 42)))
"""Periodic, background, spontaneous, requested, returned and interrogated values."""
INTERROGATED_COUNTERS = frozenset(range(37, 42))


class AsduFault(Exception):
    """The octets are no ASDU that can be read; nothing of it is used."""


@dataclass(frozen=True, slots=True)
class Asdu:
    """An ASDU whose information objects are still octets."""

    type: int
    cause: int
    negative: bool
    test: bool
    station: int
    """The common address."""
    sequence: bool
    """Whether one address is followed by elements of consecutive addresses."""
    count: int
    objects: bytes


@dataclass(frozen=True, slots=True)
class Value:
    """One information object: what the station says that a point is worth."""

    address: int
    raw: Raw
    quality: Quality
    reason: str
    at_ms: int | None
    """When by the station's clock; None without a (valid) time tag."""


def decode(octets: bytes) -> Asdu:
    """The header of an ASDU; AsduFault when it is too short."""
    if len(octets) < HEADER + ADDRESS:
        raise AsduFault(f"an ASDU of {len(octets)} octets is too short")
    return Asdu(
        type=octets[0],
        cause=octets[2] & 0x3F,
        negative=bool(octets[2] & 0x40),
        test=bool(octets[2] & 0x80),
        station=octets[4] | octets[5] << 8,
        sequence=bool(octets[1] & 0x80),
        count=octets[1] & 0x7F,
        objects=octets[HEADER:],
    )


def values(asdu: Asdu, offset_minutes: int) -> list[Value]:
    """The objects of a type in `TYPES`; AsduFault when octets are missing or left over.

    `offset_minutes` is how far the station's clock runs ahead of UTC.
    """
    element, tagged = TYPES[asdu.type]
    size = element.octets + (cp56.OCTETS if tagged else 0)
    found: list[Value] = []
    for address, at in _places(asdu, size):
        raw, (quality, reason) = element.decode(asdu.objects, at)
        at_ms = None
        if tagged:
            tag = at + element.octets
            at_ms = cp56.to_ms(asdu.objects[tag : tag + cp56.OCTETS], offset_minutes)
            if at_ms is None:
                reason = f"{reason}, {NO_TIME}" if reason else NO_TIME
        found.append(Value(address, raw, quality, reason, at_ms))
    return found


NO_TIME = "time tag invalid, received time used"


def _places(asdu: Asdu, size: int) -> Iterator[tuple[int, int]]:
    """Address of each object and where its element begins in the octets."""
    step = size if asdu.sequence else ADDRESS + size
    expected = asdu.count * step + (ADDRESS if asdu.sequence else 0)
    if not asdu.count or len(asdu.objects) != expected:
        what = f"{asdu.count} objects of type {asdu.type} need {expected} octets"
        raise AsduFault(f"{what}, not {len(asdu.objects)}")
    first = _address(asdu.objects, 0)
    if asdu.sequence and first + asdu.count - 1 > LAST_ADDRESS:
        raise AsduFault(f"{asdu.count} objects from address {first} end beyond {LAST_ADDRESS}")
    for index in range(asdu.count):
        if asdu.sequence:
            yield first + index, ADDRESS + index * step
        else:
            yield _address(asdu.objects, index * step), index * step + ADDRESS


def _address(octets: bytes, at: int) -> int:
    return octets[at] | octets[at + 1] << 8 | octets[at + 2] << 16


def qualifier(asdu: Asdu) -> int | None:
    """The qualifier that an interrogation or its confirmation carries; None when it has none."""
    return asdu.objects[ADDRESS] if len(asdu.objects) == ADDRESS + 1 else None


def general_interrogation(station: int) -> bytes:
    """The command that asks a station for all of its values."""
    return _command(GENERAL_INTERROGATION, station, STATION_QUALIFIER)


def counter_interrogation(station: int, qualifier: int) -> bytes:
    """The command that reads or freezes all counters of a station."""
    return _command(COUNTER_INTERROGATION, station, qualifier)


def _command(type_: int, station: int, qualifier: int) -> bytes:
    header = (type_, 1, Cause.ACTIVATION, 0, station & 0xFF, station >> 8)
    return bytes((*header, 0, 0, 0, qualifier))


def is_interrogated_counter(asdu: Asdu) -> bool:
    """Whether the values answer a counter interrogation."""
    return asdu.type in COUNTER_TYPES and asdu.cause in INTERROGATED_COUNTERS
