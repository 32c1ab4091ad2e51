"""One amount of each project of a group over months or days, each slot beside the year before.

Slots are those of each plant's own calendar, in step: the last of each holds the day asked for. A
slot that is not told has no amount but the reason why. The months of a span add up to what the
ranking tells of that span, where both are complete.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from backend.aggregation.calendar import Period
from backend.core.db import Database
from backend.core.errors import InvalidInput
from backend.service.groups.consents import Rollup
from backend.service.groups.figures import NONE, Amount, amount_in
from backend.service.groups.groups import GroupRow
from backend.service.groups.reading import Answer, Question, Slot, checked_day, read_group
from backend.service.groups.spans import Why
from backend.service.people.asker import Asker
from gateway.contract.energy import energy_type, energy_types

MOST: Final = {Period.MONTH: 36, Period.DAY: 62}
"""Slots of a curve; days are told only where they were consented to."""
OF_ENERGIES: Final = (Rollup.QUANTITY, Rollup.INTENSITY)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An amount, of an energy or product where it is one of those, over some slots."""

    by: Rollup
    energy: str | None
    question: Question


@dataclass(frozen=True, slots=True)
class Point:
    """One slot: the amount in [start, end), or why there is none.

    `whole` is False where a part of the slot is told, `complete` where a factor or price lacks.
    """

    name: str
    start: datetime | None
    end: datetime | None
    amount: Amount
    why: Why | None
    quality: int
    whole: bool
    complete: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What one project tells, slot by slot, in `unit`."""

    uid: UUID
    slug: str
    name: Mapping[str, str]
    unit: str
    points: Sequence[Point]


def wanted(
    period: Period, last: date, count: int, by: Rollup, energy: str | None, now: datetime
) -> Wanted:
    """Answer a curve that can be asked for; InvalidInput says what cannot."""
    if period not in MOST:
        raise InvalidInput("group_curve_period")
    if not 1 <= count <= MOST[period]:
        raise InvalidInput("group_curve_count", most=MOST[period])
    if by is Rollup.DAYS:
        raise InvalidInput("group_curve_by")
    if by in OF_ENERGIES and energy not in energy_types():
        raise InvalidInput("energy_unknown", energy=(energy or "")[:40])
    question = Question(period, checked_day(last), now, count, by)
    return Wanted(by, energy if by in OF_ENERGIES else None, question)


async def read_curve(
    database: Database, group: GroupRow, asker: Asker, asked: Wanted
) -> list[Line]:
    """Answer a line of each project, by short name."""
    answers = await read_group(database, group, asker, asked.question)
    return lines(answers, asked.by, asked.energy)


def lines(answers: Iterable[Answer], by: Rollup, energy: str | None) -> list[Line]:
    """Answer the line of one amount in what each project answered."""
    return [
        Line(
            one.project.uid,
            one.project.slug,
            one.project.name,
            unit_of(by, energy, one.project.currency),
            [_point(slot, by, energy) for slot in one.slots],
        )
        for one in answers
    ]


def unit_of(by: Rollup, energy: str | None, currency: str) -> str:
    """Answer the unit of an amount."""
    if energy is None:
        return {Rollup.KGCE: "kgce", Rollup.KGCO2: "kgCO2"}.get(by, currency)
    unit = energy_type(energy).unit.code
    return f"kgce/{unit}" if by is Rollup.INTENSITY else unit


def _point(slot: Slot, by: Rollup, energy: str | None) -> Point:
    told = slot.told
    if isinstance(told, Why):
        return Point(slot.name, None, None, NONE, told, 0, whole=False, complete=False)
    amount = amount_in(told, by, energy)
    why = Why.UNKNOWN if amount.now is None else None
    quality = 0 if why else told.quality
    return Point(slot.name, told.start, told.end, amount, why, quality, slot.whole, told.complete)
