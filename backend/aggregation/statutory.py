"""Statutory calendars as yearly rows: days at rest, make-up working days, the lunar new year.

The rows are files of this package, `calendars/<code>.yaml`, each year with its source and whether
it was confirmed; a project chooses one calendar or none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import yaml

from backend.aggregation.calendar import DAY

FOLDER: Final = Path(__file__).parent / "calendars"
CALENDARS: Final = ("cn",)
"""Codes that a project may choose; each is a file of the folder."""


class RestSpan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A holiday: its first and last day, both at rest."""

    first: date
    last: date
    name: dict[str, str]


class StatutoryYear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was announced for a year."""

    source: dict[str, str]
    confirmed: bool
    rest: list[RestSpan]
    makeup: list[date]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: dict[str, str]
    years: dict[int, StatutoryYear]


@dataclass(frozen=True, slots=True)
class Statutory:
    """A statutory calendar: what each day is that its years say something of.

    `rest` are the names of days at rest in both languages, `makeup` working days in their place.
    """

    code: str
    name: Mapping[str, str]
    years: Mapping[int, StatutoryYear]
    rest: Mapping[date, Mapping[str, str]]
    makeup: frozenset[date]


@cache
def statutory(code: str) -> Statutory:
    """Answer a calendar by its code. Raises LookupError for one that does not ship."""
    if code not in CALENDARS:
        raise LookupError(f"no statutory calendar {code!r}")
    read = msgspec.convert(yaml.safe_load((FOLDER / f"{code}.yaml").read_text("utf-8")), _File)
    spans = [span for year in read.years.values() for span in year.rest]
    rest = {
        span.first + offset * DAY: span.name
        for span in spans
        for offset in range((span.last - span.first).days + 1)
    }
    makeup = frozenset(day for year in read.years.values() for day in year.makeup)
    return Statutory(code, read.name, read.years, rest, makeup)


@cache
def spring_festivals() -> Mapping[int, date]:
    """Answer the first day of the lunar year, by year: 2020 to 2035."""
    found: dict[int, date] = yaml.safe_load((FOLDER / "spring_festival.yaml").read_text("utf-8"))
    return found
