"""Support from afar: an administrator lets it in for minutes, and everything asked is audited."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from backend.core.db import WriteSession
from backend.core.errors import Conflict, InvalidInput
from backend.service.gateways.asked import AskedRow, Wish, put
from backend.service.gateways.configuration import GatewayKey
from backend.service.people.asker import Asker
from gateway.contract.support import MAX_MINUTES, Ask, AskKind

WITHIN = timedelta(minutes=2)
"""How long a question is worth an answer."""
GRANT = "grant"


_GRANTED = """
SELECT granted_until FROM gateway_state WHERE project_id = %s AND gateway_id = %s
"""
_GRANT = """
INSERT INTO gateway_state (project_id, gateway_id, online, granted_until)
VALUES (%s, %s, false, %s)
ON CONFLICT (project_id, gateway_id) DO UPDATE SET granted_until = excluded.granted_until
"""


async def let_in(
    tx: WriteSession,
    project_id: int,
    gateway: GatewayKey,
    key: UUID,
    minutes: int,
    asker: Asker,
    now: datetime,
) -> AskedRow:
    """Open a gateway to support for minutes, or close it (0). InvalidInput beyond MAX_MINUTES."""
    if not 0 <= minutes <= MAX_MINUTES:
        raise InvalidInput("support_minutes", most=MAX_MINUTES)
    until = now + timedelta(minutes=minutes)
    wish = Wish(GRANT, {"minutes": minutes}, until, "support.grant")
    row = await put(tx, project_id, gateway, key, wish, asker, now)
    if row.created_at == now:
        await tx.execute(_GRANT, (project_id, gateway.id, until))
    return row


async def ask(
    tx: WriteSession,
    project_id: int,
    gateway: GatewayKey,
    key: UUID,
    kind: AskKind,
    fields: dict[str, object],
    asker: Asker,
    now: datetime,
) -> AskedRow:
    """Ask a gateway that is open. Conflict without a grant, InvalidInput for a bad question."""
    granted = await tx.fetch_value(_GRANTED, (project_id, gateway.id), into=datetime)
    if granted is None or granted <= now:
        raise Conflict("support_not_granted")
    whole = {**fields, "id": "x", "kind": kind, "not_after_ms": 0, "actor": "x"}
    try:
        msgspec.convert(whole, Ask)
    except msgspec.ValidationError as error:
        raise InvalidInput("support_question", told=str(error)[:200]) from error
    wish = Wish(kind.value, fields, now + WITHIN, f"support.{kind}")
    return await put(tx, project_id, gateway, key, wish, asker, now)
