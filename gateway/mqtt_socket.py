"""The socket below a gmqtt client: how much waits in it, and how to give it up.

gmqtt has no back-pressure and no abort of its own; this is the only place that reaches below it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

from gmqtt import Client
from gmqtt.mqtt.package import Package

from gateway.budget import packet_bytes

DROP_TIMEOUT_S = 2.0
LAST_WORD_S = 0.2


def unsent_bytes(client: Client | None) -> int:
    """Bytes handed to the socket that the broker has not taken yet."""
    transport = _transport(client)
    return 0 if transport is None else transport.get_write_buffer_size()


def count(client: Client, moved: Callable[[int], None]) -> None:
    """Tell the bytes of every MQTT packet, sent or received, of a connected client from now on.

    Counted below gmqtt, because its own packets (PINGREQ and the answers, SUBSCRIBE, PUBACK) cost
    more than the data where little is reported.
    """
    connection = client._connection  # noqa: SLF001
    protocol = connection._protocol  # noqa: SLF001
    write, take = protocol.write_data, connection.put_package

    def written(data: bytes) -> None:
        moved(len(data))
        write(data)

    def taken(package: Package) -> None:
        moved(packet_bytes(len(package.data)))
        take(package)

    protocol.write_data, connection.put_package = written, taken


def cut(client: Client | None) -> None:
    """Lose the connection as a cut cable does: without a word to the broker."""
    transport = _transport(client)
    if transport is not None:
        transport.abort()


async def disconnect(client: Client) -> None:
    """Disconnect, without waiting long for a broker that does not read."""
    # AttributeError: gmqtt never connected, or the socket is gone already.
    with suppress(OSError, AttributeError, TimeoutError):
        async with asyncio.timeout(DROP_TIMEOUT_S):
            await client.disconnect()
        return
    cut(client)


async def unless_lost(connecting: Coroutine[object, object, None], lost: asyncio.Event) -> None:
    """Connect; ConnectionResetError when the connection closes before the broker has answered.

    gmqtt would wait for ever then, and with TLS 1.3 that is how a refused certificate shows.
    """
    tasks = asyncio.ensure_future(connecting), asyncio.ensure_future(lost.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            # A refusal (CONNACK) and the end that follows it may come in one breath.
            await asyncio.wait(tasks[:1], timeout=LAST_WORD_S)
        if not tasks[0].done():
            raise ConnectionResetError("the broker closed the connection without an answer")
        tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()


def _transport(client: Client | None) -> asyncio.Transport | None:
    connection = None if client is None else client._connection  # noqa: SLF001
    if connection is None:
        return None
    found: asyncio.Transport = connection._transport  # noqa: SLF001
    return found
