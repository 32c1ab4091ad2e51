"""Commands on their way to gateways: sent until they are answered, each as long as it makes sense.

A gateway of ours answers every command for sure, late ones as expired, so a command is sent again
until an answer is there; the gateway carries it out once. A third-party node gets a plain DCMD
once and answers nothing. Whoever writes a row of `command` notifies `kw_command`.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from backend.acquisition import counters
from backend.acquisition.connection import Connection
from backend.acquisition.host import NODE_DEVICE, EdgeNode
from backend.acquisition.window import milliseconds
from backend.core.errors import Unavailable
from backend.core.events import notified, publish
from backend.core.ids import encode_id
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.commands import Command, encode_command
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode

log = logging.getLogger(__name__)

CHANNEL = "kw_command"
LOOK_S = 2.0
AGAIN = timedelta(seconds=10)
"""How long an answer is waited for before a command is sent again."""
GIVE_UP = timedelta(days=1)
"""After its time, a command that nobody answered is given up."""

_WANTED = """
SELECT c.project_id, c.gateway_id, c.id, c.uid, d.slug AS device, c.point, c.value, c.expected,
       c.not_after, c.actor
FROM command c
JOIN unnest(%(projects)s::int[], %(gateways)s::bigint[]) AS held (project_id, gateway_id)
  ON held.project_id = c.project_id AND held.gateway_id = c.gateway_id
JOIN device d ON d.project_id = c.project_id AND d.id = c.device_id
WHERE c.kind = 'write' AND c.state IN ('waiting', 'sent') AND c.finished_at IS NULL
  AND (c.sent_at IS NULL OR c.sent_at < %(again)s)
ORDER BY c.project_id, c.id
"""
_SENT = """
UPDATE command
SET sent_at = %(now)s, state = CASE WHEN state = 'waiting' THEN 'sent' ELSE state END,
    finished_at = CASE WHEN %(answers)s THEN NULL ELSE %(now)s END,
    code = CASE WHEN %(answers)s THEN NULL ELSE 'no_answer' END
WHERE project_id = %(project)s AND id = %(id)s AND finished_at IS NULL
"""
_GIVEN_UP = """
UPDATE command SET state = 'expired', code = 'no_answer', finished_at = %(now)s
FROM unnest(%(projects)s::int[], %(gateways)s::bigint[]) AS held (project_id, gateway_id)
WHERE command.project_id = held.project_id AND command.gateway_id = held.gateway_id
  AND command.finished_at IS NULL AND command.not_after < %(late)s
RETURNING command.project_id, command.uid
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command that waits to be sent."""

    project_id: int
    gateway_id: int
    id: int
    uid: UUID
    device: str
    point: str
    value: float
    expected: float | None
    not_after: datetime
    actor: str


class CommandSender:
    """Sends the commands of the gateways that this worker holds, until cancelled."""

    def __init__(
        self,
        platform: Platform,
        connection: Connection,
        nodes: Mapping[tuple[str, str], EdgeNode],
    ) -> None:
        """`nodes` is the worker's own mapping, which changes with its claims."""
        self._platform = platform
        self._connection = connection
        self._nodes = nodes
        self._told = asyncio.Event()

    async def run(self) -> None:
        """Look whenever a command was written, and every `LOOK_S`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._told.wait(), LOOK_S)
                self._told.clear()
                try:
                    await self._look()
                except (psycopg.OperationalError, Unavailable) as error:
                    log.warning("Commands wait for the database: %s", error)

    async def _listen(self) -> None:
        database = self._platform.database
        async with aclosing(notified(database, CHANNEL, "kw_ingest")) as wakes:
            async for _ in wakes:
                self._told.set()

    async def _look(self) -> None:
        now = self._platform.clock.now()
        held = {(node.project_id, node.gateway_id): node for node in self._nodes.values()}
        online = [key for key, node in held.items() if node.online]
        async with self._platform.database.ingest() as tx:
            given_up = await tx.fetch_tuples(
                _GIVEN_UP, {**_columns(list(held)), "now": now, "late": now - GIVE_UP}
            )
            for project_id, uid in given_up:
                await publish(tx, project_id, "command", str(uid), now)
            wanted = await tx.fetch_all(
                _WANTED, {**_columns(online), "again": now - AGAIN}, into=Wanted
            )
        for one in wanted:
            await self._send(held[one.project_id, one.gateway_id], one, now)

    async def _send(self, node: EdgeNode, wanted: Wanted, now: datetime) -> None:
        topic, payload = message(node, wanted, milliseconds(now))
        if not self._connection.publish(topic, payload, qos=1):
            return
        counters.commands_sent.inc()
        async with self._platform.database.ingest() as tx:
            keys = {"project": wanted.project_id, "id": wanted.id}
            await tx.execute(_SENT, {**keys, "now": now, "answers": node.has_journal})
            await publish(tx, wanted.project_id, "command", str(wanted.uid), now)


def message(node: EdgeNode, wanted: Wanted, now_ms: int) -> tuple[str, bytes]:
    """Answer topic and payload: our own command, or a plain DCMD for nodes that know none."""
    if node.has_journal:
        command = Command(
            encode_id("cmd", wanted.uid),
            wanted.device,
            wanted.point,
            wanted.value,
            milliseconds(wanted.not_after),
            wanted.actor,
            wanted.expected,
        )
        text = encode_command(command)
        metric = Metric(topics.EXT_COMMAND, datatype=Datatype.STRING, value=text, timestamp=now_ms)
        return node.command_topic, encode(Payload(now_ms, (metric,)))
    metric = Metric(wanted.point, datatype=Datatype.DOUBLE, value=wanted.value, timestamp=now_ms)
    topic = topics.NodeTopic(node.project, topics.DCMD, node.slug, wanted.device)
    own = wanted.device == NODE_DEVICE
    return node.command_topic if own else str(topic), encode(Payload(now_ms, (metric,)))


def _columns(keys: list[tuple[int, int]]) -> dict[str, list[int]]:
    return {
        "projects": [project for project, _ in keys],
        "gateways": [gateway for _, gateway in keys],
    }
