"""`/api/v1/alarms`: what was raised, with every step of its life."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from backend.application.graphql.context import Door, outside_uid
from backend.application.graphql.persons import persons_by_id
from backend.application.rest.doors import ProjectDoor
from backend.application.rest.paging import After, First, Page, cursor, read_cursor
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.alarms import store
from backend.service.alarms.store import Occurrence, Step

router = APIRouter(tags=["alarms"])


class TransitionAnswer(BaseModel):
    """One step: the state after it, why, and who did it; `at` is the alarm's own time."""

    step: int
    state: str
    cause: str
    at: datetime
    recorded_at: datetime
    person: str | None


class AlarmAnswer(BaseModel):
    """One raising of an alarm; states are those of ISA-18.2, priority 1 is highest."""

    id: str
    kind: str
    name: dict[str, str]
    node: str | None
    meter: str | None
    priority: int
    state: str
    state_at: datetime
    raised_at: datetime
    params: dict[str, object]
    transitions: list[TransitionAnswer]


@router.get("/alarms")
async def list_alarms(
    door: ProjectDoor, first: First = 100, after: After = None
) -> Page[AlarmAnswer]:
    """Answer alarms with their transitions, newest first."""
    below = read_cursor(after, int)
    async with door.read() as tx:
        found = await store.occurrences_below(tx, door.project.id, below, first + 1)
    part = found[:first]
    shown = await _shown(door, part)
    return Page(items=shown, next=cursor(part[-1].id) if len(found) > first else None)


@router.get("/alarms/{id}")
async def show_alarm(id: str, door: ProjectDoor) -> AlarmAnswer:
    """Answer an alarm."""
    uid = outside_uid("alm", id)
    if uid is None:
        raise NotFound(kind="alarm")
    async with door.read() as tx:
        found = await store.occurrence_by_uid(tx, door.project.id, uid)
    if found is None:
        raise NotFound(kind="alarm")
    [shown] = await _shown(door, [found])
    return shown


async def _shown(door: Door, found: Sequence[Occurrence]) -> list[AlarmAnswer]:
    directory = await door.directory()
    async with door.read() as tx:
        steps = await store.steps_of(tx, door.project.id, found)
    logins = await _logins(door, steps.values())
    answers = []
    for one in found:
        node, meter = (
            directory.nodes.get(one.node_id or 0),
            directory.meters.get(one.meter_id or 0),
        )
        answers.append(
            AlarmAnswer(
                id=encode_id("alm", one.uid),
                kind=one.kind,
                name=one.name,
                node=None if node is None else encode_id("node", node.uid),
                meter=None if meter is None else encode_id("mtr", meter.uid),
                priority=one.priority,
                state=one.state.value,
                state_at=one.state_at,
                raised_at=one.raised_at,
                params=one.params,
                transitions=[_step(step, logins) for step in steps[one.id]],
            )
        )
    return answers


async def _logins(door: Door, steps: Iterable[Sequence[Step]]) -> dict[int, str]:
    ids = sorted({step.person_id for each in steps for step in each if step.person_id})
    persons = await persons_by_id(door.process.platform.database, door.project.id, ids)
    pairs = zip(ids, persons, strict=True)
    return {number: person.login for number, person in pairs if person is not None}


def _step(step: Step, logins: dict[int, str]) -> TransitionAnswer:
    return TransitionAnswer(
        step=step.step,
        state=step.state.value,
        cause=step.cause.value,
        at=step.at,
        recorded_at=step.recorded_at,
        person=logins.get(step.person_id or 0),
    )
