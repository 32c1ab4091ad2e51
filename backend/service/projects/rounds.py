"""Rounds over all projects: whenever news wakes us, and every few seconds, what is due is done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from backend.core.db import Database
from backend.core.events import notified
from backend.core.waking import rung
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""What waits for a retry is looked for this often; news wakes us."""

Turn = Callable[[int, str], Awaitable[int]]
"""One turn in a project by number and slug: how much it found to do; 0 ends its round."""


async def go_round(database: Database, channel: str, what: str, turn: Turn) -> None:
    """Take turns in every project until cancelled, woken by NOTIFY on a channel.

    Each project has one turn after the other's, however much it has to do. Where a turn fails, that
    the project's `what` were not delivered is logged; the others go on.
    """
    wake = asyncio.Event()

    async def listen() -> None:
        async for _ in notified(database, channel):
            wake.set()

    async def found(project_id: int, slug: str) -> bool:
        try:
            return bool(await turn(project_id, slug))
        except Exception:
            log.exception("%s of project %s were not delivered", what, slug)
            return False

    listener = asyncio.create_task(listen())
    try:
        while True:
            await rung(wake, LOOK_S)
            wake.clear()
            while any([await found(*project) for project in await known_projects(database)]):
                pass
    finally:
        listener.cancel()
