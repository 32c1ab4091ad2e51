"""The outbox of notifications: queued in the transition's own transaction, delivered by any worker.

A row is pending until a push service took it, the browser is gone, or it failed for good. Claims
use SKIP LOCKED, so several workers share the work; a worker that dies leaves the row pending.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.core.clock import Clock
from backend.core.db import Database, WriteSession
from backend.service.alarms.store import Occurrence, count_open, occurrence_by_uid
from backend.service.notify.channels.webpush import Recipient
from backend.service.notify.message import AlarmNews, Message, render, test_message
from backend.service.notify.reach import browsers_to_tell
from backend.service.notify.transport import TransportError
from backend.service.projects.quotas import messages_left

log = logging.getLogger(__name__)

WAKE_CHANNEL = "kw_notify"
MAX_TRIES = 8
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 600.0
BATCH = 20
PUSH_PRIORITY = 2
"""High and highest are pushed; the rest waits in the app (domain.md 6.2)."""

Send = Callable[[Recipient, Message], Awaitable[None]]


async def enqueue(
    tx: WriteSession, project_id: int, occurrence_id: int, step: int, priority: int, now: datetime
) -> int:
    """Queue one transition for every browser that is to hear of it; how many there are.

    Beyond the project's quota of notifications a day only those of the highest priority are queued.
    """
    browsers = await browsers_to_tell(tx, project_id, occurrence_id, now)
    browsers = browsers[: await messages_left(tx, project_id, len(browsers), priority, now)]
    queued = await tx.execute(
        """
        INSERT INTO notification (project_id, occurrence_id, step, subscription_id, next_at,
                                  created_at)
        SELECT %(project)s, %(occurrence)s, %(step)s, one, %(now)s, %(now)s
        FROM unnest(%(browsers)s::bigint[]) AS one
        ON CONFLICT (project_id, occurrence_id, step, subscription_id) DO NOTHING
        """,
        {
            "project": project_id,
            "occurrence": occurrence_id,
            "step": step,
            "now": now,
            "browsers": browsers,
        },
    )
    await _wake(tx, project_id)
    return queued


async def enqueue_test(tx: WriteSession, project_id: int, person_id: int, now: datetime) -> int:
    """Queue a test notification for the person's own browsers; how many there are."""
    queued = await tx.execute(
        """
        INSERT INTO notification (project_id, occurrence_id, step, subscription_id, next_at,
                                  created_at)
        SELECT project_id, 0, 0, id, %(now)s, %(now)s FROM push_subscription
        WHERE project_id = %(project)s AND person_id = %(person)s AND gone_at IS NULL
        ON CONFLICT (project_id, occurrence_id, step, subscription_id)
        DO UPDATE SET state = 'pending', tries = 0, next_at = excluded.next_at, error = NULL
        """,
        {"project": project_id, "person": person_id, "now": now},
    )
    await _wake(tx, project_id)
    return queued


async def _wake(tx: WriteSession, project_id: int) -> None:
    await tx.execute("SELECT pg_notify(%s, %s)", (WAKE_CHANNEL, str(project_id)))


@dataclass(frozen=True, slots=True)
class _Delivery:
    id: int
    occurrence_id: int
    subscription_id: int
    tries: int
    endpoint: str
    p256dh: str
    auth: str
    locale: str


class Outbox:
    """Delivers what is due of a project."""

    def __init__(self, database: Database, clock: Clock, send: Send) -> None:
        """`send` is the web push channel's; it raises TransportError."""
        self._database = database
        self._clock = clock
        self._send = send

    async def deliver_due(self, project_id: int, project_slug: str) -> int:
        """Deliver up to BATCH due notifications side by side; how many were tried."""
        async with self._database.project(project_id) as tx:
            now = self._clock.now()
            due = await tx.fetch_all(
                _CLAIM, {"project": project_id, "now": now, "batch": BATCH}, into=_Delivery
            )
            if not due:
                return 0
            messages = [await self._message(tx, project_id, project_slug, one) for one in due]
            outcomes = await asyncio.gather(
                *(self._attempt(one, message) for one, message in zip(due, messages, strict=True))
            )
            for one, error in zip(due, outcomes, strict=True):
                await _record(tx, project_id, one, error, self._clock.now())
        return len(due)

    async def _message(
        self, tx: WriteSession, project_id: int, slug: str, one: _Delivery
    ) -> Message | None:
        """The text to send; None where somebody has taken the alarm meanwhile: paging stops."""
        if one.occurrence_id == 0:
            return test_message(slug, one.locale)
        uid = await tx.fetch_one(
            "SELECT uid FROM alarm_occurrence WHERE project_id = %s AND id = %s",
            (project_id, one.occurrence_id),
        )
        occurrence = None if uid is None else await occurrence_by_uid(tx, project_id, uid["uid"])
        if occurrence is None or not occurrence.state.wants_ack:
            return None
        return render(await self._news(tx, project_id, slug, occurrence), one.locale)

    async def _news(
        self, tx: WriteSession, project_id: int, slug: str, occurrence: Occurrence
    ) -> AlarmNews:
        place = await tx.fetch_one(
            "SELECT name FROM node WHERE project_id = %s AND id = %s",
            (project_id, occurrence.node_id),
        )
        params = {
            name: value
            for name, value in occurrence.params.items()
            if isinstance(value, float | int | str)
        }
        return AlarmNews(
            slug,
            occurrence.uid,
            occurrence.definition_id,
            occurrence.kind,
            occurrence.name,
            {} if place is None else place["name"],
            occurrence.priority,
            params,
            await count_open(tx, project_id),
        )

    async def _attempt(self, one: _Delivery, message: Message | None) -> TransportError | None:
        if message is None:
            return TransportError("taken before it was sent", permanent=True)
        try:
            await self._send(Recipient(one.endpoint, one.p256dh, one.auth), message)
        except TransportError as error:
            log.warning("push to subscription %s: %s", one.subscription_id, error)
            return error
        return None


async def _record(
    tx: WriteSession, project_id: int, one: _Delivery, error: TransportError | None, now: datetime
) -> None:
    tries = one.tries + 1
    retry_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** (tries - 1))
    state = "sent"
    if error is not None:
        retry_s = max(retry_s, error.retry_after_s or 0.0)
        state = "failed" if error.permanent or tries >= MAX_TRIES else "pending"
    await tx.execute(
        """
        UPDATE notification SET state = %s, tries = %s, next_at = %s, sent_at = %s, error = %s
        WHERE project_id = %s AND id = %s
        """,
        (
            state,
            tries,
            now + timedelta(seconds=retry_s),
            now if error is None else None,
            None if error is None else str(error),
            project_id,
            one.id,
        ),
    )
    if error is not None and error.gone:
        await tx.execute(
            "UPDATE push_subscription SET gone_at = %s WHERE project_id = %s AND id = %s",
            (now, project_id, one.subscription_id),
        )


_CLAIM = """
SELECT n.id, n.occurrence_id, n.subscription_id, n.tries, s.endpoint, s.p256dh, s.auth, s.locale
FROM notification n
JOIN push_subscription s ON s.project_id = %(project)s AND s.id = n.subscription_id
WHERE n.project_id = %(project)s AND n.state = 'pending' AND n.next_at <= %(now)s
  AND s.gone_at IS NULL
ORDER BY n.next_at, n.id LIMIT %(batch)s
FOR UPDATE OF n SKIP LOCKED
"""
