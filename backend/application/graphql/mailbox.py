"""What waits to be sent on one socket: bounded for each subscription, conflated when it is slow."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

import orjson
from prometheus_client import Counter

from backend.application.graphql.sources import Keep

WAITING_CHANGES = 4
WAITING_EVERY = 200

CONFLATED = Counter(
    "kilowise_socket_conflated_total", "Frames a slow client never got because newer ones came"
)
TOO_SLOW = Counter(
    "kilowise_socket_too_slow_total", "Sockets closed because their client took no frames"
)


class Feeder(Protocol):
    """Who can give a member everything anew."""

    def again(self, member: "Member") -> None:
        """Send the member a full frame next."""
        ...


class Member:
    """One subscription of one socket."""

    def __init__(self, mailbox: "Mailbox", id: str, keep: Keep) -> None:
        """Take the id the client gave it."""
        self.id = id
        self.prefix = f'{{"id":{orjson.dumps(id).decode()},"type":"next","payload":'
        """How each of its frames begins, made once."""
        self.feed: Feeder | None = None
        self._keep = keep
        self._mailbox = mailbox
        self._waiting: deque[str] = deque(maxlen=WAITING_EVERY)
        self._missed = False

    @property
    def waiting(self) -> bool:
        """Whether there is more to send."""
        return bool(self._waiting)

    def put(self, payload: str, *, full: bool = False) -> None:
        """Have a payload sent, dropping what `keep` allows when the client is slow."""
        if full:
            self._missed = False
        if self._missed:
            CONFLATED.inc()
            return
        if self._keep is Keep.LATEST:
            CONFLATED.inc(len(self._waiting))
            self._waiting.clear()
        elif self._keep is Keep.CHANGES and len(self._waiting) >= WAITING_CHANGES:
            CONFLATED.inc(len(self._waiting) + 1)
            self._waiting.clear()
            self._missed = True
            return
        elif len(self._waiting) >= WAITING_EVERY:
            self._mailbox.overflow()
            return
        if not self._waiting and self._mailbox.send_now(self, payload):
            return
        self._waiting.append(payload)
        self._mailbox.notice(self)

    def take(self) -> str | None:
        """Answer the next payload; None when there is none."""
        payload = self._waiting.popleft() if self._waiting else None
        if self._missed and not self._waiting and self.feed is not None:
            self.feed.again(self)
        return payload


def _later(_member: Member, _payload: str) -> bool:
    return False


class Mailbox:
    """All that waits on one socket; members take turns."""

    def __init__(self, send_now: Callable[[Member, str], bool] = _later) -> None:
        """Begin empty; `send_now` may send without waiting, and answers whether it did."""
        self.send_now = send_now
        self._ready: dict[Member, None] = {}
        self._bell = asyncio.Event()
        self.too_slow = False

    def notice(self, member: Member) -> None:
        """A member has something to send."""
        self._ready[member] = None
        self._bell.set()

    def overflow(self) -> None:
        """A member has more waiting than it may; the socket is to be closed."""
        if not self.too_slow:
            self.too_slow = True
            TOO_SLOW.inc()
        self._bell.set()

    async def next(self) -> tuple[Member, str] | None:
        """Wait for the next payload to send; None when the client is too slow to be served."""
        while True:
            if self.too_slow:
                return None
            while self._ready:
                member = next(iter(self._ready))
                del self._ready[member]
                payload = member.take()
                if payload is not None:
                    if member.waiting:
                        self._ready[member] = None
                    return member, payload
            self._bell.clear()
            await self._bell.wait()
