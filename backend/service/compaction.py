"""What the worker does for old readings: closed days become arrays, late samples join them.

Once an hour all projects in turn; a project's failure does not stop the others. Afterwards months
of `reading` that have become empty are dropped.
"""

import asyncio
import logging
from contextlib import aclosing

import psycopg

from backend.acquisition import cold
from backend.acquisition.store import LATE_CHANNEL
from backend.core.errors import Unavailable
from backend.core.events import notified
from backend.core.partitions import drop_old_partitions
from backend.core.platform import Platform
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)


async def compact_readings(platform: Platform) -> None:
    """Move what is older than the hot window into arrays, then drop months that are empty."""
    now = platform.clock.now()
    for project_id, slug in await known_projects(platform.database):
        try:
            moved = await cold.compact(platform.database, project_id, now)
        except (psycopg.Error, Unavailable, cold.CompactionFault):
            log.exception("readings of project %s were not compacted; nothing is lost", slug)
        else:
            if moved:
                log.info("project %s: %s readings have become arrays", slug, moved)
    owner = platform.database.url("kw_owner")
    try:
        dropped = await asyncio.to_thread(drop_old_partitions, owner, now)
    except psycopg.OperationalError as error:
        log.warning("old months of readings are dropped later: %s", str(error).strip())
    else:
        if dropped:
            log.info("months of readings dropped because they are arrays now: %s", dropped)


async def join_late_readings(platform: Platform) -> None:
    """Put late samples into the arrays of their days whenever ingest has taken some; for ever."""
    async with aclosing(notified(platform.database, LATE_CHANNEL)) as wakes:
        async for payload in wakes:
            projects = await known_projects(platform.database)
            for project_id, slug in projects:
                if payload in ("", str(project_id)):
                    await _join(platform, project_id, slug)


async def _join(platform: Platform, project_id: int, slug: str) -> None:
    try:
        more = True
        while more:
            async with platform.database.project(project_id) as tx:
                more = (await cold.join_late(tx, project_id)).more
    except (psycopg.Error, Unavailable, cold.CompactionFault):
        log.exception("late readings of project %s wait; nothing is lost", slug)
