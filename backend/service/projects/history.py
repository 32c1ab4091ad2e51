"""The demonstration's past: once live values flow, the last 35 days come by the ordinary import.

A process of its own that ends when it is done; at the next start it finds its job and does nothing.
"""

import asyncio
import logging
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from backend.acquisition.bulk_import import import_path
from backend.core.errors import OperatingError
from backend.core.platform import Platform

log = logging.getLogger(__name__)

SLUG = "demo"
FILE = "demo-history.ndjson"
"""The import's source; people see it on the page."""
DAYS = 35
LOOK_S = 0.3
FRESH = timedelta(minutes=1)


async def run(platform: Platform) -> None:
    """Write the plant's history and import it, unless that was done; returns when it is."""
    project_id, begin = await _wait_for_live_values(platform)
    if await _imported(platform, project_id):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        await _write(platform, path, begin)
        job = await import_path(platform, path, SLUG)
    log.info("history of %s days: %s readings, %s", DAYS, job.rows_done, job.state)


async def _wait_for_live_values(platform: Platform) -> tuple[int, datetime]:
    """The demo project's number and where live values begin, once one is stored since we wait."""
    since = platform.clock.now() - FRESH
    while True:
        async with platform.database.platform_read() as tx:
            project_id = await tx.fetch_value(
                "SELECT id FROM project WHERE slug = %s", (SLUG,), into=int
            )
        if project_id is not None:
            async with platform.database.read(project_id) as tx:
                begin = await tx.fetch_value(
                    "SELECT min(ts) FROM last_value WHERE project_id = %s AND ts > %s",
                    (project_id, since),
                    into=datetime,
                )
            if begin is not None:
                return project_id, begin
        await asyncio.sleep(LOOK_S)


async def _imported(platform: Platform, project_id: int) -> bool:
    async with platform.database.read(project_id) as tx:
        row = await tx.fetch_one(
            "SELECT 1 AS found FROM import_job"
            " WHERE project_id = %s AND source = %s AND state = 'done'",
            (project_id, FILE),
        )
    return row is not None


async def _write(platform: Platform, path: Path, end: datetime) -> None:
    """The past ends where live values begin, so that a gap in these is never filled by it."""
    argv = [sys.executable, "-m", "gateway", "simulate", "--data", str(platform.settings.data)]
    argv += ["--to", end.isoformat()]
    writer = await asyncio.create_subprocess_exec(
        *argv, "--history", str(path), "--days", str(DAYS), stdout=asyncio.subprocess.DEVNULL
    )
    if await writer.wait() != 0:
        raise OperatingError(
            "The plant's history could not be written; the lines above say why. The live values go "
            "on without it; start again to try once more."
        )
