"""A small reverse proxy: it passes on what it hears, websockets too, and says for whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while part := await source.read(65_536):
            sink.write(part)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


@asynccontextmanager
async def proxy(address: str, *lines: str) -> AsyncIterator[str]:
    """Serve on loopback what `address` serves, one request a connection, with more header lines."""
    host, _, port = address.partition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        inner, outer = await asyncio.open_connection(host, int(port))
        outer.write(b"\r\n".join([first, *(line.encode() for line in lines), rest]))
        await asyncio.gather(_pump(reader, outer), _pump(inner, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
