"""What is kept of projects hourly: about how much they store, and that what is over ends.

Over are answers to repeats after a day, deleted projects after their grace, what had to be kept of
their audit, and requests for accounts that nobody decided on.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

import psycopg

from backend.core.db import Database
from backend.core.erase import erase_project
from backend.core.errors import Unavailable
from backend.core.platform import Platform
from backend.service.audit.ending import end_audit, forget_ended
from backend.service.integration import answered
from backend.service.people.sign_up import purge
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

HOT_BYTES: Final = 105
"""What a sample takes in the table of the last 35 days, its index with it (docs/figures.md)."""
COLD_BYTES: Final = 6
"""What a sample takes in the arrays of closed days at most."""
HOT: Final = timedelta(days=35)

_MEASURE = """
SELECT %(hot)s * coalesce((SELECT sum(u.points) FROM project_use u
                           WHERE u.project_id = %(project)s AND u.day >= %(since)s), 0)::bigint
     + %(cold)s * coalesce((SELECT sum(d.count) FROM reading_day d
                            WHERE d.project_id = %(project)s), 0)::bigint
"""


async def keep_projects(platform: Platform) -> None:
    """Do it for every project in turn; one that fails does not stop the others."""
    now = platform.clock.now()
    for project_id, slug in await known_projects(platform.database):
        try:
            await measure(platform.database, project_id, now)
            async with platform.database.project(project_id) as tx:
                await answered.forget(tx, project_id, now)
        except (psycopg.Error, Unavailable):
            log.exception("project %s was not kept; it is tried again", slug)
    await erase_due(platform, now)
    await asyncio.to_thread(forget_ended, platform.settings.audit_folder, now)
    async with platform.database.platform() as tx:
        await purge(tx, now)


async def erase_due(platform: Platform, now: datetime) -> None:
    """End the projects whose time to be restored is over; what fails goes on the next time."""
    async with platform.database.platform_read() as tx:
        due = await tx.fetch_tuples("SELECT id, slug FROM project WHERE delete_at <= %s", (now,))
    for project_id, slug in due:
        try:
            await end_audit(platform, int(project_id))
            owner = platform.database.url("kw_owner")
            rows = await asyncio.to_thread(erase_project, owner, int(project_id))
        except (psycopg.Error, Unavailable, OSError):
            log.exception("the deleted project %s did not end; it is tried again", slug)
        else:
            log.info("the deleted project %s has ended with its %s rows", slug, rows)


async def measure(database: Database, project_id: int, now: datetime) -> int:
    """Keep about how many bytes a project's readings take; answers them."""
    asked = {
        "project": project_id,
        "hot": HOT_BYTES,
        "cold": COLD_BYTES,
        "since": (now - HOT).date(),
    }
    async with database.project(project_id) as tx:
        found = await tx.fetch_value(_MEASURE, asked, into=int) or 0
        await tx.execute(
            "UPDATE project SET stored_bytes = %s WHERE id = %s AND stored_bytes <> %s",
            (found, project_id, found),
        )
    return found
