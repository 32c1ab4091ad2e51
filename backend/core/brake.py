"""A brake on guessing: so many tries of one kind by one name in a minute.

Kept in the memory of one process: several processes multiply the limit, and a restart clears it.
It slows guessing down; it is never what protects a secret.
"""

import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from backend.core.errors import TooMuch


class Brake:
    """Counts tries and refuses those above the limit."""

    def __init__(self, per_minute: int, code: str) -> None:
        """Take the tries a minute, and the code of the error for one too many."""
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerMinute(per_minute)
        self._code = code

    async def count(self, who: str) -> None:
        """Count one try; TooMuch with `retry_after_s` when there were enough."""
        if await self._limiter.hit(self._item, who):
            return
        stats = await self._limiter.get_window_stats(self._item, who)
        # The library counts in the machine's own seconds, so the wait is measured in them too.
        wait = stats.reset_time - time.time()  # noqa: TID251
        raise TooMuch(self._code, retry_after_s=max(1, math.ceil(wait)))

    async def forgive(self, who: str) -> None:
        """Forget the tries of a name."""
        await self._limiter.clear(self._item, who)
