"""News between processes: numbered events per project, told by NOTIFY with ids only.

The number comes from a counter row of the project, updated in the event's own transaction: the row
stays locked until the commit, so numbers become visible in their order and a reader that asks for
"all after n" never misses one that commits later (a sequence would lose it). NOTIFY only wakes;
what happened is read from the table, so a lost connection delays news and loses none.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import AsyncConnection, sql

from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import Unavailable

log = logging.getLogger(__name__)

CHANNEL = "kw_event"

LOOK_S = 30.0
"""Seconds after which a listener looks even though nothing was told."""

RETRY_S = 0.5
"""Seconds between attempts to reach the database again."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in a project: its number there, kind, what it is about, and when."""

    project_id: int
    number: int
    kind: str
    ref: str
    at: datetime


async def publish(tx: WriteSession, project_id: int, kind: str, ref: str, now: datetime) -> int:
    """Record an event in the writer's own transaction and answer its number in the project.

    Listeners hear of it after the commit. Call it late: other writers of events of this project
    wait until this transaction ends.
    """
    number = await tx.fetch_value(
        "INSERT INTO event_counter AS counter (project_id, number) VALUES (%s, 1)"
        " ON CONFLICT (project_id) DO UPDATE SET number = counter.number + 1 RETURNING number",
        (project_id,),
        into=int,
    )
    assert number is not None  # noqa: S101 - RETURNING of an upsert always answers
    await tx.execute(
        "INSERT INTO event (project_id, number, kind, ref, at) VALUES (%s, %s, %s, %s, %s)",
        (project_id, number, kind, ref, now),
    )
    await tx.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(project_id)))
    return number


async def listen(
    database: Database,
    since: Mapping[int, int] | None = None,
    ready: asyncio.Event | None = None,
) -> AsyncGenerator[Event, None]:
    """Yield the events of all projects in order, each once, over lost connections too.

    `since` is project -> number of the last event known; without it only what is published from
    now on. `ready` is set once nothing can be missed any more.
    """
    seen = dict(since) if since is not None else await _positions(database)
    async with aclosing(notified(database, CHANNEL)) as wakes:
        async for payload in wakes:
            projects = [int(payload)] if payload else list(await _positions(database))
            for project_id in projects:
                for event in await _after(database, project_id, seen.get(project_id, 0)):
                    seen[project_id] = event.number
                    yield event
            if ready is not None:
                ready.set()


async def notified(
    database: Database, channel: str, role: str = "kw_app"
) -> AsyncGenerator[str, None]:
    """Yield the payload of every NOTIFY on `channel`, reconnecting for ever.

    Yields an empty text after each connect and every 30 s: look yourself, something may have been
    missed.
    """
    while True:
        try:
            url = database.url(role)
            async with await AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                yield ""
                while True:
                    async with aclosing(connection.notifies(timeout=LOOK_S)) as notifies:
                        async for notify in notifies:
                            yield notify.payload
                    # A link that died silently shows here.
                    await connection.execute("SELECT 1")
                    yield ""
        except psycopg.OperationalError as error:
            log.warning("the database is away, trying again: %s", str(error).strip())
            await asyncio.sleep(RETRY_S)


async def after(
    read: ReadSession, project_id: int, number: int, first: int | None = None
) -> list[Event]:
    """Answer the project's events after `number` in their order, all or the `first` of them."""
    return await read.fetch_all(
        "SELECT project_id, number, kind, ref, at FROM event"
        " WHERE project_id = %s AND number > %s ORDER BY number LIMIT %s",
        (project_id, number, first),
        into=Event,
    )


async def _positions(database: Database) -> dict[int, int]:
    """Answer project -> number of its newest event, waiting while the database is away."""
    while True:
        try:
            async with database.platform_read() as read:
                projects = [
                    int(row[0]) for row in await read.fetch_tuples("SELECT id FROM project")
                ]
            return {project_id: await _newest(database, project_id) for project_id in projects}
        except (psycopg.OperationalError, Unavailable):
            await asyncio.sleep(RETRY_S)


async def _newest(database: Database, project_id: int) -> int:
    async with database.read(project_id) as read:
        number = await read.fetch_value(
            "SELECT number FROM event_counter WHERE project_id = %s", (project_id,), into=int
        )
    return number or 0


async def _after(database: Database, project_id: int, number: int) -> list[Event]:
    """Answer the project's events after `number`, waiting while the database is away."""
    while True:
        try:
            async with database.read(project_id) as read:
                return await after(read, project_id, number)
        except (psycopg.OperationalError, Unavailable):
            await asyncio.sleep(RETRY_S)
