"""What one connection may cost: how large a head may be, and how slowly it may be sent.

uvicorn waits for a client for ever, and keeps a head of any size. Here the head of a request has
`HEAD_S` seconds and `MAX_HEAD` bytes, its body at least `MIN_BYTES` in every `LOOK_S` seconds in
which the app waits for it, and a client that does not read its answer `WRITE_S`; whoever stays
below is told (408, 414, 431) and let go. Websockets have limits of their own
(`graphql/socket.py`).
"""

import asyncio
from http import HTTPStatus
from typing import ClassVar

from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD = 32_768
"""Bytes of all header lines together."""
MAX_URL = 8_192
MAX_HEADERS = 100
HEAD_S = 10.0
"""Seconds from the connection, or from the first byte of a later request, to the end of a head."""
LOOK_S = 15.0
MIN_BYTES = 1_000
WRITE_S = 60.0
MAX_CONNECTIONS = 8_000
"""Open connections of one web process; beyond it answers 503."""

REFUSED = Counter(
    "kilowise_http_refused", "Connections let go for what they cost, by reason", ["reason"]
)


class _HeadRefused(Exception):
    """The head goes beyond a limit."""


class LimitedHttp(HttpToolsProtocol):
    """uvicorn's protocol with limits in bytes and seconds."""

    head_s: ClassVar[float] = HEAD_S
    look_s: ClassVar[float] = LOOK_S

    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _in_head = True
    _turned = False
    """Whether the bytes at hand began or ended a head or a message."""
    _head_bytes = 0
    """Of a head that is not parsed yet."""
    _head_size = 0
    """Of the header lines that are parsed."""
    _received = 0
    _refusal = HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, as long as the head they may belong to is not too large."""
        self._received += len(data)
        self._turned = False
        super().data_received(data)
        if self._in_head and not self._turned and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._timer is None:
                self._wait_for_head()
            if self._head_bytes > MAX_HEAD + MAX_URL:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a head; the first one of a connection has been waited for since it was made."""
        super().on_message_begin()
        self._turned, self._head_bytes, self._head_size = True, 0, 0
        if self._timer is None:
            self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        super().on_url(url)
        if len(self.url) > MAX_URL:
            self._refusal = HTTPStatus.REQUEST_URI_TOO_LONG
            raise _HeadRefused

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line."""
        super().on_header(name, value)
        self._head_size += len(name) + len(value)
        if self._head_size > MAX_HEAD or len(self.headers) > MAX_HEADERS:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _HeadRefused

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._turned, self._in_head = True, False
        self._stop()
        super().on_headers_complete()
        self._timer = self.loop.call_later(self.look_s, self._look, self._received)

    def on_message_complete(self) -> None:
        """Wait no longer: the rest is the app's."""
        self._stop()
        self._turned, self._in_head = True, True
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on: sockets have their own limits."""
        self._stop()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """Give the client a time to read what is there."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(WRITE_S, self._let_go, "not_reading")

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def send_400_response(self, msg: str) -> None:
        """Say what was wrong with a head, and end the connection."""
        if self._refusal == HTTPStatus.BAD_REQUEST:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def _wait_for_head(self) -> None:
        self._in_head = True
        self._timer = self.loop.call_later(self.head_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, before: int) -> None:
        """See what has come of a body since the last look; an app that does not read may wait."""
        if self.flow.read_paused or self._received - before >= MIN_BYTES:
            self._timer = self.loop.call_later(self.look_s, self._look, self._received)
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer with a status alone and end the connection."""
        if self.transport.is_closing():
            return
        self._stop()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self._let_go("slow_body")
            return
        REFUSED.labels(status.name.lower()).inc()
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: 0\r\n"
            "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n".encode()
        )
        self.transport.close()

    def _let_go(self, reason: str) -> None:
        REFUSED.labels(reason).inc()
        self.transport.abort()
