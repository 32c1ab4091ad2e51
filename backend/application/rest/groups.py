"""`/api/v1/groups`: groups of projects that the caller is in, and what these are told.

For people, by their session: a program's key is one project's and sees no group.
"""

from collections.abc import Sequence
from datetime import date
from enum import Enum

from fastapi import APIRouter, Response
from pydantic import BaseModel

from backend.application.curves import Period
from backend.application.graphql.context import asker_of
from backend.application.groups import find_mine, list_mine
from backend.application.rest.doors import Process, SignedIn
from backend.application.rest.json_answers import json_answer
from backend.application.rest.paging import After, First, Page, page_of
from backend.core.ids import encode_id
from backend.service.groups import curve, reading
from backend.service.groups.consents import Rollup
from backend.service.groups.curve import Line, Point, unit_of
from backend.service.groups.figures import (
    Amount,
    EnergyAmount,
    Figures,
    Member,
    Total,
    ranked,
    totals,
)
from backend.service.groups.groups import GroupRow

router = APIRouter(tags=["groups"])


class GroupAmounts(Enum):
    """Which amount of a project is ranked by, or shown."""

    QUANTITY = "QUANTITY"
    KGCE = "KGCE"
    KGCO2 = "KGCO2"
    COST = "COST"
    INTENSITY = "INTENSITY"


class GroupAnswer(BaseModel):
    """A group that the caller is in."""

    id: str
    name: str
    owner: bool
    people: int
    projects: int


@router.get("/groups")
async def list_groups(
    process: Process, caller: SignedIn, first: First = 100, after: After = None
) -> Page[GroupAnswer]:
    """Answer the groups that the caller is in, by name; none to a key or a shared device."""

    def shown(row: GroupRow) -> GroupAnswer:
        return GroupAnswer(
            id=row.ref, name=row.name, owner=row.owner, people=row.people, projects=row.projects
        )

    found = await list_mine(process, caller)
    return page_of(found, lambda row: row.ref, shown, first, after)


@router.get("/groups/{group}/figures", response_class=Response)
async def figures(
    process: Process,
    caller: SignedIn,
    group: str,
    period: Period,
    day: date,
    by: GroupAmounts = GroupAmounts.KGCE,
    energy: str | None = None,
) -> Response:
    """Answer the day, month or year of each plant that holds `day`, ranked, and the totals.

    Every project keeps who was told figures of it on which day.
    """
    row = await find_mine(process, caller, group)
    platform = process.platform
    question = reading.question_of(period.stored, day, platform.clock.now())
    found = await reading.read_members(platform.database, row, asker_of(caller), question)
    whole = totals(found)
    told: dict[str, object] = {
        "members": [_member(one) for one in ranked(found, Rollup[by.name], energy)],
        "kgce": _total(whole.kgce, Rollup.KGCE),
        "kgco2": _total(whole.kgco2, Rollup.KGCO2),
        "costs": [_total(one, Rollup.COST) for one in whole.costs],
        "energies": [_total(one, Rollup.QUANTITY) for one in whole.energies],
    }
    return json_answer(told)


@router.get("/groups/{group}/curve", response_class=Response)
async def read_curve(
    process: Process,
    caller: SignedIn,
    group: str,
    last: date,
    period: Period = Period.MONTH,
    count: int = 13,
    by: GroupAmounts = GroupAmounts.KGCE,
    energy: str | None = None,
) -> Response:
    """Answer one amount of each project over `count` months (36 at most) or days (62).

    The last is that of each plant which holds `last`. Every project keeps who was told figures of
    it on which day.
    """
    row = await find_mine(process, caller, group)
    platform = process.platform
    asked = curve.wanted(period.stored, last, count, Rollup[by.name], energy, platform.clock.now())
    found = await curve.read_curve(platform.database, row, asker_of(caller), asked)
    return json_answer({"lines": [_line(one) for one in found]})


def _member(one: Member) -> dict[str, object]:
    return {
        "id": encode_id("prj", one.uid),
        "name": one.name,
        "currency": one.currency,
        "rollups": [rollup.name for rollup in Rollup if rollup in one.rollups],
        "since": one.since,
        "figures": None if one.figures is None else _figures(one.figures, one.currency),
    }


def _figures(found: Figures, currency: str) -> dict[str, object]:
    return {
        "start": found.start,
        "end": found.end,
        "kgce": _amount(found.kgce, unit_of(Rollup.KGCE, None, currency)),
        "kgco2": _amount(found.kgco2, unit_of(Rollup.KGCO2, None, currency)),
        "cost": _amount(found.cost, currency),
        "energies": _energies(found.energies, Rollup.QUANTITY),
        "intensity": _energies(found.intensity, Rollup.INTENSITY),
        "quality": found.quality,
        "complete": found.complete,
    }


def _energies(rows: Sequence[EnergyAmount], by: Rollup) -> list[dict[str, object]]:
    return [
        {"energy": row.energy} | _amount(row.amount, unit_of(by, row.energy, "")) for row in rows
    ]


def _total(whole: Total, by: Rollup) -> dict[str, object]:
    energy = whole.of if by is Rollup.QUANTITY else None
    about = {"of": whole.of or None, "projects": whole.projects}
    return about | _amount(whole.amount, unit_of(by, energy, whole.of))


def _amount(amount: Amount, unit: str) -> dict[str, object]:
    return {"now": amount.now, "before": amount.before, "unit": unit}


def _line(one: Line) -> dict[str, object]:
    return {
        "id": encode_id("prj", one.uid),
        "name": one.name,
        "unit": one.unit,
        "points": [_point(point) for point in one.points],
    }


def _point(one: Point) -> dict[str, object]:
    return {
        "name": one.name,
        "start": one.start,
        "end": one.end,
        "now": one.amount.now,
        "before": one.amount.before,
        "why": None if one.why is None else one.why.name,
        "quality": None if one.why else one.quality,
        "whole": one.whole,
        "complete": one.complete,
    }
