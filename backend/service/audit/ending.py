"""What is left of the audit when a project ends: nothing older than the law asks for.

Months in files are older than that and go. What stands in the table becomes a file of the folder
`ended`, kept until its newest entry is old enough, because the law has logs kept for six months
whatever becomes of the project; its name begins with the day on which it goes.
"""

import asyncio
import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from backend.core import audit
from backend.core.platform import Platform
from backend.core.settings import LAWFUL_MONTHS
from backend.service.audit.month_file import file_of
from backend.service.audit.moving import Due, outset, project_identity, write

log = logging.getLogger(__name__)

ENDED: Final = "ended"


async def end_audit(platform: Platform, project_id: int) -> None:
    """Do it, before the project's rows go; again: the same once more."""
    folder = platform.settings.audit_folder
    async with platform.database.read(project_id) as tx:
        project = await project_identity(tx, project_id)
        oldest = await audit.entries_after(tx, project_id, 0, 1)
        newest = await audit.newest(tx, project_id, audit.Chosen(), 1)
        if oldest and newest:
            moved = await audit.moved_months(tx, project_id)
            before = moved[-1].head_hash if moved else b""
            rest = Due(project, ENDED, oldest[0].number, newest[0].number, before, newest[0].hash)
            until = outset(newest[0].at, -LAWFUL_MONTHS - 1)
            await write(tx, project_id, rest, file_of(folder, ENDED, f"{until:%Y-%m-%d}.{project}"))
    if (folder / project).exists():
        await asyncio.to_thread(shutil.rmtree, folder / project)


def forget_ended(folder: Path, now: datetime) -> None:
    """Delete what was kept of ended projects for long enough; `folder` is that of all files."""
    today = f"{now.astimezone(UTC):%Y-%m-%d}"
    for file in (folder / ENDED).glob("*.ndjson.gz"):
        if file.name.partition(".")[0] <= today:
            file.unlink()
            log.info("the audit of an ended project went: %s", file.name)
