"""A link that can be cut: a TCP proxy between gateway and broker.

While it is cut, open connections are dropped and new ones are refused, as when a router loses its
uplink. What was in flight is lost; that is what the gateway's journal is for.
"""

import asyncio
from contextlib import suppress

_CHUNK = 65_536


class Cut:
    """A proxy in front of one TCP server."""

    def __init__(self, host: str, port: int) -> None:
        """Stand before this server; nothing listens yet."""
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._listen: tuple[str, int] = ("127.0.0.1", 0)
        self.is_cut = False

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen and answer the port in use."""
        self._server = await asyncio.start_server(self._accept, host, port)
        self._listen = (host, int(self._server.sockets[0].getsockname()[1]))
        return self._listen[1]

    async def set_cut(self, *, cut: bool) -> None:
        """Cut the link or mend it; to set what is set changes nothing."""
        if cut == self.is_cut:
            return
        self.is_cut = cut
        if cut:
            await self._close()
        else:
            await self.start(*self._listen)

    async def stop(self) -> None:
        """Close the listener and every connection."""
        await self._close()

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back}
        self._writers |= ends
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
