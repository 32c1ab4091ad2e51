"""Text frames of websockets that are written at once, for live frames to many clients.

An ASGI app sends in a task of its own for each socket, and waits: a frame to a thousand clients is
a thousand turns of the event loop. Whoever has the same text for many sockets writes it into all of
them in one go instead, where the client keeps up; where it does not, the way of ASGI is left, which
waits. A text frame of a server is its length and its bytes (RFC 6455, section 5.2: not masked).
"""

import struct
from collections.abc import Callable
from typing import Final

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

WriteText = Callable[[str], bool]
"""Write a text frame now; False: nothing was written, send it the usual way."""

Abort = Callable[[], None]
"""Drop the connection without a word: what waits for the client is forgotten."""

_KEY: Final = "kilowise.write_text"
_ABORT: Final = "kilowise.abort"
_TEXT: Final = 0x81
"""A whole message of text: final, opcode 1."""


def text_frame(text: str) -> bytes:
    """Answer the bytes of a text frame."""
    body = text.encode()
    size = len(body)
    if size < 126:
        return struct.pack("!BB", _TEXT, size) + body
    if size < 65_536:
        return struct.pack("!BBH", _TEXT, 126, size) + body
    return struct.pack("!BBQ", _TEXT, 127, size) + body


def writer_of(scope: Scope) -> WriteText:
    """Answer what writes to the socket of a scope at once; under another server it never does."""
    found: WriteText = scope.get("state", {}).get(_KEY, _never)
    return found


def aborter_of(scope: Scope) -> Abort:
    """Answer what drops the connection of a scope; under another server it does nothing."""
    found: Abort = scope.get("state", {}).get(_ABORT, _nothing)
    return found


def _nothing() -> None:
    """Leave it to the server."""


def _never(_text: str) -> bool:
    return False


class DirectFrames(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol; apps may also write text frames directly (`writer_of`)."""

    def handle_connect(self, event: Request) -> None:
        """Begin the handshake, and let the app write."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["state"][_KEY] = self.write_text
            self.scope["state"][_ABORT] = self.transport.abort

    def start_keepalive(self) -> None:
        """Forget the headers of both sides, two KiB, once the handshake is done."""
        super().start_keepalive()
        del self.request, self.response

    def write_text(self, text: str) -> bool:
        """Write a text frame; False before accept, after close, and while the client is slow."""
        is_open = self.handshake_complete and not self.close_sent and not self.disconnected
        if not is_open or self.conn.extensions or not self.writable.is_set():
            return False
        if self.transport.is_closing():
            return False
        self.transport.write(text_frame(text))
        return True
