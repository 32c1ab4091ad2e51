"""What a dry run of a meter list found: faults by cell, and what it would change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from backend.core.errors import Param
from backend.service.meter_list.columns import Columns, Value

MOST_FAULTS = 500
"""Faults that are told one by one; all are counted."""


class FoundFault(msgspec.Struct, frozen=True):
    """What is wrong with a cell (`C7`): a code of the catalogue and its parameters."""

    cell: str
    column: str
    value: str | None
    code: str
    params: dict[str, str | int | float | bool | None]


class FoundMeter(msgspec.Struct, frozen=True):
    """A meter that is added, changed or ended; `fields` has before and after of each column."""

    change: str
    row: int
    meter: str | None
    name: str
    fields: dict[str, list[str | None]]


class FoundGateway(msgspec.Struct, frozen=True):
    """A gateway whose document changes: slugs of its devices; `version` is the one before."""

    gateway: str
    made: bool
    version: int
    added: list[str]
    changed: list[str]
    removed: list[str]


class Findings(msgspec.Struct, frozen=True):
    """Everything a dry run says. `absent`: meters that the file does not name; they stay."""

    rows: int
    unchanged: int
    absent: int
    faulty: int
    unknown: list[str]
    faults: list[FoundFault]
    meters: list[FoundMeter]
    gateways: list[FoundGateway]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong with the file."""
        return not self.faulty and not self.unknown


def read_findings(stored: Mapping[str, object]) -> Findings:
    """Read what was stored."""
    return msgspec.convert(stored, Findings)


def shown(value: Value) -> str | None:
    """Answer a value as people read it."""
    return None if value is None else str(value)


@dataclass(slots=True)
class Faults:
    """Collects what is wrong, cell by cell."""

    columns: Columns
    found: list[FoundFault] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)

    def add(self, row: int, column: str, value: object, code: str, **params: Param) -> None:
        """Note that the cell of a row and column is wrong."""
        self.rows.add(row)
        told = None if value is None else str(value)[:100]
        cell = self.columns.cell(column, row)
        self.found.append(FoundFault(cell, column, told, code, dict(params)))
