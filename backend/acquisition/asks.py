"""Grants and questions of support and updates on their way to gateways: sent until answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from backend.acquisition.outgoing import Held, Outgoing, outgoing
from backend.acquisition.window import milliseconds
from backend.core.db import IngestSession
from backend.core.events import publish
from backend.core.ids import encode_id
from gateway.contract import topics
from gateway.contract.json_text import encode_text
from gateway.contract.support import Ask, Grant
from gateway.contract.update import Update, encode_update

GRANT, UPDATE = "grant", "update"
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
    """A grant, question or update that waits to be sent; `params` are the fields of its kind."""

    project_id: int
    gateway_id: int
    id: int
    uid: UUID
    kind: str
    params: dict[str, object]
    not_after: datetime
    actor: str

    def metric(self) -> tuple[str, str]:
        """Answer it as the gateway takes it."""
        id, until_ms = encode_id("cmd", self.uid), milliseconds(self.not_after)
        if self.kind == GRANT:
            return topics.EXT_GRANT, encode_text(Grant(id, until_ms, self.actor))
        if self.kind == UPDATE:
            told = {**self.params, "id": id, "not_after_ms": until_ms, "actor": self.actor}
            return topics.EXT_UPDATE, encode_update(msgspec.convert(told, Update))
        fields = {**self.params, "id": id, "kind": self.kind, "actor": self.actor}
        ask = msgspec.convert({**fields, "not_after_ms": until_ms}, Ask)
        return topics.EXT_ASK, encode_text(ask)

    async def sent(self, tx: IngestSession, now: datetime) -> None:
        """Write down that it is on its way, and tell the pages."""
        keys = {"project": self.project_id, "id": self.id}
        await tx.execute(_SENT, {**keys, "now": now})
        await publish(tx, self.project_id, "command", str(self.uid), now)


async def wanted_asks(tx: IngestSession, held: Held, now: datetime) -> Sequence[Outgoing]:
    """Answer what is to be sent now, grants before what they open; third parties get nothing."""
    return await outgoing(tx, held, now, _WANTED, Wanted)
