"""Configuration documents on their way to gateways: the newest of each, until it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.acquisition.outgoing import Held, Outgoing, outgoing
from backend.core.db import IngestSession
from gateway.contract import topics
from gateway.contract.configuration import ConfigDocument, encode_document

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

    def metric(self) -> tuple[str, str]:
        """Answer the document as the gateway takes it."""
        document = ConfigDocument(self.version, self.hash, self.content)
        return topics.EXT_CONFIG, encode_document(document)

    async def sent(self, tx: IngestSession, now: datetime) -> None:
        """Write down that it is on its way."""
        keys = {"project": self.project_id, "gateway": self.gateway_id}
        await tx.execute(_SENT, {**keys, "version": self.version, "now": now})


async def wanted_configs(tx: IngestSession, held: Held, now: datetime) -> Sequence[Outgoing]:
    """Answer the documents to be sent now; third-party nodes get none."""
    return await outgoing(tx, held, now, _WANTED, Wanted)
