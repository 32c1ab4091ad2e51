"""Commands on their way to gateways: sent until they are answered, each as long as it makes sense.

A gateway of ours answers every command for sure, late ones as expired, so a command is sent again
until an answer is there; the gateway carries it out once. A third-party node gets a plain DCMD
once and answers nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from backend.acquisition.born import NODE_DEVICE
from backend.acquisition.host import EdgeNode
from backend.acquisition.outgoing import AGAIN, Held, Outgoing, held_columns
from backend.acquisition.window import milliseconds
from backend.core.db import IngestSession
from backend.core.events import publish
from backend.core.ids import encode_id
from gateway.contract import topics
from gateway.contract.commands import Command, encode_command
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode

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


async def wanted_commands(tx: IngestSession, held: Held, now: datetime) -> Sequence[Outgoing]:
    """Answer the commands to be sent now; those that nobody answered for long are given up."""
    given_up = await tx.fetch_tuples(
        _GIVEN_UP, {**held_columns(held), "now": now, "late": now - GIVE_UP}
    )
    for project_id, uid in given_up:
        await publish(tx, project_id, "command", str(uid), now)
    online = {key: node for key, node in held.items() if node.online}
    rows = await tx.fetch_all(_WANTED, {**held_columns(online), "again": now - AGAIN}, into=Wanted)
    found = []
    for row in rows:
        node = online[row.project_id, row.gateway_id]
        topic, payload = message(node, row, milliseconds(now))
        found.append(Outgoing(topic, payload, partial(_sent, row, answers=node.has_journal)))
    return found


async def _sent(wanted: Wanted, tx: IngestSession, now: datetime, *, answers: bool) -> None:
    keys = {"project": wanted.project_id, "id": wanted.id}
    await tx.execute(_SENT, {**keys, "now": now, "answers": answers})
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
