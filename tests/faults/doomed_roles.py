"""The roles that apply restatements as one process that kills at chosen points of its work.

    python -m tests.faults.doomed_roles URL NOW FOLDER [VICTIM:NUMBER:MS:WORDS ...]

A strike is due at the NUMBER-th statement of those that have WORDS in them, counted from the strike
before on, and comes MS milliseconds after it was sent: kill -9 of this process (VICTIM `role`) or
of the server process that works on the statement (`server`), from which PostgreSQL recovers.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import AsyncCursor
from psycopg.abc import Params, QueryNoTemplate
from psycopg.rows import TupleRow

from backend.aggregation import worker
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.restatement import work


@dataclass(slots=True)
class Strike:
    """A kill that is due after so many more statements with the words in them."""

    victim: str
    number: int
    milliseconds: int
    words: str = ""

    def __str__(self) -> str:
        """Answer it as an argument of the process."""
        return f"{self.victim}:{self.number}:{self.milliseconds}:{self.words}"

    def counted(self, statement: str) -> bool:
        """Count a statement; answer whether the kill is due."""
        self.number -= self.words in statement
        return self.number == 0

    def hit(self, server_pid: int) -> None:
        """Kill."""
        os.kill(os.getpid() if self.victim == "role" else server_pid, signal.SIGKILL)


def parse(argument: str) -> Strike:
    """Answer the strike that an argument names."""
    victim, number, milliseconds, words = argument.split(":", 3)
    return Strike(victim, int(number), int(milliseconds), words)


def arm(strikes: Sequence[Strike]) -> None:
    """Have every statement of this process counted."""
    execute = AsyncCursor[TupleRow].execute
    waiting = list(strikes)

    async def counting(
        cursor: AsyncCursor[TupleRow],
        query: QueryNoTemplate,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
    ) -> AsyncCursor[TupleRow]:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if waiting and waiting[0].counted(text):
            strike = waiting.pop(0)
            pid = cursor.connection.info.backend_pid
            asyncio.get_running_loop().call_later(strike.milliseconds / 1000, strike.hit, pid)
        return await execute(cursor, query, params, prepare=prepare)

    setattr(AsyncCursor, "execute", counting)  # noqa: B010 - a fault is put in on purpose


async def main(url: str, now: str, folder: str, strikes: Sequence[Strike]) -> None:
    """Work as both roles until killed."""
    arm(strikes)
    clock = ManualClock(datetime.fromisoformat(now))
    async with Database({"kw_app": url}.__getitem__) as database, asyncio.TaskGroup() as tasks:
        platform = Platform(
            Settings(data=Path(folder)), clock, database, "mqtt://nowhere", "http://127.0.0.1"
        )
        tasks.create_task(worker.run(platform))
        tasks.create_task(work.run(platform))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], [parse(one) for one in sys.argv[4:]]))
