"""What a group is told: each project read by itself, as far as it consents at that moment.

A group opens no door of a project. Its figures are read in a transaction of that project which
looks at the consent first and then narrows itself, by the same wall that members of a part stand
behind, to the accounts of the plant as a whole: nothing else can be read in it, whoever forgets to
narrow a statement. Who was told is kept in the project, once a day and person, in its audit too.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from backend.aggregation.calendar import Period, PlantTime, read_plant_time
from backend.aggregation.figures import Sum
from backend.aggregation.rollup import Scope
from backend.aggregation.stretches import Stretch, span_sums
from backend.aggregation.versions import version_to_read
from backend.core import audit
from backend.core.db import Database, ReadSession
from backend.core.errors import InvalidInput
from backend.core.sight import Sight
from backend.service.groups.consents import EARLIEST, LATEST, Consent, Rollup, going
from backend.service.groups.figures import Figures, Member, told
from backend.service.groups.groups import MOST_PROJECTS, GroupRow
from backend.service.groups.spans import (
    Told,
    Why,
    bounds,
    days_of,
    name_of,
    stretches,
    told_span,
)
from backend.service.people.asker import Asker
from backend.service.people.roles import Module
from backend.service.plant.trees import ORGANISATION
from gateway.contract.energy import energy_types

AT_ONCE: Final = 4
"""Projects that are read at a time."""


@dataclass(frozen=True, slots=True)
class Question:
    """Of which days, months or years of each plant a group asks: the last holds `day`.

    Of all roll-ups, or of one alone: then nothing is read where that is not consented to.
    """

    period: Period
    day: date
    now: datetime
    count: int = 1
    of: Rollup | None = None


def question_of(period: Period, day: date, now: datetime) -> Question:
    """Answer a question that can be asked; InvalidInput for other periods and for far-off days."""
    if period not in (Period.DAY, Period.MONTH, Period.YEAR):
        raise InvalidInput("group_period")
    return Question(period, checked_day(day), now)


def checked_day(day: date) -> date:
    """Answer a day that can be asked about; InvalidInput for far-off ones."""
    if not EARLIEST <= day < LATEST:
        raise InvalidInput("consent_since", first=EARLIEST.isoformat(), last=LATEST.isoformat())
    return day


@dataclass(frozen=True, slots=True)
class Project:
    """What the directory knows of a project."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    currency: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A day, month or year as the plant calls it, and what is told of it or why nothing is.

    `whole` is False where a part of it is told.
    """

    name: str
    whole: bool
    told: Figures | Why


@dataclass(frozen=True, slots=True)
class Answer:
    """What one project answers, slot by slot; `consent` None where that ended just now."""

    project: Project
    consent: Consent | None
    slots: Sequence[Slot]


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
) -> list[Answer]:
    """Answer what each project of a group answers, by short name."""
    async with database.platform_read() as tx:
        asked = (group.id, MOST_PROJECTS)
        projects = await tx.fetch_all(_PROJECTS, asked, into=Project)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(project: Project) -> Answer:
        async with turn:
            return await _read(database, group, project, asker, question)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one(project)) for project in projects]
    return [task.result() for task in running]


async def read_members(
    database: Database, group: GroupRow, asker: Asker, question: Question
) -> list[Member]:
    """Answer the projects that consent now, by short name, each with what it tells of a period."""
    answers = await read_group(database, group, asker, question)
    return [_member(one.project, one.consent, one.slots[-1]) for one in answers if one.consent]


def _member(project: Project, consent: Consent, slot: Slot) -> Member:
    return Member(
        project.uid,
        project.slug,
        project.name,
        project.currency,
        consent.rollups,
        consent.since,
        slot.told if isinstance(slot.told, Figures) else None,
    )


async def _read(
    database: Database, group: GroupRow, project: Project, asker: Asker, question: Question
) -> Answer:
    async with database.read(project.id) as tx:
        plant = await read_plant_time(tx, project.id)
        consent = await going(tx, project.id, group.id)
        noted = await _is_noted(tx, project.id, group, asker, question.now)
        slots = await _slots(tx, project.id, plant, consent, question)
    if not noted and any(isinstance(slot.told, Figures) for slot in slots):
        await _note(database, project.id, group, asker, question.now)
    return Answer(project, consent, slots)


async def _slots(
    tx: ReadSession,
    project_id: int,
    plant: PlantTime,
    consent: Consent | None,
    question: Question,
) -> list[Slot]:
    """Answer what is told; where it is anything, the transaction sees the plant's root alone."""
    days = days_of(plant, question.period, question.day, question.count)
    spans = [_span(plant, day, consent, question) for day in days]
    told = [one for one in spans if isinstance(one, Told)]
    figures: dict[Told, Figures | Why] = {}
    if consent is not None and told:
        figures = await _figures(tx, project_id, plant, consent, told, question.now)
    slots = []
    for day, span in zip(days, spans, strict=True):
        name = name_of(plant, question.period, day)
        bounded = tuple(plant.start_of(one) for one in bounds(plant, question.period, day))
        if isinstance(span, Told):
            slots.append(Slot(name, bounded == (span.start, span.end), figures[span]))
        else:
            slots.append(Slot(name, whole=False, told=span))
    return slots


def _span(plant: PlantTime, day: date, consent: Consent | None, question: Question) -> Told | Why:
    if consent is None:
        return Why.WITHDRAWN
    if question.of is not None and not consent.allows(question.of):
        return Why.NOT_CONSENTED
    days = consent.allows(Rollup.DAYS)
    return told_span(plant, question.period, day, consent.since, days=days, now=question.now)


async def _figures(
    tx: ReadSession,
    project_id: int,
    plant: PlantTime,
    consent: Consent,
    spans: Sequence[Told],
    now: datetime,
) -> dict[Told, Figures | Why]:
    """Answer the figures of spans; from here on the transaction sees the plant's root alone."""
    site = await tx.fetch_value(_SITE, (project_id, ORGANISATION, now), into=int)
    if site is None:
        return dict.fromkeys(spans, Why.UNKNOWN)
    # What is being restated is looked for here: the narrowed transaction sees no restatements.
    await version_to_read(tx, project_id, None)
    modules = frozenset({Module.ENERGY.value})
    await tx.narrow(Sight((site,), (site,), (), (), (), (), modules))
    asked = [one for number, span in enumerate(spans) for one in _stretches(plant, number, span)]
    sums = await span_sums(tx, project_id, Scope.NODE, site, asked)
    return {
        span: told(
            span.start,
            span.end,
            _ordered(sums.get(number, {})),
            _ordered(sums.get(~number, {})) or None,
            consent.rollups,
        )
        for number, span in enumerate(spans)
    }


def _stretches(plant: PlantTime, number: int, span: Told) -> Iterator[Stretch]:
    """Answer what a span is the sum of, and by `~number` what the year before is."""
    yield from stretches(plant, number, span.start, span.end)
    if span.before is not None:
        yield from stretches(plant, ~number, *span.before)


def _ordered(found: Mapping[str, Sum]) -> dict[str, Sum]:
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
