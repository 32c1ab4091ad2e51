"""Configuration documents on their way to gateways: the newest of each, until it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from backend.acquisition.outgoing import AGAIN, Held, Outgoing, held_columns
from backend.acquisition.window import milliseconds
from backend.core.db import IngestSession
from gateway.contract import topics
from gateway.contract.configuration import ConfigDocument, encode_document
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode

_WANTED = """
SELECT c.project_id, c.gateway_id, c.version, c.hash, c.content
FROM gateway_config c
JOIN unnest(%(projects)s::int[], %(gateways)s::bigint[]) AS held (project_id, gateway_id)
  ON held.project_id = c.project_id AND held.gateway_id = c.gateway_id
WHERE c.state IN ('waiting', 'sent') AND (c.sent_at IS NULL OR c.sent_at < %(again)s)
ORDER BY c.project_id, c.gateway_id
"""
_SENT = """
UPDATE gateway_config SET sent_at = %(now)s, state = 'sent'
WHERE project_id = %(project)s AND gateway_id = %(gateway)s AND version = %(version)s
  AND state IN ('waiting', 'sent')
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document that waits for its gateway."""

    project_id: int
    gateway_id: int
    version: int
    hash: str
    content: str


async def wanted_configs(tx: IngestSession, held: Held, now: datetime) -> Sequence[Outgoing]:
    """Answer the documents to be sent now; third-party nodes get none."""
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
    keys = {"project": wanted.project_id, "gateway": wanted.gateway_id}
    await tx.execute(_SENT, {**keys, "version": wanted.version, "now": now})


def _payload(wanted: Wanted, now: datetime) -> bytes:
    text = encode_document(ConfigDocument(wanted.version, wanted.hash, wanted.content))
    at_ms = milliseconds(now)
    metric = Metric(topics.EXT_CONFIG, datatype=Datatype.STRING, value=text, timestamp=at_ms)
    return encode(Payload(at_ms, (metric,)))
