"""Sends what people ask of gateways; looks whenever somebody wrote something, and every 2 s.

Whoever writes a row for a gateway notifies `kw_command`.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing

import psycopg

from backend.acquisition import counters
from backend.acquisition.connection import Connection
from backend.acquisition.host import EdgeNode
from backend.acquisition.host_state import Announced
from backend.acquisition.outgoing import Outgoing, Source
from backend.core.errors import Unavailable
from backend.core.events import notified
from backend.core.platform import Platform
from backend.core.waking import rung

log = logging.getLogger(__name__)

CHANNEL = "kw_command"
LOOK_S = 2.0


class Sender:
    """Sends to the gateways that this worker holds, until cancelled."""

    def __init__(
        self,
        platform: Platform,
        connection: Connection,
        nodes: Mapping[tuple[str, str], EdgeNode],
        announced: Announced,
        sources: Sequence[Source],
    ) -> None:
        """`nodes` is the worker's own mapping, which changes with its claims; no command goes out
        before the host was `announced`.
        """
        self._platform = platform
        self._connection = connection
        self._nodes = nodes
        self._announced = announced
        self._sources = sources
        self._told = asyncio.Event()

    async def run(self) -> None:
        """Look again and again; the database may be away."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            while True:
                await rung(self._told, LOOK_S)
                self._told.clear()
                await self._announced.wait()
                try:
                    await self._look()
                except (psycopg.OperationalError, Unavailable) as error:
                    log.warning("What is for gateways waits for the database: %s", error)

    async def _listen(self) -> None:
        database = self._platform.database
        async with aclosing(notified(database, CHANNEL, "kw_ingest")) as wakes:
            async for _ in wakes:
                self._told.set()

    async def _look(self) -> None:
        now = self._platform.clock.now()
        held = {(node.project_id, node.gateway_id): node for node in self._nodes.values()}
        for source in self._sources:
            async with self._platform.database.ingest() as tx:
                found = await source(tx, held, now)
            for one in found:
                await self._send(one)

    async def _send(self, one: Outgoing) -> None:
        # Sparkplug 3.0, 6.4.20: commands travel with quality 0; what is not answered comes again.
        if not self._connection.publish(one.topic, one.payload):
            return
        counters.commands_sent.inc()
        async with self._platform.database.ingest() as tx:
            await one.sent(tx, self._platform.clock.now())
