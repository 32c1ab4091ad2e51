"""What a group is told: each project read by itself, as far as it consents at that moment.

A group opens no door of a project. Its figures are read in a transaction of that project which
looks at the consent first and then narrows itself, by the same wall that members of a part stand
behind, to the accounts of the plant as a whole: nothing else can be read in it, whoever forgets to
narrow a statement. Who was told is kept in the project, once a day and person, in its audit too.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from backend.aggregation.calendar import Period, PlantTime, read_plant_time
from backend.aggregation.figures import Sum, sums
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import version_to_read
from backend.core import audit
from backend.core.db import Database, ReadSession
from backend.core.errors import InvalidInput
from backend.core.sight import Sight
from backend.service.groups.consents import EARLIEST, LATEST, Consent, Rollup, going
from backend.service.groups.figures import Figures, Member, added, told
from backend.service.groups.groups import MOST_PROJECTS, GroupRow
from backend.service.groups.spans import legs, told_span
from backend.service.people.asker import Asker
from backend.service.people.roles import Module
from backend.service.plant.trees import ORGANISATION
from gateway.contract.energy import energy_types

AT_ONCE: Final = 4
"""Projects that are read at a time."""


@dataclass(frozen=True, slots=True)
class Question:
    """Of which day, month or year of each plant a group asks: the one that holds `day`."""

    period: Period
    day: date
    now: datetime


def question_of(period: Period, day: date, now: datetime) -> Question:
    """Answer a question that can be asked; InvalidInput for other periods and for far-off days."""
    if period not in (Period.DAY, Period.MONTH, Period.YEAR):
        raise InvalidInput("group_period")
    if not EARLIEST <= day < LATEST:
        raise InvalidInput("consent_since", first=EARLIEST.isoformat(), last=LATEST.isoformat())
    return Question(period, day, now)


@dataclass(frozen=True, slots=True)
class _Project:
    """What the directory knows of a project."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    currency: str


_PROJECTS = (
    "SELECT p.id, p.uid, p.slug, p.name, p.currency FROM group_project g"
    " JOIN project p ON p.id = g.project_id WHERE g.group_id = %s"
    " AND p.suspended_at IS NULL AND p.delete_at IS NULL ORDER BY p.slug LIMIT %s"
)
_SITE = (
    "SELECT id FROM node WHERE project_id = %s AND tree = %s AND parent_id IS NULL"
    " AND (valid_to IS NULL OR valid_to > %s) ORDER BY position, id LIMIT 1"
)
_NOTED = (
    "SELECT 1 FROM group_look"
    " WHERE project_id = %s AND group_id = %s AND person_id = %s AND day = %s"
)


async def read_group(
    database: Database, group: GroupRow, asker: Asker, question: Question
) -> list[Member]:
    """Answer the projects that consent now, by short name, each with what it tells."""
    async with database.platform_read() as tx:
        asked = (group.id, MOST_PROJECTS)
        projects = await tx.fetch_all(_PROJECTS, asked, into=_Project)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(project: _Project) -> Member | None:
        async with turn:
            return await _read(database, group, project, asker, question)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one(project)) for project in projects]
    return [member for task in running if (member := task.result()) is not None]


async def _read(
    database: Database, group: GroupRow, project: _Project, asker: Asker, question: Question
) -> Member | None:
    async with database.read(project.id) as tx:
        consent = await going(tx, project.id, group.id)
        if consent is None:
            return None
        noted = await _is_noted(tx, project.id, group, asker, question.now)
        figures = await _figures(tx, project.id, consent, question)
    if figures is not None and not noted:
        await _note(database, project.id, group, asker, question.now)
    return Member(
        project.uid,
        project.slug,
        project.name,
        project.currency,
        consent.rollups,
        consent.since,
        figures,
    )


async def _figures(
    tx: ReadSession, project_id: int, consent: Consent, question: Question
) -> Figures | None:
    """Answer what is told; from the second half on the transaction sees the plant's root alone."""
    plant = await read_plant_time(tx, project_id)
    span = told_span(
        plant,
        question.period,
        question.day,
        consent.since,
        days=consent.allows(Rollup.DAYS),
        now=question.now,
    )
    asked = (project_id, ORGANISATION, question.now)
    site = await tx.fetch_value(_SITE, asked, into=int)
    if span is None or site is None:
        return None
    # What is being restated is looked for here: the narrowed transaction sees no restatements.
    await version_to_read(tx, project_id, None)
    modules = frozenset({Module.ENERGY.value})
    await tx.narrow(Sight((site,), (site,), (), (), (), (), modules))
    found = await _sums(tx, project_id, site, plant, span.start, span.end)
    before = None if span.before is None else await _sums(tx, project_id, site, plant, *span.before)
    return told(span.start, span.end, found, before or None, consent.rollups)


async def _sums(
    tx: ReadSession, project_id: int, site: int, plant: PlantTime, start: datetime, end: datetime
) -> dict[str, Sum]:
    parts: list[Sum] = []
    for leg in legs(plant, start, end):
        parts += await sums(tx, project_id, Scope.NODE, [site], leg.period, leg.start, leg.end)
    return _ordered(added(parts))


def _ordered(found: dict[str, Sum]) -> dict[str, Sum]:
    return {code: found[code] for code in energy_types() if code in found}


async def _is_noted(
    tx: ReadSession, project_id: int, group: GroupRow, asker: Asker, now: datetime
) -> bool:
    asked = (project_id, group.id, asker.person_id, now.astimezone(UTC).date())
    return bool(await tx.fetch_tuples(_NOTED, asked))


async def _note(
    database: Database, project_id: int, group: GroupRow, asker: Asker, now: datetime
) -> None:
    """Keep that somebody of the group was told figures today, once."""
    async with database.project(project_id) as tx:
        first = await tx.execute(
            "INSERT INTO group_look (project_id, group_id, person_id, day, first_at)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (project_id, group.id, asker.person_id, now.astimezone(UTC).date(), now),
        )
        if first:
            about = {"group": group.name}
            deed = audit.Deed(
                asker.actor, "group.look", group.ref, "done", asker.person_id, None, about
            )
            await audit.record(tx, project_id, deed, now)
