"""Occurrences in the database: raise, step, read. Facts are inserts, states are derived."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from backend.core.db import ReadSession, WriteSession
from backend.core.events import publish
from backend.core.ids import new_uuid
from backend.service.alarms.states import Cause, State, after

Numbers = Mapping[str, float | int | str]
"""What an alarm's texts name: kW, minutes, devices."""


@dataclass(frozen=True, slots=True)
class Step:
    """One transition of an occurrence; `at` is the alarm's time, not the time of recording."""

    step: int
    state: State
    cause: Cause
    at: datetime
    recorded_at: datetime
    person_id: int | None = None
    params: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An occurrence with its newest step and its definition."""

    id: int
    uid: uuid.UUID
    definition_id: int
    number: int
    kind: str
    name: dict[str, str]
    node_id: int | None
    meter_id: int | None
    priority: int
    mode: str
    raised_at: datetime
    params: dict[str, object]
    step: int
    state: State
    state_at: datetime


_SELECT = """
SELECT o.id, o.uid, o.definition_id, o.number, d.kind, d.name, d.node_id, d.meter_id, d.mode,
       coalesce((t.params ->> 'priority')::int, d.priority) AS priority,
       o.raised_at, o.params || coalesce(t.params, '{}') AS params,
       t.step, t.state, t.at AS state_at
FROM alarm_occurrence o
JOIN alarm_definition d ON d.project_id = %(project)s AND d.id = o.definition_id
JOIN LATERAL (
    SELECT s.step, s.state, s.at,
           (SELECT v.params FROM alarm_transition v
            WHERE v.project_id = %(project)s AND v.definition_id = o.definition_id
              AND v.occurrence_number = o.number AND v.params IS NOT NULL
              AND v.cause IN ('raise', 'severity')
            ORDER BY v.step DESC LIMIT 1) AS params
    FROM alarm_transition s
    WHERE s.project_id = %(project)s AND s.definition_id = o.definition_id
      AND s.occurrence_number = o.number
    ORDER BY s.step DESC LIMIT 1
) t ON true
WHERE o.project_id = %(project)s
"""


def _occurrence(row: DictRow) -> Occurrence:
    return Occurrence(**{**row, "state": State(row["state"])})


async def list_occurrences(
    tx: ReadSession,
    project_id: int,
    *,
    open_only: bool | None = None,
    before: datetime | None = None,
    first: int = 50,
) -> list[Occurrence]:
    """Open occurrences first, then newest first; at most `first`, raised before `before`."""
    rows = await tx.fetch_all(
        _SELECT
        + """
        AND (%(open)s::bool IS NULL OR %(open)s = (t.state <> 'NORM'))
        AND (%(before)s::timestamptz IS NULL OR o.raised_at < %(before)s)
        ORDER BY (t.state = 'NORM'), o.raised_at DESC, o.id DESC LIMIT %(first)s
        """,
        {"project": project_id, "open": open_only, "before": before, "first": first},
    )
    return [_occurrence(row) for row in rows]


async def occurrences_below(
    tx: ReadSession, project_id: int, below: int | None, first: int
) -> list[Occurrence]:
    """Occurrences newest first, those recorded before the one numbered `below`."""
    rows = await tx.fetch_all(
        _SELECT
        + """
        AND (%(below)s::bigint IS NULL OR o.id < %(below)s) ORDER BY o.id DESC LIMIT %(first)s
        """,
        {"project": project_id, "below": below, "first": first},
    )
    return [_occurrence(row) for row in rows]


async def occurrence_by_uid(tx: ReadSession, project_id: int, uid: uuid.UUID) -> Occurrence | None:
    """One occurrence, or None where this project has none of that id."""
    row = await tx.fetch_one(_SELECT + " AND o.uid = %(uid)s", {"project": project_id, "uid": uid})
    return None if row is None else _occurrence(row)


async def newest_of(tx: ReadSession, project_id: int, definition_id: int) -> Occurrence | None:
    """The newest occurrence of a definition, whatever its state."""
    row = await tx.fetch_one(
        _SELECT + " AND o.definition_id = %(definition)s ORDER BY o.number DESC LIMIT 1",
        {"project": project_id, "definition": definition_id},
    )
    return None if row is None else _occurrence(row)


async def count_open(tx: ReadSession, project_id: int) -> int:
    """How many occurrences are not normal."""
    row = await tx.fetch_one(
        """
        SELECT count(*) AS n FROM (
            SELECT DISTINCT ON (definition_id, occurrence_number) state FROM alarm_transition
            WHERE project_id = %s ORDER BY definition_id, occurrence_number, step DESC
        ) newest WHERE state <> 'NORM'
        """,
        (project_id,),
    )
    return 0 if row is None else int(row["n"])


async def steps_of(
    tx: ReadSession, project_id: int, occurrences: Sequence[Occurrence]
) -> dict[int, list[Step]]:
    """All steps of each occurrence, oldest first, by occurrence id; one statement."""
    rows = await tx.fetch_all(
        """
        SELECT o.id AS occurrence_id, t.step, t.state, t.cause, t.at, t.recorded_at, t.person_id,
               coalesce(t.params, '{}') AS params
        FROM alarm_occurrence o
        JOIN alarm_transition t ON t.project_id = %(project)s
             AND t.definition_id = o.definition_id AND t.occurrence_number = o.number
        WHERE o.project_id = %(project)s AND o.id = ANY(%(ids)s)
        ORDER BY o.id, t.step
        """,
        {"project": project_id, "ids": [occurrence.id for occurrence in occurrences]},
    )
    steps: dict[int, list[Step]] = {occurrence.id: [] for occurrence in occurrences}
    for row in rows:
        steps[row.pop("occurrence_id")].append(
            Step(**{**row, "state": State(row["state"]), "cause": Cause(row["cause"])})
        )
    return steps


async def raise_occurrence(
    tx: WriteSession,
    project_id: int,
    definition_id: int,
    at: datetime,
    params: Numbers,
    priority: int,
    now: datetime,
) -> uuid.UUID | None:
    """Open the next occurrence of a definition; None where another process was first."""
    uid = new_uuid(now)
    row = await tx.fetch_one(
        """
        INSERT INTO alarm_occurrence (project_id, uid, definition_id, number, raised_at, params)
        SELECT %(project)s, %(uid)s, %(definition)s,
               coalesce((SELECT max(number) FROM alarm_occurrence
                         WHERE project_id = %(project)s AND definition_id = %(definition)s), 0) + 1,
               %(at)s, %(params)s
        ON CONFLICT (project_id, definition_id, number) DO NOTHING
        RETURNING number
        """,
        {
            "project": project_id,
            "uid": uid,
            "definition": definition_id,
            "at": at,
            "params": Jsonb(dict(params)),
        },
    )
    if row is None:
        return None
    await tx.execute(
        _INSERT_STEP,
        {
            "project": project_id,
            "definition": definition_id,
            "number": row["number"],
            "step": 1,
            "state": State.UNACK,
            "cause": Cause.RAISE,
            "at": at,
            "now": now,
            "person": None,
            "params": Jsonb({**params, "priority": priority}),
        },
    )
    await publish(tx, project_id, "alarm", str(uid), now)
    return uid


async def add_step(
    tx: WriteSession,
    project_id: int,
    occurrence: Occurrence,
    cause: Cause,
    at: datetime,
    now: datetime,
    *,
    person_id: int | None = None,
    params: Numbers | None = None,
) -> State | None:
    """Take the occurrence one step; None where the event changes nothing or somebody was first."""
    state = after(occurrence.state, cause)
    if state is None:
        return None
    written = await tx.execute(
        _INSERT_STEP,
        {
            "project": project_id,
            "definition": occurrence.definition_id,
            "number": occurrence.number,
            "step": occurrence.step + 1,
            "state": state,
            "cause": cause,
            "at": at,
            "now": now,
            "person": person_id,
            "params": None if params is None else Jsonb(dict(params)),
        },
    )
    if written == 0:
        return None
    await publish(tx, project_id, "alarm", str(occurrence.uid), now)
    return state


_INSERT_STEP = """
INSERT INTO alarm_transition (project_id, definition_id, occurrence_number, step, state, cause,
                              at, recorded_at, person_id, params)
VALUES (%(project)s, %(definition)s, %(number)s, %(step)s, %(state)s, %(cause)s,
        %(at)s, %(now)s, %(person)s, %(params)s)
ON CONFLICT (project_id, definition_id, occurrence_number, step) DO NOTHING
"""
