"""The demonstration's past: once live values flow, the last 13 months come by the ordinary import.

A process of its own that ends when it is done; at the next start it finds its job and does nothing.
The newest days come first, by quarter hours, in parts that are imported while older ones are being
written; all are one job, whose progress people see on the page.
"""

import asyncio
import logging
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

from backend.acquisition.bulk_import import end_job, new_job, run_part
from backend.core.errors import OperatingError
from backend.core.platform import Platform

log = logging.getLogger(__name__)

SLUG = "demo"
FILE = "demo-history.ndjson"
"""The import's source; people see it on the page."""
PART_DAYS = 36
"""Days of one file: the newest month is there while older ones are being written."""
LOOK_S = 0.3
FRESH = timedelta(minutes=1)


async def run(platform: Platform) -> None:
    """Write the plant's history and import it, unless that was done; returns when it is."""
    project_id, begin = await _wait_for_live_values(platform)
    if await _imported(platform, project_id):
        return
    database, clock = platform.database, platform.clock
    job = await new_job(database, project_id, FILE, clock.now())
    with tempfile.TemporaryDirectory() as folder:
        path, days = Path(folder) / FILE, platform.settings.history_days
        parts = -(-days // PART_DAYS)
        writer = asyncio.create_task(_write(platform, path, begin, days))
        async for number, part in _whole_parts(path, parts, writer):
            await run_part(database, clock, job, part, parts + 1 - number)
            part.unlink()
        await writer
    await end_job(database, clock, job)
    log.info("history of %s days: %s readings, %s", days, job.rows_done, job.state)


async def _whole_parts(
    path: Path, parts: int, writer: asyncio.Task[None]
) -> AsyncIterator[tuple[int, Path]]:
    """Answer the parts one by one as soon as each is whole; fewer where the writer fails."""
    for number in range(1, parts + 1):
        part = path.with_name(f"{path.name}.{number}")
        while not part.exists():
            if writer.done() and not part.exists():
                return
            await asyncio.sleep(LOOK_S)
        yield number, part


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


async def _write(platform: Platform, path: Path, end: datetime, days: int) -> None:
    """The past ends where live values begin, so that a gap in these is never filled by it."""
    argv = [sys.executable, "-m", "gateway", "simulate", "--data", str(platform.settings.data)]
    argv += ["--to", end.isoformat()]
    writer = await asyncio.create_subprocess_exec(
        *argv,
        *("--history", str(path), "--days", str(days), "--part-days", str(PART_DAYS)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await writer.wait() != 0:
        raise OperatingError(
            "The plant's history could not be written; the lines above say why. The live values go "
            "on without it; start again to try once more."
        )
