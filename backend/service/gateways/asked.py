"""What is asked of a gateway beside set-points: grants and questions of support, updates. Each is
known by the asker's own key, audited when it is asked, and sent by ingest until it is answered.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict
from backend.core.events import publish
from backend.core.ids import encode_id
from backend.service.gateways.commands import CHANNEL
from backend.service.gateways.configuration import GatewayKey
from backend.service.people.asker import Asker

UPDATE = "update"


@dataclass(frozen=True, slots=True)
class AskedRow:
    """What was asked and what became of it; `params` are the fields of its kind."""

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


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be asked: its kind and fields, how long it is worth an answer, its audit name."""

    kind: str
    params: dict[str, object]
    until: datetime
    action: str


_SELECT = """
SELECT uid, kind, params, not_after, person_id, created_at, state, code, answer, finished_at
FROM command
WHERE project_id = %(project)s AND gateway_id = %(gateway)s AND kind <> 'write'
"""
_INSERT = """
INSERT INTO command (project_id, uid, gateway_id, kind, params, not_after, person_id, actor,
                     created_at)
VALUES (%(project)s, %(uid)s, %(gateway)s, %(kind)s, %(params)s, %(not_after)s, %(person)s,
        %(actor)s, %(now)s)
ON CONFLICT (project_id, uid) DO NOTHING
"""


async def put(
    tx: WriteSession,
    project_id: int,
    gateway: GatewayKey,
    key: UUID,
    wish: Wish,
    asker: Asker,
    now: datetime,
) -> AskedRow:
    """Write it down once for its key, audit it and wake who sends it; Conflict for a used key."""
    actor = encode_id("per", asker.uid)
    keys = {"project": project_id, "gateway": gateway.id, "uid": key}
    inserted = await tx.execute(
        _INSERT,
        {
            **keys,
            "kind": wish.kind,
            "params": Jsonb(wish.params),
            "not_after": wish.until,
            "person": asker.person_id,
            "actor": actor,
            "now": now,
        },
    )
    row = await tx.fetch_one(f"{_SELECT} AND uid = %(uid)s", keys, into=AskedRow)
    if row is None or (row.kind, row.params) != (wish.kind, wish.params):
        raise Conflict("command_key")
    if inserted:
        gtw, until = encode_id("gtw", gateway.uid), wish.until.isoformat()
        new = {"gateway": gtw, "until": until, **wish.params}
        ref = encode_id("cmd", key)
        deed = audit.Deed(actor, wish.action, ref, row.state, asker.person_id, None, new)
        await publish(tx, project_id, "command", str(key), now)
        await tx.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(project_id)))
        await audit.record(tx, project_id, deed, now)
    return row


async def listed(
    tx: ReadSession, project_id: int, gateway_id: int, first: int, *, updates: bool
) -> list[AskedRow]:
    """Answer the updates of a gateway, or its grants and questions; newest first."""
    return await tx.fetch_all(
        f"{_SELECT} AND (kind = %(update)s) = %(updates)s ORDER BY id DESC LIMIT %(first)s",
        {
            "project": project_id,
            "gateway": gateway_id,
            "update": UPDATE,
            "updates": updates,
            "first": first,
        },
        into=AskedRow,
    )
