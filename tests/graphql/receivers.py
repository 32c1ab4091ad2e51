"""A program that takes webhooks: it checks signatures as Standard Webhooks 1.0 has them."""

import asyncio
import base64
import hashlib
import hmac
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import orjson


@dataclass(slots=True)
class Receiver:
    """What came, and what is answered: the statuses in turn, then 204; 0 = nothing at all."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Its `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def ids(self) -> list[str]:
        """The ids of what came."""
        return [headers["webhook-id"] for headers, _ in self.requests]

    @property
    def bodies(self) -> list[dict[str, object]]:
        """What came, read."""
        return [orjson.loads(body) for _, body in self.requests]

    def signed_with(self, secret: str, number: int = -1) -> bool:
        """Tell whether a request bears a signature of this secret."""
        headers, body = self.requests[number]
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        mine = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return f"v1,{mine}" in headers["webhook-signature"].split(" ")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request of HTTP/1.1."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        status = self.answers.pop(0) if self.answers else 204
        if status:
            writer.write(
                f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
            )
            await writer.drain()
        else:
            # Nobody is answered until the sender hangs up.
            await reader.read()
        writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Listen on a port of its own."""
    made = Receiver()
    server = await _listening(made)
    try:
        yield made
    finally:
        server.close()


@contextmanager
def receiver_apart() -> Iterator[Receiver]:
    """Listen in a thread of its own, for tests that wait for a browser."""
    made, loop = Receiver(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_listening(made), loop).result()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listening(made: Receiver) -> asyncio.Server:
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    return server
