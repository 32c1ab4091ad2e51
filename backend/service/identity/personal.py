"""Deeds of a person about themselves, written down in every project they belong to.

What they sign in with is their own, but whoever answers for a project must see that it changed.
"""

from collections.abc import Mapping
from datetime import datetime

from backend.core import audit
from backend.core.db import Database
from backend.service.people.asker import Asker
from backend.service.people.openings import projects_of


async def note(
    database: Database,
    who: Asker,
    action: str,
    now: datetime,
    about: Mapping[str, object] | None = None,
) -> None:
    """Write a deed of somebody about themselves down, in each of their projects."""
    async with database.platform_read() as tx:
        projects = await projects_of(tx, who.person_id)
    deed = audit.Deed(who.actor, action, who.actor, "done", who.person_id, None, about)
    for project in projects:
        async with database.project(project) as tx:
            await audit.record(tx, project, deed, now)
