"""Support from afar: an administrator lets it in for minutes, and everything asked is audited."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput
from backend.core.events import publish
from backend.core.ids import encode_id
from backend.service.gateways.commands import CHANNEL
from backend.service.gateways.configuration import GatewayKey
from backend.service.people.asker import Asker
from gateway.contract.support import MAX_MINUTES, Ask, AskKind

WITHIN = timedelta(minutes=2)
"""How long a question is worth an answer."""
GRANT = "grant"


@dataclass(frozen=True, slots=True)
class SupportRow:
    """A grant or question and what became of it; `params` are the fields of its kind."""

    uid: UUID
    kind: str
    params: dict[str, object]
    not_after: datetime
    person_id: int
    created_at: datetime
    state: str
    code: str | None
    answer: dict[str, object] | None
    finished_at: datetime | None


_SELECT = """
SELECT uid, kind, params, not_after, person_id, created_at, state, code, answer, finished_at
FROM command WHERE project_id = %(project)s AND gateway_id = %(gateway)s AND kind <> 'write'
"""
_INSERT = """
INSERT INTO command (project_id, uid, gateway_id, kind, params, not_after, person_id, actor,
                     created_at)
VALUES (%(project)s, %(uid)s, %(gateway)s, %(kind)s, %(params)s, %(not_after)s, %(person)s,
        %(actor)s, %(now)s)
ON CONFLICT (project_id, uid) DO NOTHING
"""
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
) -> SupportRow:
    """Open a gateway to support for minutes, or close it (0). InvalidInput beyond MAX_MINUTES."""
    if not 0 <= minutes <= MAX_MINUTES:
        raise InvalidInput("support_minutes", most=MAX_MINUTES)
    until = now + timedelta(minutes=minutes)
    row = await _put(tx, project_id, gateway, key, GRANT, {"minutes": minutes}, until, asker, now)
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
) -> SupportRow:
    """Ask a gateway that is open. Conflict without a grant, InvalidInput for a bad question."""
    granted = await tx.fetch_value(_GRANTED, (project_id, gateway.id), into=datetime)
    if granted is None or granted <= now:
        raise Conflict("support_not_granted")
    whole = {**fields, "id": "x", "kind": kind, "not_after_ms": 0, "actor": "x"}
    try:
        msgspec.convert(whole, Ask)
    except msgspec.ValidationError as error:
        raise InvalidInput("support_question", told=str(error)[:200]) from error
    until = now + WITHIN
    return await _put(tx, project_id, gateway, key, kind.value, fields, until, asker, now)


async def list_asks(
    tx: ReadSession, project_id: int, gateway_id: int, first: int
) -> list[SupportRow]:
    """Answer grants and questions of a gateway, newest first."""
    return await tx.fetch_all(
        f"{_SELECT} ORDER BY id DESC LIMIT %(first)s",
        {"project": project_id, "gateway": gateway_id, "first": first},
        into=SupportRow,
    )


async def _put(
    tx: WriteSession,
    project_id: int,
    gateway: GatewayKey,
    key: UUID,
    kind: str,
    params: dict[str, object],
    until: datetime,
    asker: Asker,
    now: datetime,
) -> SupportRow:
    """Write it down once for its key, audit it and wake who sends it."""
    actor = encode_id("per", asker.uid)
    keys = {"project": project_id, "gateway": gateway.id, "uid": key}
    inserted = await tx.execute(
        _INSERT,
        {
            **keys,
            "kind": kind,
            "params": Jsonb(params),
            "not_after": until,
            "person": asker.person_id,
            "actor": actor,
            "now": now,
        },
    )
    row = await tx.fetch_one(f"{_SELECT} AND uid = %(uid)s", keys, into=SupportRow)
    if row is None or (row.kind, row.params) != (kind, params):
        raise Conflict("command_key")
    if inserted:
        new = {"gateway": encode_id("gtw", gateway.uid), "until": until.isoformat(), **params}
        ref = encode_id("cmd", key)
        deed = audit.Deed(actor, f"support.{kind}", ref, row.state, asker.person_id, None, new)
        await publish(tx, project_id, "command", str(key), now)
        await tx.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(project_id)))
        await audit.record(tx, project_id, deed, now)
    return row
