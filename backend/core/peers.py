"""How many processes count the same limits in memory, so that these hold across all of them.

Each keeps a shared lock in a session of the database for as long as it lives, and counts who holds
it: nothing is written, no request asks anybody, and who dies is gone with its session. A newcomer
says so, and the others count anew at once.
"""

import asyncio
import logging
from contextlib import aclosing
from typing import Final

import psycopg
from psycopg import AsyncConnection

from backend.core.db import Database

log = logging.getLogger(__name__)

LOCK: Final = 0x6B77_0010
"""Class of the advisory lock "one of the processes that count"."""
CHANNEL: Final = "kw_peers"
LOOK_S: Final = 2.0
"""Seconds between two counts: nobody says that it dies."""
RETRY_S: Final = 1.0

_HELD: Final = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2
  AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Peers:
    """The processes that count, this one among them."""

    def __init__(self) -> None:
        """Take it to be alone until they are counted."""
        self.count = 1

    async def follow(self, database: Database) -> None:
        """Be counted and count, until cancelled; while the database is away the last number holds.

        Its own session must last: a pooler that gives sessions to transactions in turn will not do.
        """
        while True:
            try:
                url = database.url("kw_app")
                async with await AsyncConnection.connect(url, autocommit=True) as connection:
                    await self._keep_counting(connection)
            except psycopg.OperationalError as error:
                log.warning("the database is away, processes are not counted: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _keep_counting(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        # Heard before it is held, so that of two newcomers the later one is counted by both.
        await connection.execute(f"LISTEN {CHANNEL}".encode())
        await connection.execute("SELECT pg_advisory_lock_shared(%s, 0)", (LOCK,))
        await connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
        while True:
            row = await (await connection.execute(_HELD, (LOCK,))).fetchone()
            self.count = max(1, int(str(row[0]))) if row else 1
            async with aclosing(connection.notifies(timeout=LOOK_S, stop_after=1)) as news:
                async for _ in news:
                    pass
