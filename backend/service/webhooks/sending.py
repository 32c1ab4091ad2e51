"""Events become deliveries, deliveries are sent until they are taken or given up.

Claims use SKIP LOCKED, so several workers share the work; one that dies leaves its rows pending. A
delivery has the same id however often it is tried, so that a receiver counts it once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Final
from uuid import UUID

import httpx
import orjson

from backend.core.clock import Clock
from backend.core.db import Database, WriteSession
from backend.core.events import after
from backend.core.ids import encode_id, new_uuid
from backend.service.webhooks.hosts import may_call
from backend.service.webhooks.signing import signed

MAX_TRIES: Final = 8
FIRST_RETRY_S: Final = 5.0
LONGEST_RETRY_S: Final = 3600.0
LONGEST_S: Final = 20.0
"""Seconds after which a delivery failed, even if the receiver is answering bit by bit."""
BATCH: Final = 20
EVENTS_AT_ONCE: Final = 500
MOST_PENDING: Final = 10_000
"""Deliveries of one webhook that wait; what comes then is dead at once, to be replayed."""
KEPT: Final = timedelta(days=30)
OUTSIDE: Final = {
    "alarm": "alm", "command": "cmd", "gateway": "gtw", "import": "imp", "restatement": "rst",
}  # fmt: skip
"""Kinds whose reference is a UUID: what it is called outside."""


@dataclass(frozen=True, slots=True)
class _Hook:
    id: int
    kinds: list[str]
    position: int


@dataclass(frozen=True, slots=True)
class _Delivery:
    id: int
    uid: UUID
    kind: str
    ref: str
    at: datetime
    tries: int
    url: str
    secret: str
    old_secret: str | None
    old_until: datetime | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: int | None
    error: str | None


_HOOKS: Final = """
SELECT id, kinds, position FROM webhook WHERE project_id = %s AND ended_at IS NULL
ORDER BY id FOR UPDATE SKIP LOCKED
"""
_QUEUE: Final = """
INSERT INTO webhook_delivery (project_id, uid, webhook_id, number, kind, ref, at, state, next_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (project_id, webhook_id, number) DO NOTHING
"""
_CLAIM: Final = """
SELECT d.id, d.uid, d.kind, d.ref, d.at, d.tries, w.url, w.secret, w.old_secret, w.old_until
FROM webhook_delivery d JOIN webhook w ON w.project_id = %(project)s AND w.id = d.webhook_id
WHERE d.project_id = %(project)s AND d.state = 'pending' AND d.next_at <= %(now)s
  AND w.ended_at IS NULL
ORDER BY d.next_at, d.id LIMIT %(batch)s FOR UPDATE OF d SKIP LOCKED
"""
_RECORD: Final = """
UPDATE webhook_delivery
SET state = %s, tries = %s, next_at = %s, status = %s, error = %s, sent_at = %s
WHERE project_id = %s AND id = %s
"""


async def queue_events(tx: WriteSession, project_id: int, now: datetime) -> int:
    """Queue what happened since each webhook's position; answers how many deliveries there are."""
    queued = 0
    for hook in await tx.fetch_all(_HOOKS, (project_id,), into=_Hook):
        events = await after(tx, project_id, hook.position, EVENTS_AT_ONCE)
        if not events:
            continue
        waiting = await tx.fetch_value(
            "SELECT count(*) FROM webhook_delivery WHERE project_id = %s AND webhook_id = %s"
            " AND state = 'pending'",
            (project_id, hook.id),
            into=int,
        )
        state = "pending" if (waiting or 0) < MOST_PENDING else "dead"
        wanted = [event for event in events if event.kind in hook.kinds]
        await tx.execute_many(
            _QUEUE,
            [
                (
                    project_id, new_uuid(now), hook.id, event.number, event.kind,
                    _outside(event.kind, event.ref), event.at, state, now,
                )
                for event in wanted
            ],
        )  # fmt: skip
        await tx.execute(
            "UPDATE webhook SET position = %s WHERE project_id = %s AND id = %s",
            (events[-1].number, project_id, hook.id),
        )
        queued += len(wanted)
    if queued:
        await tx.execute(
            "DELETE FROM webhook_delivery WHERE project_id = %s AND state <> 'pending' AND at < %s",
            (project_id, now - KEPT),
        )
    return queued


class Sender:
    """Sends what is due of a project."""

    def __init__(
        self, database: Database, clock: Clock, client: httpx.AsyncClient, allowed: Sequence[str]
    ) -> None:
        """`allowed` are the hosts that may be called; the client follows no redirections."""
        self._database = database
        self._clock = clock
        self._client = client
        # What a receiver would have us remember is not told to the next project's.
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._allowed = tuple(allowed)

    async def round(self, project_id: int, slug: str) -> int:
        """Queue what happened and send up to BATCH due deliveries; answers how many were tried."""
        async with self._database.project(project_id) as tx:
            await queue_events(tx, project_id, self._clock.now())
        async with self._database.project(project_id) as tx:
            about = {"project": project_id, "now": self._clock.now(), "batch": BATCH}
            due = await tx.fetch_all(_CLAIM, about, into=_Delivery)
            outcomes = await asyncio.gather(*(self._attempt(slug, one) for one in due))
            for one, outcome in zip(due, outcomes, strict=True):
                await _record(tx, project_id, one, outcome, self._clock.now())
        return len(due)

    async def _attempt(self, slug: str, one: _Delivery) -> _Outcome:
        # What the operator allows may have changed since the webhook was made.
        if not may_call(one.url, self._allowed):
            return _Outcome(None, "this address may not be called")
        now = self._clock.now()
        held = [one.secret]
        if one.old_secret is not None and one.old_until is not None and now < one.old_until:
            held.append(one.old_secret)
        body = orjson.dumps(
            {"type": one.kind, "timestamp": one.at, "data": {"project": slug, "ref": one.ref}},
            option=orjson.OPT_UTC_Z,
        )
        headers = signed(encode_id("whd", one.uid), now, body, held)
        headers["content-type"] = "application/json"
        try:
            return await self._sent(one.url, body, headers)
        except TimeoutError:
            return _Outcome(None, f"it took more than {LONGEST_S:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # ValueError: a name that can be no host's.
            return _Outcome(None, repr(error)[:200])

    async def _sent(self, url: str, body: bytes, headers: dict[str, str]) -> _Outcome:
        """Send one delivery; of the answer its status alone is read, however long the rest is."""
        sending = self._client.stream("POST", url, content=body, headers=headers)
        async with asyncio.timeout(LONGEST_S), sending as answer:
            wrong = None if answer.is_success else f"it answered {answer.status_code}"
            return _Outcome(answer.status_code, wrong)


async def _record(
    tx: WriteSession, project_id: int, one: _Delivery, outcome: _Outcome, now: datetime
) -> None:
    tries = one.tries + 1
    retry_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 4 ** (tries - 1))
    state, sent_at = "sent", now
    if outcome.error is not None:
        state = "dead" if tries >= MAX_TRIES else "pending"
    await tx.execute(
        _RECORD,
        (
            state, tries, now + timedelta(seconds=retry_s), outcome.status, outcome.error,
            sent_at if state == "sent" else None, project_id, one.id,
        ),
    )  # fmt: skip


def _outside(kind: str, ref: str) -> str:
    """Answer what an event is about as it is called outside."""
    prefix = OUTSIDE.get(kind)
    try:
        return ref if prefix is None else encode_id(prefix, UUID(ref))
    except ValueError:
        return ref
