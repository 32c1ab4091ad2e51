"""A folder of `tests/cases`: what a register showed, what people recorded, and the accounts due.

    spec.yaml      says, zone, and optionally day_start, meters, price, and the register's spec
    readings.csv   step,time,value,quality: what arrives in each step, in the point's unit
    events.csv     step,kind,time,until,final,initial,factor: what is recorded in a step (optional)
    expected.csv   step,period,start,end,quantity,estimated,quality,cost after a step, display unit
    judgements.csv step,time,kind,until after a step: all there are (optional)

Times are the plant's local ones; with an offset where that names two instants. Of an expectation
what is empty is not compared. The period `span` is the sum of the quarter hours in [start, end),
its quality the worst of them; a quantity of `none` says that there is no account. Meter n of
`meters` shows n times the values; expectations are of the node that sums them all.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import yaml

from gateway.contract.quality import Quality

CASES: Final = Path(__file__).resolve().parent.parent / "cases"
PERIODS: Final = {"quarter": 1, "hour": 2, "day": 3, "month": 4, "year": 5, "span": 0}
REGISTER: Final = {"resolution", "modulus", "nameplate", "max_gap_s"}
Row = Mapping[str, str]


class CaseError(Exception):
    """A folder that cannot be a case; the text names the file and the row."""


@dataclass(frozen=True)
class Case:
    """One folder, read."""

    name: str
    zone: ZoneInfo
    day_start_minute: int
    meters: int
    price: str | None
    register: Mapping[str, float]
    readings: list[Row]
    events: list[Row]
    expected: list[Row]
    judgements: list[Row]

    def steps(self) -> list[int]:
        """The steps in order."""
        rows = [*self.readings, *self.events, *self.expected]
        return sorted({int(row["step"]) for row in rows})

    def at(self, text: str) -> datetime:
        """A time of the folder in UTC."""
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        return moment.astimezone(UTC)


def folders(cases: Path = CASES) -> list[Path]:
    """All folders of registers: those of documents (stocks) have tests of their own."""
    return sorted(
        one for one in cases.iterdir() if one.is_dir() and not (one / "documents.json").exists()
    )


def load(folder: Path) -> Case:
    """Read a folder. Raises CaseError."""
    spec = yaml.safe_load((folder / "spec.yaml").read_text(encoding="utf-8"))
    known = {"says", "zone", "day_start", "meters", "price", "register"}
    if not isinstance(spec, dict) or not {"says", "zone"} <= spec.keys() <= known:
        raise CaseError(f"{folder.name}/spec.yaml: needs says and zone, knows {sorted(known)}")
    register = spec.get("register", {})
    if not register.keys() <= REGISTER:
        raise CaseError(f"{folder.name}/spec.yaml: a register has {sorted(REGISTER)}")
    start = time.fromisoformat(spec.get("day_start", "00:00"))
    expected = rows(folder, "expected.csv", "step,period,start,end,quantity,estimated,quality,cost")
    if not expected:
        raise CaseError(f"{folder.name}: expects nothing; write expected.csv")
    for number, row in enumerate(expected, start=2):
        if row["period"] not in PERIODS or not row["quantity"]:
            raise CaseError(f"{folder.name}/expected.csv:{number}: no such period, or no quantity")
    return Case(
        name=folder.name,
        zone=ZoneInfo(spec["zone"]),
        day_start_minute=start.hour * 60 + start.minute,
        meters=spec.get("meters", 1),
        price=spec.get("price"),
        register=register,
        readings=rows(folder, "readings.csv", "step,time,value,quality"),
        events=rows(folder, "events.csv", "step,kind,time,until,final,initial,factor"),
        expected=expected,
        judgements=rows(folder, "judgements.csv", "step,time,kind,until"),
    )


def rows(folder: Path, name: str, header: str) -> list[Row]:
    """Read a table, empty where the file is not there. Raises CaseError."""
    path = folder / name
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if ",".join(reader.fieldnames or ()) != header:
            raise CaseError(f"{folder.name}/{name}:1: the header is {header}")
        found: list[Row] = list(reader)
    for number, row in enumerate(found, start=2):
        if len(row) != header.count(",") + 1 or None in row.values():
            raise CaseError(f"{folder.name}/{name}:{number}: not as many cells as the header")
    return found


def quantity(text: str) -> int:
    """A quantity in the display unit as an integer of the smallest (a millionth)."""
    smallest = Decimal(text) * 10**6
    if smallest != int(smallest):
        raise CaseError(f"{text} is no whole number of smallest units")
    return int(smallest)


def quality(text: str) -> int:
    """A quality's number by its name."""
    return int(Quality[text.upper()])


def factor(text: str) -> Fraction | None:
    """An exact factor such as 4/3."""
    return Fraction(text) if text else None
