"""In role `worker`: tries out what is proposed and applies what is approved, one by one a project.

Woken by NOTIFY `kw_restatement`, looks by itself every few seconds. Every step is one transaction
that looks at the state again, so any number of workers may run and any of them may be killed.
"""

import asyncio
import logging
from contextlib import aclosing
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import psycopg
from psycopg.types.json import Jsonb

from backend.core.db import Database
from backend.core.errors import KilowiseError, Unavailable
from backend.core.events import notified, publish
from backend.core.platform import Platform
from backend.core.waking import rung
from backend.service.projects.known import known_projects
from backend.service.restatement import apply, trial
from backend.service.restatement.decide import CHANNEL
from backend.service.restatement.rows import COLUMNS, Row, State, find_restatement

log = logging.getLogger(__name__)

LOOK_S: Final = 10.0
"""Seconds between two looks when nothing is told."""
PACE_S: Final = 0.25
"""Seconds between two looks at a restatement that is being recomputed."""
_NEXT: Final = f"""
SELECT {COLUMNS} FROM restatement
WHERE project_id = %s AND (state IN ('applying', 'approved')
      OR (state = 'proposed' AND difference IS NULL))
ORDER BY array_position(ARRAY['applying', 'approved', 'proposed'], state), id LIMIT 1
"""

# An import or a changed model is being accounted: everything of it would have to be kept as well.
_BEHIND: Final = """
SELECT EXISTS (SELECT 1 FROM dirty WHERE project_id = %(project)s AND last_ts - first_ts > %(long)s)
    OR EXISTS (SELECT 1 FROM stale WHERE project_id = %(project)s AND last_ts - first_ts > %(long)s)
"""
LONG: Final = timedelta(days=1)
"""While longer stretches wait to be accounted, nothing is tried and nothing begun."""


class Step(Enum):
    """What one look at a project came to."""

    NOTHING = "nothing to do"
    DONE = "a step was done"
    WAITING = "accounts are being recomputed, or busy"


async def step(database: Database, project_id: int, now: datetime) -> Step:
    """Do the next thing of a project's restatements."""
    async with database.read(project_id) as tx:
        row = await tx.fetch_one(_NEXT, (project_id,), into=Row)
        behind = await tx.fetch_value(_BEHIND, {"project": project_id, "long": LONG}, into=bool)
    if row is None:
        return Step.NOTHING
    if behind and row.state is not State.APPLYING:
        return Step.WAITING
    try:
        return await _STEPS[row.state](database, project_id, row, now)
    except Unavailable:
        raise
    except KilowiseError as error:
        async with database.project(project_id) as writing:
            await apply.fail(writing, project_id, row, error, now)
        return Step.DONE


async def _measure(database: Database, project_id: int, row: Row, now: datetime) -> Step:
    found = await trial.measure(database, project_id, row, now)
    if found is None:
        return Step.WAITING
    async with database.project(project_id) as tx:
        row = await find_restatement(tx, project_id, row.uid, lock=True)
        if row.state is State.PROPOSED and not row.measured:
            await tx.execute(
                "UPDATE restatement SET difference = %s WHERE project_id = %s AND id = %s",
                (Jsonb([one.told() for one in found]), project_id, row.id),
            )
            await publish(tx, project_id, "restatement", str(row.uid), now)
    return Step.DONE


async def _begin(database: Database, project_id: int, row: Row, now: datetime) -> Step:
    async with database.project(project_id) as tx:
        await apply.begin(tx, project_id, row, now)
    return Step.DONE


async def _seal(database: Database, project_id: int, row: Row, now: datetime) -> Step:
    async with database.project(project_id) as tx:
        return Step.DONE if await apply.seal(tx, project_id, row, now) else Step.WAITING


_STEPS: Final = {State.PROPOSED: _measure, State.APPROVED: _begin, State.APPLYING: _seal}


async def run(platform: Platform) -> None:
    """Look after all projects until cancelled."""
    wake = asyncio.Event()

    async def listen() -> None:
        async with aclosing(notified(platform.database, CHANNEL)) as wakes:
            async for _ in wakes:
                wake.set()

    listener = asyncio.create_task(listen())
    try:
        while True:
            wake.clear()
            waiting = await _round(platform)
            await rung(wake, PACE_S if waiting else LOOK_S)
    finally:
        listener.cancel()


async def _round(platform: Platform) -> bool:
    """Do all that can be done now; answer whether something has to be looked at again soon."""
    waiting = False
    for project_id, slug in await known_projects(platform.database):
        try:
            found = Step.DONE
            while found is Step.DONE:
                found = await step(platform.database, project_id, platform.clock.now())
            waiting = waiting or found is Step.WAITING
        except (psycopg.OperationalError, Unavailable) as error:
            log.warning("The database is away, restatements wait: %s", str(error).strip())
        except Exception:  # one project's fault must not stop the others (supervisor)
            log.exception("Restatements of project %s wait for the next look", slug)
    return waiting
