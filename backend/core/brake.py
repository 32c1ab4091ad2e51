"""A brake on guessing: so many tries of one kind by one name in a minute.

Kept in the memory of one process, where a try counts once for each process that is alive
(`peers.py`): all of them together let no more through than the limit. A restart clears it. It slows
guessing down; it is never what protects a secret.
"""

import math
import time
from ipaddress import IPv6Address, ip_address, ip_network

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from backend.core.errors import TooMuch
from backend.core.peers import Peers


def network_of(address: str) -> str:
    """Answer whose address that is, as far as one can tell: of IPv6 the /64, else the address.

    One who has an IPv6 address has 2^64 of them, and would be counted anew at each.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address[:100]
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False))


class Brake:
    """Counts tries and refuses those above the limit."""

    def __init__(self, per_minute: int, code: str, peers: Peers | None = None) -> None:
        """Take the tries a minute, the code of the error for one too many, and who else counts."""
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerMinute(per_minute)
        self._code = code
        self._peers = peers or Peers()

    async def count(self, who: str) -> None:
        """Count one try; TooMuch with `retry_after_s` when there were enough."""
        if await self._limiter.hit(self._item, who, cost=self._cost):
            return
        stats = await self._limiter.get_window_stats(self._item, who)
        # The library counts in the machine's own seconds, so the wait is measured in them too.
        wait = stats.reset_time - time.time()  # noqa: TID251
        raise TooMuch(self._code, retry_after_s=max(1, math.ceil(wait)))

    @property
    def _cost(self) -> int:
        # Among more processes than tries each lets one through.
        return min(self._peers.count, self._item.amount)

    async def forgive(self, who: str) -> None:
        """Forget the tries of a name."""
        await self._limiter.clear(self._item, who)
