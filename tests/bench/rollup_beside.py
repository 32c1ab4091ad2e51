"""A rollup that works all the time, beside what a figure measures: a process of its own.

`python -m tests.bench.rollup_beside URL` accounts seven days of 50 meters again and again as
kw_app until it is stopped; it says `begun` once the first transaction is through.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from backend.aggregation.accounts import account
from backend.core.db import Database
from tests.bench.projects import DIRTY
from tests.bench.rollup import DAYS, METERS, NOW, SPAN, START, fill
from tests.bench.server import BenchServer

SLUG = "beside"


@asynccontextmanager
async def rollup_beside(server: BenchServer) -> AsyncIterator[None]:
    """Have a rollup run beside on this server, on a project of its own, until the block ends."""
    async with server.database() as database:
        project = await fill(database, SLUG, timedelta(minutes=15))
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.bench.rollup_beside", server.url("kw_app"), str(project)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"begun\n"
        yield
    finally:
        child.kill()
        await child.wait()


async def work(url: str, project: int) -> None:
    """Account for ever."""
    begun = False
    async with Database(lambda _role: url) as database:
        while True:
            async with database.project(project) as tx:
                if not (await account(tx, project, NOW, SPAN)).rows:
                    await tx.execute(DIRTY.encode(), span_of(project))
            if not begun:
                print("begun", flush=True)
                begun = True


def span_of(project: int) -> dict[str, object]:
    """What of the project becomes dirty again: all of it."""
    return {"p": project, "n": METERS, "start": START, "end": START + timedelta(days=DAYS)}


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2])))
