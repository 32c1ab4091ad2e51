"""Webhooks of a project: where they go, for what, and the secret that signs them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound, TooMuch
from backend.core.ids import encode_id, new_uuid
from backend.service.people.asker import Asker
from backend.service.webhooks.hosts import may_call
from backend.service.webhooks.signing import new_secret


class Kind(StrEnum):
    """Events that are told; texts under `webhook.kind.<NAME>`."""

    ALARM = "alarm"
    """An alarm came, went or was taken."""
    COMMAND = "command"
    """A command got further."""
    GATEWAY = "gateway"
    """A gateway came or went, or answered."""
    IMPORT = "import"
    """An import got further."""
    MODEL = "model"
    """The plant's model changed."""
    RESTATEMENT = "restatement"
    """A restatement got further."""


class DeliveryState(StrEnum):
    """What became of a delivery; texts under `webhook.state.<NAME>`."""

    PENDING = "pending"
    """It waits for its first try, or for the next one."""
    SENT = "sent"
    """It was taken."""
    DEAD = "dead"
    """It was given up, and can be replayed."""


KINDS: Final = tuple(Kind)
MOST: Final = 20
OLD_HOLDS: Final = timedelta(hours=24)
"""How long a secret that was replaced still signs, beside the new one."""


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook; `pending` and `dead` are deliveries that wait, and that were given up.

    `error` is of the newest delivery that was tried, None when it was taken.
    """

    id: int
    uid: UUID
    url: str
    kinds: list[str]
    created_by: int
    created_at: datetime
    ended_at: datetime | None
    pending: int
    dead: int
    error: str | None

    @property
    def outside(self) -> str:
        """Its identity outside."""
        return encode_id("whk", self.uid)

    def told(self) -> dict[str, object]:
        """Answer it as the audit keeps it."""
        return {"url": self.url, "kinds": self.kinds}


_SELECT: Final = """
SELECT w.id, w.uid, w.url, w.kinds, w.created_by, w.created_at, w.ended_at,
       (SELECT count(*) FROM webhook_delivery d WHERE d.project_id = %(project)s
        AND d.webhook_id = w.id AND d.state = 'pending') AS pending,
       (SELECT count(*) FROM webhook_delivery d WHERE d.project_id = %(project)s
        AND d.webhook_id = w.id AND d.state = 'dead') AS dead,
       (SELECT d.error FROM webhook_delivery d WHERE d.project_id = %(project)s
        AND d.webhook_id = w.id AND d.tries > 0 ORDER BY d.number DESC LIMIT 1) AS error
FROM webhook w WHERE w.project_id = %(project)s AND w.ended_at IS NULL
  AND (%(uid)s::uuid IS NULL OR w.uid = %(uid)s)
ORDER BY w.id
"""


async def list_hooks(tx: ReadSession, project_id: int) -> list[WebhookRow]:
    """Answer the webhooks of a project."""
    return await tx.fetch_all(_SELECT, {"project": project_id, "uid": None}, into=WebhookRow)


async def find_hook(tx: ReadSession, project_id: int, uid: UUID | None) -> WebhookRow:
    """Answer a webhook. Raises NotFound."""
    about = {"project": project_id, "uid": uid}
    found = None if uid is None else await tx.fetch_one(_SELECT, about, into=WebhookRow)
    if found is None:
        raise NotFound(kind="webhook")
    return found


async def make_hook(
    tx: WriteSession,
    project_id: int,
    url: str,
    kinds: Sequence[str],
    allowed: Sequence[str],
    asker: Asker,
    now: datetime,
) -> tuple[WebhookRow, str]:
    """Have events told to an address from now on; answers the secret, told this once."""
    told = _told(url, kinds, allowed)
    if len(await list_hooks(tx, project_id)) >= MOST:
        raise TooMuch("webhooks_many", most=MOST)
    secret, uid = new_secret(), new_uuid(now)
    await tx.execute(
        "INSERT INTO webhook (project_id, uid, url, kinds, secret, position, created_by,"
        " created_at) VALUES (%(project)s, %(uid)s, %(url)s, %(kinds)s, %(secret)s, coalesce(("
        "SELECT number FROM event_counter WHERE project_id = %(project)s), 0), %(by)s, %(now)s)",
        {
            "project": project_id, "uid": uid, "url": url, "kinds": told,
            "secret": secret, "by": asker.person_id, "now": now,
        },
    )  # fmt: skip
    row = await find_hook(tx, project_id, uid)
    await _note(tx, project_id, "webhook.make", row, asker, now)
    return row, secret


async def change_hook(
    tx: WriteSession,
    project_id: int,
    uid: UUID | None,
    url: str,
    kinds: Sequence[str],
    allowed: Sequence[str],
    asker: Asker,
    now: datetime,
) -> WebhookRow:
    """Tell other events, or tell them elsewhere; what waits goes there too. The secret stays."""
    told, row = _told(url, kinds, allowed), await find_hook(tx, project_id, uid)
    await tx.execute(
        "UPDATE webhook SET url = %s, kinds = %s WHERE project_id = %s AND id = %s",
        (url, told, project_id, row.id),
    )
    changed = replace(row, url=url, kinds=told)
    await _note(tx, project_id, "webhook.change", changed, asker, now, before=row)
    return changed


async def end_hook(
    tx: WriteSession, project_id: int, uid: UUID | None, asker: Asker, now: datetime
) -> WebhookRow:
    """Tell it nothing more; what waits is not sent."""
    row = await find_hook(tx, project_id, uid)
    await tx.execute(
        "UPDATE webhook SET ended_at = %s WHERE project_id = %s AND id = %s",
        (now, project_id, row.id),
    )
    await _note(tx, project_id, "webhook.end", row, asker, now)
    return row


async def rotate_secret(
    tx: WriteSession, project_id: int, uid: UUID | None, asker: Asker, now: datetime
) -> tuple[WebhookRow, str]:
    """Sign with a new secret; the old one signs beside it for a day."""
    row, secret = await find_hook(tx, project_id, uid), new_secret()
    await tx.execute(
        "UPDATE webhook SET old_secret = secret, old_until = %s, secret = %s"
        " WHERE project_id = %s AND id = %s",
        (now + OLD_HOLDS, secret, project_id, row.id),
    )
    await _note(tx, project_id, "webhook.rotate", row, asker, now)
    return row, secret


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event for one webhook; `state`: pending, sent or dead; `status` of the last answer."""

    id: int
    uid: UUID
    kind: str
    ref: str
    at: datetime
    state: str
    tries: int
    next_at: datetime
    status: int | None
    error: str | None
    sent_at: datetime | None


async def list_deliveries(
    tx: ReadSession, project_id: int, hook: WebhookRow, below: int | None, first: int
) -> list[DeliveryRow]:
    """Answer deliveries newest first, those before the one numbered `below`."""
    return await tx.fetch_all(
        "SELECT id, uid, kind, ref, at, state, tries, next_at, status, error, sent_at"
        " FROM webhook_delivery WHERE project_id = %s AND webhook_id = %s"
        " AND (%s::bigint IS NULL OR id < %s) ORDER BY id DESC LIMIT %s",
        (project_id, hook.id, below, below, first),
        into=DeliveryRow,
    )


async def replay(
    tx: WriteSession,
    project_id: int,
    hook: WebhookRow,
    delivery: UUID | None,
    asker: Asker,
    now: datetime,
) -> int:
    """Send a delivery again, or all that were given up (None); answers how many."""
    again = await tx.execute(
        "UPDATE webhook_delivery SET state = 'pending', tries = 0, next_at = %s"
        " WHERE project_id = %s AND webhook_id = %s AND state <> 'pending'"
        " AND ((%s::uuid IS NULL AND state = 'dead') OR uid = %s)",
        (now, project_id, hook.id, delivery, delivery),
    )
    if not again:
        raise Conflict("webhook_nothing")
    await _note(tx, project_id, "webhook.replay", hook, asker, now)
    return again


def _told(url: str, kinds: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Answer the events to tell. Raises InvalidInput for an address or events that may not be."""
    if not may_call(url, allowed):
        raise InvalidInput("webhook_host", url=url[:100])
    if not kinds or set(kinds) - set(KINDS):
        raise InvalidInput("webhook_kinds", known=", ".join(KINDS))
    return sorted({str(one) for one in kinds})


async def _note(
    tx: WriteSession,
    project_id: int,
    action: str,
    row: WebhookRow,
    asker: Asker,
    now: datetime,
    before: WebhookRow | None = None,
) -> None:
    old = None if before is None else before.told()
    deed = audit.Deed(asker.actor, action, row.outside, "done", asker.person_id, old, row.told())
    await audit.record(tx, project_id, deed, now)
