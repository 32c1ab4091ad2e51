"""The local status page: a tiny read-only HTTP server on 127.0.0.1, off unless configured.

It takes no input but a path, and answers only to names of this machine, so that no page of
somewhere else can read it through a browser (DNS rebinding).
"""

import asyncio
import logging
from http import HTTPStatus

import msgspec

from gateway.status_facts import Gather
from gateway.status_page import language, page

log = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
HOSTS = frozenset({"127.0.0.1", "localhost"})
MOST_CONNECTIONS = 8
MAX_HEAD = 8192
WITHIN_S = 5.0
RETRY_S = 30.0
SAFE = (
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors "
    "'none'\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "Cache-Control: no-store\r\nConnection: close\r\n"
)
Answer = tuple[HTTPStatus, str, bytes]
"""Status, type of the content, content."""


class StatusServer:
    """Serves the page of one gateway; `run` until cancelled."""

    def __init__(self, port: int, gather: Gather) -> None:
        self._port = port
        self._gather = gather
        self._open = 0

    async def run(self) -> None:
        """Listen; a port that is taken is said and tried again."""
        while True:
            try:
                server = await asyncio.start_server(
                    self._serve, ADDRESS, self._port, limit=MAX_HEAD
                )
            except OSError as error:
                log.warning("the status page cannot be served: %s. Set another status_port.", error)
                await asyncio.sleep(RETRY_S)
                continue
            async with server:
                await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MOST_CONNECTIONS:
                async with asyncio.timeout(WITHIN_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(_encoded(self.answer(head)))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open -= 1
            writer.close()

    def answer(self, head: bytes) -> Answer:
        """What a request's head is answered."""
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {
            name.strip().lower(): value.strip()
            for name, colon, value in (line.partition(":") for line in lines)
            if colon
        }
        if fields.get("host", "").partition(":")[0].lower() not in HOSTS:
            return _refused(HTTPStatus.MISDIRECTED_REQUEST)
        method, _, rest = first.partition(" ")
        if method != "GET":
            return _refused(HTTPStatus.METHOD_NOT_ALLOWED)
        path = rest.partition(" ")[0]
        if path == "/":
            text = page(self._gather(), language(fields.get("accept-language", "")))
            return HTTPStatus.OK, "text/html; charset=utf-8", text.encode()
        if path == "/status.json":
            return HTTPStatus.OK, "application/json", msgspec.json.encode(self._gather())
        return _refused(HTTPStatus.NOT_FOUND)


def _refused(status: HTTPStatus) -> Answer:
    return status, "text/plain; charset=utf-8", status.phrase.encode()


def _encoded(answer: Answer) -> bytes:
    status, kind, body = answer
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{SAFE}\r\n".encode() + body
