"""One run for all who asked the same: a subscription is executed once and its payload shared.

Clients share a feed when operation, variables, locale and the source's scope (field, project, role)
are the same. A feed executes one event after the other: full frames for those who have just come,
then changes for the rest, at most one in the source's interval.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from prometheus_client import Counter, Gauge

from backend.application.graphql.context import Context
from backend.application.graphql.execution import Engine, Variables, encode
from backend.application.graphql.limits import Prepared
from backend.application.graphql.mailbox import Mailbox, Member
from backend.application.graphql.sources import Source

log = logging.getLogger(__name__)

RETRY_S = 1.0

FEEDS = Gauge("kilowise_feeds", "Subscriptions that are executed, whatever the number of clients")
FRAMES = Counter("kilowise_frames_total", "Frames executed and encoded", ["field"])


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What a client asked for."""

    prepared: Prepared
    variables: Variables | None
    operation_name: str | None
    context: Context


class Feed:
    """One subscription that is executed, and everybody who gets its frames."""

    def __init__(
        self,
        engine: Engine,
        asked: Subscribed,
        source: Source[object],
        on_empty: Callable[[], None],
    ) -> None:
        """Take what to execute and what to do when the last member has left."""
        self._engine = engine
        self._asked = asked
        self._source = source
        self._on_empty = on_empty
        self._members: dict[Member, None] = {}
        self._joined: dict[Member, None] = {}
        self._bell = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        FEEDS.inc()

    def join(self, member: Member) -> None:
        """Send a full frame to the member at once, and changes from then on."""
        member.feed = self
        self._joined[member] = None
        self._bell.set()

    def again(self, member: Member) -> None:
        """Send a member that missed frames a full one."""
        if member in self._members:
            del self._members[member]
            self._joined[member] = None
            self._bell.set()

    def leave(self, member: Member) -> None:
        """Send the member nothing more; without members the feed ends."""
        self._members.pop(member, None)
        self._joined.pop(member, None)
        if not self._members and not self._joined:
            self._task.cancel()
            self._source.close()
            FEEDS.dec()
            self._on_empty()

    async def _run(self) -> None:
        while True:
            try:
                await self._turns()
            except Exception:
                log.exception("feed %s failed", self._source.scope)
                await asyncio.sleep(RETRY_S)

    async def _turns(self) -> None:
        """Serve those who came at once, and everybody at the source's pace."""
        loop = asyncio.get_running_loop()
        not_before = 0.0
        while True:
            changed = asyncio.ensure_future(self._source.wait())
            try:
                while not changed.done() or loop.time() < not_before:
                    await self._serve_joined()
                    pause = not_before - loop.time() if changed.done() else None
                    await self._heard(changed, pause)
                await changed
            finally:
                changed.cancel()
            not_before = loop.time() + self._source.interval_s
            for root in await self._source.changes():
                payload = await self._payload(root)
                for member in list(self._members):
                    member.put(payload)

    async def _heard(self, changed: "asyncio.Future[None]", pause: float | None) -> None:
        """Wait for somebody who comes, for a change, or until the pause is over."""
        if self._joined:
            return
        self._bell.clear()
        came = asyncio.ensure_future(self._somebody())
        waiting = {came} if changed.done() else {came, changed}
        try:
            await asyncio.wait(waiting, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        finally:
            came.cancel()

    async def _somebody(self) -> None:
        await self._bell.wait()

    async def _serve_joined(self) -> None:
        if not self._joined:
            return
        payloads = [await self._payload(root) for root in await self._source.full()]
        joined, self._joined = self._joined, {}
        self._members.update(joined)
        for member in joined:
            for payload in payloads:
                member.put(payload, full=True)

    async def _payload(self, root: object) -> str:
        asked = self._asked
        result = await self._engine.event(
            asked.prepared, asked.variables, asked.operation_name, asked.context, root
        )
        FRAMES.labels(str(self._source.scope[0])).inc()
        asked.context.process.budgets.projects.note(self._source.scope[1], asked.context.cost)
        return encode(result).decode()


class Fanout:
    """All feeds of one web process."""

    def __init__(self, engine: Engine) -> None:
        """Take what executes operations."""
        self._engine = engine
        self._feeds: dict[object, Feed] = {}

    def subscribe(
        self, mailbox: Mailbox, id: str, asked: Subscribed, source: Source[object]
    ) -> tuple[Member, Feed]:
        """Let a socket's subscription share the feed of those who asked the same."""
        key = (
            asked.prepared.text,
            asked.operation_name,
            orjson.dumps(asked.variables, option=orjson.OPT_SORT_KEYS),
            asked.context.locale,
            source.scope,
        )
        feed = self._feeds.get(key)
        if feed is None:
            shared = Subscribed(
                asked.prepared, asked.variables, asked.operation_name, asked.context.anonymous()
            )
            feed = Feed(self._engine, shared, source, lambda: self._forget(key))
            self._feeds[key] = feed
        else:
            source.close()
        member = Member(mailbox, id, source.keep)
        feed.join(member)
        return member, feed

    def _forget(self, key: object) -> None:
        self._feeds.pop(key, None)
