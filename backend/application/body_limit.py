"""How much a request may send: what takes files counts for itself, everything else is small."""

from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.application.problems import named_problem

MAX_BODY = 1_000_000
"""Bytes; configurations and profiles, the largest of the rest, have some tens of thousands."""
FILES = ("/api/v1/import", "/api/v1/imports", "/api/v1/gateway-releases")
"""Routes that take files as a stream and end it at a limit of their own."""


class TooLarge(Exception):
    """The body has more than the limit."""


class Counted:
    """One request whose body is counted, and whose answer is ours once there was too much."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        """Take what the server gives, and the limit in bytes."""
        self._receive = receive
        self._send = send
        self._left = most
        self._begun = False

    @property
    def refused(self) -> bool:
        """Tell whether there was too much and nothing is answered yet."""
        return self._left < 0 and not self._begun

    async def receive(self) -> Message:
        """Answer the next part of the body; TooLarge beyond the limit."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLarge
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the app's answer, unless it only says that its body broke off."""
        if not self.refused:
            self._begun = True
            await self._send(message)


class BodyLimit:
    """Ends a request (413) whose body is larger than `most` bytes."""

    def __init__(self, app: ASGIApp, most: int = MAX_BODY) -> None:
        """Take the app and the limit in bytes."""
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, counting."""
        if scope["type"] != "http" or scope["path"] in FILES:
            await self._app(scope, receive, send)
            return
        request = Counted(receive, send, self._most)
        declared = Headers(scope=scope).get("content-length", "0")
        too_large = declared.isdecimal() and int(declared) > self._most
        if not too_large:
            with suppress(TooLarge):
                await self._app(scope, request.receive, request.send)
        if too_large or request.refused:
            await named_problem(413, "body_too_large", limit=self._most)(scope, receive, send)
