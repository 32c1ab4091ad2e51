"""Who may use a line: one at a time, and urgent jobs before the next poll.

Polls take turns of their own in the poller; a command or a probe of a person waits for the one
exchange that is in flight and for the urgent ones before it, never for a round of polls.
"""

import asyncio
from collections import deque

from gateway.drivers.capabilities import DriverFault

MOST_URGENT = 16
"""Urgent jobs that may wait for one line."""


class LineBusy(DriverFault):
    """So many urgent jobs wait for a line already that another is refused."""


class Turns:
    """Hands out the use of one line; whoever took a turn gives it back."""

    def __init__(self) -> None:
        self._taken = False
        self._urgent: deque[asyncio.Future[None]] = deque(maxlen=MOST_URGENT)
        self._poll: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> int:
        """Urgent jobs that wait."""
        return len(self._urgent)

    async def take(self) -> None:
        """The poller's turn, after all urgent ones."""
        if not self._taken:
            self._taken = True
            return
        self._poll = turn = asyncio.get_running_loop().create_future()
        try:
            await self._wait(turn)
        finally:
            self._poll = None

    async def take_urgent(self) -> None:
        """The next turn but those of earlier urgent jobs; LineBusy when too many wait."""
        if not self._taken:
            self._taken = True
            return
        if len(self._urgent) >= MOST_URGENT:
            raise LineBusy(f"{MOST_URGENT} jobs wait for this line already; try again later")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._urgent.append(turn)
        try:
            await self._wait(turn)
        finally:
            if turn in self._urgent:
                self._urgent.remove(turn)

    def give(self) -> None:
        """Pass the turn on."""
        while self._urgent:
            turn = self._urgent.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
        else:
            self._taken = False

    async def _wait(self, turn: "asyncio.Future[None]") -> None:
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn came together with the cancellation: it must not get lost.
                self.give()
            raise
