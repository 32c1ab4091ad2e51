"""The primary host: whom a gateway waits for, and when it must fall silent (Sparkplug 3.0, 5.4).

A gateway of Kilowise waits for nobody: the acknowledgement is what it believes. A gateway in a
plant of others may be told to speak only while one host application says that it is online.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import msgspec

from gateway.contract import topics

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
"""How often a wait looks whether its connection is still there."""


class _State(msgspec.Struct):
    online: bool
    timestamp: int


class PrimaryHost:
    """What STATE last said of the host that a gateway waits for."""

    def __init__(self, name: str | None) -> None:
        """`name` is the host's id; None waits for nobody."""
        self.name = name
        self.online = False
        self._timestamp: int | None = None
        self._complained = False
        self._news = asyncio.Event()

    @property
    def topic(self) -> str | None:
        """Where the host speaks; None when nobody is waited for."""
        return None if self.name is None else topics.state(self.name)

    @property
    def allows(self) -> bool:
        """Whether births and data may be published."""
        return self.name is None or self.online

    def forget(self) -> None:
        """Believe nothing of the session before; how new its STATE was is remembered."""
        self.online = False

    async def admits(self, is_up: Callable[[], bool]) -> bool:
        """Wait until the host is online; False when the connection is no longer up."""
        if not self.allows:
            log.info("connected, and waiting for the primary host %s", self.name)
        while not self.allows and is_up():
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._news.wait()
        return is_up()

    def heard(self, topic: str, payload: bytes) -> None:
        """Take a STATE message; those of other hosts, unreadable or older ones change nothing."""
        if topic != self.topic:
            return
        try:
            state = msgspec.json.decode(payload, type=_State)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if not self._complained:
                log.warning("STATE of the primary host %s cannot be read: %s.", self.name, error)
            self._complained = True
            return
        self._complained = False
        if self._timestamp is not None and state.timestamp < self._timestamp:
            return
        self._timestamp = state.timestamp
        if state.online != self.online:
            log.info("the primary host %s is %s", self.name, "online" if state.online else "away")
        self.online = state.online
        self._news.set()
