"""A client of graphql-transport-ws for tests: what comes in is what was sent."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")


class SocketClient:
    """One open socket; `subscribe` answers the frames of one subscription."""

    def __init__(self, connection: ClientConnection) -> None:
        """Take an open connection."""
        self.connection = connection
        self._ids = itertools.count(1)

    async def send(self, **message: object) -> None:
        """Send one message as text."""
        await self.connection.send(orjson.dumps(message).decode())

    async def receive(self) -> dict[str, object]:
        """Answer the next message; it must be a text frame."""
        async with asyncio.timeout(60):
            text = await self.connection.recv()
        assert isinstance(text, str)
        message: dict[str, object] = orjson.loads(text)
        return message

    async def subscribe(self, query: str, variables: object = None) -> str:
        """Begin a subscription and answer its id."""
        id = f"s{next(self._ids)}"
        await self.send(id=id, type="subscribe", payload={"query": query, "variables": variables})
        return id


@asynccontextmanager
async def open_socket(
    address: str,
    *,
    cookie: str | None = None,
    bearer: str | None = None,
    origin: str | None = None,
    init: bool = True,
) -> AsyncIterator[SocketClient]:
    """Open a socket and, if wanted, wait for its acknowledgement."""
    headers = {}
    if cookie:
        headers["Cookie"] = f"kilowise={cookie}"
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    async with connect(
        f"ws://{address}/graphql",
        subprotocols=[PROTOCOL],
        additional_headers=headers,
        origin=None if origin is None else Origin(origin),
        proxy=None,
    ) as connection:
        client = SocketClient(connection)
        if init:
            await client.send(type="connection_init")
            assert await client.receive() == {"type": "connection_ack"}
        yield client
