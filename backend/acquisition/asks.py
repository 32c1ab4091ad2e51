"""Grants and questions of support on their way to gateways: sent until they are answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec

from backend.acquisition.outgoing import AGAIN, Held, Outgoing, held_columns
from backend.acquisition.window import milliseconds
from backend.core.db import IngestSession
from backend.core.events import publish
from backend.core.ids import encode_id
from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode
from gateway.contract.support import Ask, Grant, encode_text

GRANT = "grant"
_WANTED = """
SELECT c.project_id, c.gateway_id, c.id, c.uid, c.kind, c.params, c.not_after, c.actor
FROM command c
JOIN unnest(%(projects)s::int[], %(gateways)s::bigint[]) AS held (project_id, gateway_id)
  ON held.project_id = c.project_id AND held.gateway_id = c.gateway_id
WHERE c.kind <> 'write' AND c.state IN ('waiting', 'sent') AND c.finished_at IS NULL
  AND (c.sent_at IS NULL OR c.sent_at < %(again)s)
ORDER BY c.project_id, c.id
"""
_SENT = """
UPDATE command SET sent_at = %(now)s, state = 'sent'
WHERE project_id = %(project)s AND id = %(id)s AND finished_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A grant or question that waits to be sent; `params` are the fields of its kind."""

    project_id: int
    gateway_id: int
    id: int
    uid: UUID
    kind: str
    params: dict[str, object]
    not_after: datetime
    actor: str


async def wanted_asks(tx: IngestSession, held: Held, now: datetime) -> Sequence[Outgoing]:
    """Answer what is to be sent now, grants before what they open; third parties get nothing."""
    ours = {key: node for key, node in held.items() if node.online and node.has_journal}
    rows = await tx.fetch_all(_WANTED, {**held_columns(ours), "again": now - AGAIN}, into=Wanted)
    return [
        Outgoing(
            ours[row.project_id, row.gateway_id].command_topic,
            _payload(row, now),
            partial(_sent, row),
        )
        for row in rows
    ]


async def _sent(wanted: Wanted, tx: IngestSession, now: datetime) -> None:
    keys = {"project": wanted.project_id, "id": wanted.id}
    await tx.execute(_SENT, {**keys, "now": now})
    await publish(tx, wanted.project_id, "command", str(wanted.uid), now)


def _payload(wanted: Wanted, now: datetime) -> bytes:
    id, at_ms = encode_id("cmd", wanted.uid), milliseconds(now)
    until_ms = milliseconds(wanted.not_after)
    if wanted.kind == GRANT:
        name, text = topics.EXT_GRANT, encode_text(Grant(id, until_ms, wanted.actor))
    else:
        fields = {**wanted.params, "id": id, "kind": wanted.kind, "actor": wanted.actor}
        ask = msgspec.convert({**fields, "not_after_ms": until_ms}, Ask)
        name, text = topics.EXT_ASK, encode_text(ask)
    metric = Metric(name, datatype=Datatype.STRING, value=text, timestamp=at_ms)
    return encode(Payload(at_ms, (metric,)))
