"""Messages received and not yet read: a bounded queue between the broker and the decoder."""

import asyncio
from collections import deque

from backend.acquisition import counters

MAX_MESSAGES = 20_000


class Inbox:
    """Keeps messages in order; when full a new message is dropped and counted.

    Nothing is lost by it: what was not taken is not acknowledged, so a node with a journal sends
    it again.
    """

    def __init__(self, limit: int = MAX_MESSAGES) -> None:
        """Take how many messages may wait."""
        self._limit = limit
        self._messages: deque[tuple[str, bytes]] = deque(maxlen=limit)
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """Answer how many messages wait."""
        return len(self._messages)

    def put(self, topic: str, payload: bytes) -> None:
        """Take a message."""
        if len(self._messages) >= self._limit:
            counters.messages_dropped.labels("inbox_full").inc()
            return
        self._messages.append((topic, payload))
        self._news.set()

    async def wait(self) -> None:
        """Wait until there is a message."""
        await self._news.wait()

    def take(self) -> tuple[str, bytes] | None:
        """Answer the oldest message; None when there is none."""
        if not self._messages:
            self._news.clear()
            return None
        return self._messages.popleft()
