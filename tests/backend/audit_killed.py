"""Moves a month of a project's audit in processes that die by SIGKILL, each as it reaches a step.

python -m tests.backend.audit_killed <project> <data folder> <addresses by role, JSON>

After each it prints the step, how the process ended, how many entries the table has, and what the
command that verifies says.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch

from psycopg.abc import QueryNoTemplate as Query
from psycopg.rows import TupleRow

from backend.core import audit
from backend.core.clock import ManualClock
from backend.core.db import Database, Params, WriteSession
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.audit.moving import move_month
from backend.service.audit.verify import verify
from tests.postgres import NOW


def die(*_: object, **__: object) -> NoReturn:
    """End as by a power cut."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


FILE = "backend.service.audit.month_file"
WHERE = {
    "written": f"{FILE}.settle",
    "synced": "pathlib.Path.replace",
    "renamed": f"{FILE}.look_through",
    "read_back": "backend.core.db.WriteSession.fetch_tuples",
    "deleted": "backend.core.audit.record",
    "commit": "backend.core.db._run_after",
}
"""What begins once a step is over."""


def arm(step: str) -> None:
    """Put the end behind a step."""
    kept = WriteSession.fetch_tuples

    async def fetch(self: WriteSession, sql: Query, params: Params = None) -> list[TupleRow]:
        return die() if "audit_move_out" in str(sql) else await kept(self, sql, params)

    patch(WHERE[step], fetch if step == "read_back" else die).start()


async def attempt(step: str, database: Database, folder: Path, project: int) -> None:
    """Move a month, up to the step."""
    arm(step)
    async with database:
        await move_month(platform_of(database, folder), project)


async def look(database: Database, folder: Path, project: int) -> str:
    """How many entries the table has, and whether all are whole."""
    async with database, database.read(project) as tx:
        count = len(await audit.entries_after(tx, project, 0, 1000))
        return f"{count} {await verify(platform_of(database, folder), None)}"


def platform_of(database: Database, folder: Path) -> Platform:
    """A platform whose clock stands."""
    return Platform(Settings(data=folder), ManualClock(NOW), database, "", "")


def main(project: int, folder: Path, urls: dict[str, str]) -> None:
    """Die at every step in turn."""
    for step in WHERE:
        child = os.fork()
        if not child:
            asyncio.run(attempt(step, Database(urls.__getitem__), folder, project))
            os._exit(0)
        _, ended = os.waitpid(child, 0)
        seen = asyncio.run(look(Database(urls.__getitem__), folder, project))
        print(step, os.WTERMSIG(ended), seen.partition(",")[0], flush=True)


if __name__ == "__main__":
    _, project, folder, urls = sys.argv
    main(int(project), Path(folder), json.loads(urls))
