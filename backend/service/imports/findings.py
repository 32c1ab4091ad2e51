"""What a dry run found, as it is stored beside its file."""

from collections.abc import Mapping
from datetime import datetime

import msgspec


class FoundFault(msgspec.Struct, frozen=True):
    """What is wrong with one field of a row: a code of the catalogue and its parameters."""

    row: int
    field: str
    value: str | None
    code: str
    params: dict[str, str | int | float | bool | None]


class FoundMeter(msgspec.Struct, frozen=True):
    """What a file holds of one meter (its outside identity)."""

    meter: str
    name: dict[str, str]
    unit: str
    rows: int
    total: str
    first: datetime | None
    last: datetime | None


class Findings(msgspec.Struct, frozen=True):
    """Everything a dry run says: rows in all, good and faulty, unknown columns, faults, meters."""

    rows: int
    good: int
    faulty: int
    unknown: list[str]
    faults: list[FoundFault]
    meters: list[FoundMeter]


def read_findings(stored: Mapping[str, object]) -> Findings:
    """Read what was stored."""
    return msgspec.convert(stored, Findings)
