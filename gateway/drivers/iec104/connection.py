"""One TCP connection to a station: octets to the session, ASDUs to whoever takes them, timers."""

import asyncio
from collections.abc import Callable

from gateway.drivers.capabilities import LinkDown
from gateway.drivers.iec104.apci import FrameFault, Splitter
from gateway.drivers.iec104.session import Session, SessionFault, Timing


class Connection(asyncio.Protocol):
    """Runs from STARTDT to the first fault; everything happens as octets come or timers end."""

    def __init__(self, name: str, timing: Timing, take: Callable[[bytes], None]) -> None:
        """`name` is the station for people; `take` gets each ASDU."""
        self._loop = asyncio.get_running_loop()
        self._name = name
        self._take = take
        self._splitter = Splitter()
        self._session = Session(timing, self._loop.time())
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.started: asyncio.Future[None] = self._loop.create_future()
        """Done when the station confirmed STARTDT, or never will."""
        self.ended: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is no longer good."""
        self.fault: Exception | None = None
        """Why: LinkDown, or a bug of whoever takes ASDUs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP stands: ask for data transfer."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("IEC 60870-5-104 needs a stream")
        self._transport = transport
        self._session.start(self._loop.time())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Octets came; the standard wants the connection closed after some faults."""
        now = self._loop.time()
        try:
            for frame in self._splitter.feed(data):
                asdu = self._session.received(frame, now)
                if asdu is not None:
                    self._take(asdu)
        except (FrameFault, SessionFault) as fault:
            self._end(LinkDown(f"{self._name}: {fault}; the connection is closed"))
            return
        if self._session.started and not self.started.done():
            self.started.set_result(None)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; a bug in `data_received` ends here as well."""
        if exc is None or isinstance(exc, OSError):
            exc = LinkDown(f"{self._name} closed the connection")
        self._end(exc)

    def send(self, asdu: bytes) -> None:
        """Send an ASDU as soon as the window has room."""
        self._session.send(asdu, self._loop.time())
        self._flush()

    def check(self) -> None:
        """Raise what ended the connection, if anything has."""
        if self.fault is not None:
            raise self.fault

    def close(self) -> None:
        """Let go of the connection."""
        self._end(LinkDown(f"{self._name} is closed"))

    def _flush(self) -> None:
        """Send what the session wants to, and wake at its next deadline at the latest."""
        octets = self._session.take()
        if self._transport is None or self.ended.done():
            return
        if octets:
            self._transport.write(octets)
        deadline = self._session.deadline()
        if self._timer is None or deadline < self._timer.when():
            self._wake_at(deadline)

    def _wake_at(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._wake)

    def _wake(self) -> None:
        self._timer = None
        try:
            self._session.tick(self._loop.time())
        except SessionFault as fault:
            self._end(LinkDown(f"{self._name}: {fault}; the connection is closed"))
            return
        self._flush()

    def _end(self, why: Exception) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        if not self.ended.done():
            self.fault = why
            self.ended.set_result(None)
        if not self.started.done():
            self.started.set_result(None)
