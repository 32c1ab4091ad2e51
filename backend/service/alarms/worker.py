"""Role `alarm`: evaluates the definitions of the projects whose lease this process holds.

A committed live batch wakes its project at once; a clock wakes all every EVERY_S, so that a lost
frame delays an alarm and never loses it. Everything evaluated is read from the database. What is
raised is pushed from here too. Nothing else belongs here: an alarm waits for no bulk work.
"""

import asyncio
import logging
import math
import os
import secrets
import socket
import time
from datetime import timedelta

from backend.acquisition.live import batches
from backend.core.platform import Platform
from backend.core.waking import rung
from backend.service.alarms.evaluate import evaluate
from backend.service.alarms.kinds.base import Definition
from backend.service.alarms.kinds.registry import KINDS
from backend.service.notify import delivery
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

EVERY_S = 5.0
LEASE_S = 30.0
SURE_S = 10.0
"""Real seconds after a claim in which the lease is not asked for again: no commit before a look."""
MIN_PAUSE_S = 0.1
"""Real seconds between two evaluations of one project."""


async def run(platform: Platform) -> None:
    """Evaluate and push until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(Evaluator(platform).run())
        tasks.create_task(delivery.run(platform))


class Evaluator:
    """Holds leases and runs one task a project."""

    def __init__(self, platform: Platform) -> None:
        """Take the platform's parts; the owner name is this process."""
        self._platform = platform
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._wake: dict[int, asyncio.Event] = {}
        self._sure_until: dict[int, float] = {}
        self._looked: dict[tuple[int, int], float] = {}

    async def run(self) -> None:
        """Listen to live batches and look for projects to own."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            while True:
                for project_id, _ in await known_projects(self._platform.database):
                    if project_id not in self._wake:
                        self._wake[project_id] = asyncio.Event()
                        tasks.create_task(self._project(project_id))
                await asyncio.sleep(EVERY_S)

    async def _listen(self) -> None:
        async for batch in batches(self._platform):
            event = self._wake.get(batch.project_id)
            if event is not None:
                event.set()

    async def _project(self, project_id: int) -> None:
        """Evaluate one project whenever it is woken, while the lease is held."""
        event = self._wake[project_id]
        while True:
            await rung(event, EVERY_S)
            event.clear()
            try:
                if await self.owns(project_id):
                    await self.evaluate_project(project_id)
            except Exception:
                log.exception("alarms of project %s could not be evaluated", project_id)
            await asyncio.sleep(MIN_PAUSE_S)

    async def owns(self, project_id: int) -> bool:
        """Whether the lease is held; it is renewed every SURE_S, long before it ends."""
        asked = time.monotonic()
        if asked < self._sure_until.get(project_id, -math.inf):
            return True
        held = await self.hold_lease(project_id)
        self._sure_until[project_id] = asked + SURE_S if held else -math.inf
        return held

    async def hold_lease(self, project_id: int) -> bool:
        """Claim or renew; leases run on the real clock of the database server."""
        async with self._platform.database.project(project_id) as tx:
            return (
                await tx.execute(
                    """
                INSERT INTO alarm_lease (project_id, owner, until)
                VALUES (%(project)s, %(owner)s, clock_timestamp() + %(span)s)
                ON CONFLICT (project_id) DO UPDATE
                SET owner = excluded.owner, until = excluded.until
                WHERE alarm_lease.owner = excluded.owner OR alarm_lease.until < clock_timestamp()
                """,
                    {
                        "project": project_id,
                        "owner": self._owner,
                        "span": timedelta(seconds=LEASE_S),
                    },
                )
                > 0
            )

    async def evaluate_project(self, project_id: int) -> int:
        """Evaluate every definition whose kind's pace has passed; how many changed."""
        now = self._platform.clock.now()
        async with self._platform.database.read(project_id) as tx:
            rows = await tx.fetch_all(
                """
                SELECT id, kind, node_id, meter_id, priority, params, mode FROM alarm_definition
                WHERE project_id = %s AND mode <> 'off' ORDER BY id
                """,
                (project_id,),
            )
        changed = 0
        for row in rows:
            mode = row.pop("mode")
            definition = Definition(**row)
            if self._is_due(project_id, definition):
                changed += await evaluate(
                    self._platform.database, project_id, definition, mode, now
                )
        return changed

    def _is_due(self, project_id: int, definition: Definition) -> bool:
        """Whether the kind's pace has passed since this process last looked."""
        kind, key = KINDS.get(definition.kind), (project_id, definition.id)
        at = self._platform.clock.monotonic()
        if kind is not None and at - self._looked.get(key, -math.inf) < kind.pace_s:
            return False
        self._looked[key] = at
        return True
