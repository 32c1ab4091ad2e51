"""Brakes on guessing passwords: so many tries for one login, and from one address, in a minute.

Kept in the memory of one process: several web processes multiply the limits, and a restart clears
them. They slow guessing down; what protects a password is argon2id.
"""

import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from backend.core.errors import TooMuch

TRIES_PER_LOGIN = 8
TRIES_PER_ADDRESS = 40


class SignInThrottle:
    """Counts tries to sign in and refuses those above the limits."""

    def __init__(
        self, per_login: int = TRIES_PER_LOGIN, per_address: int = TRIES_PER_ADDRESS
    ) -> None:
        """Take the tries a minute."""
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._per_login = RateLimitItemPerMinute(per_login)
        self._per_address = RateLimitItemPerMinute(per_address)

    async def count(self, login: str, address: str) -> None:
        """Count one try; TooMuch with `retry_after_s` when the login or the address had enough."""
        await self._hit(self._per_address, "address", address)
        await self._hit(self._per_login, "login", login)

    async def forgive(self, login: str) -> None:
        """Forget the tries of a login that has signed in."""
        await self._limiter.clear(self._per_login, "login", login)

    async def _hit(self, item: RateLimitItem, kind: str, who: str) -> None:
        if await self._limiter.hit(item, kind, who):
            return
        stats = await self._limiter.get_window_stats(item, kind, who)
        # The library counts in the machine's own seconds, so the wait is measured in them too.
        wait = stats.reset_time - time.time()  # noqa: TID251
        raise TooMuch("sign_in_too_often", retry_after_s=max(1, math.ceil(wait)))
