"""Ports to listen on: a default moves out of the way, a port that was asked for does not.

A port is chosen by listening on it, so that of two who choose in the same moment one goes on to the
next. The socket is kept and handed to the process that serves it (`HANDED`): it may end and start
anew, and whoever connects meanwhile waits a moment instead of being refused.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping

from backend.core.errors import SettingError

TRIES = 100
BACKLOG = 2048
ANSWER_S = 2.0
HANDED = {"http": "KILOWISE_HTTP_SOCKET", "mqtt": "KILOWISE_MQTT_SOCKET"}
"""What is listened for -> environment variable with the number of the socket handed over."""


def hold_port(name: str, address: str, wanted: int, *, explicit: bool) -> socket.socket:
    """Answer a listening TCP socket for the setting `name`: on `wanted`, or the next free port.

    Raises SettingError when a port set explicitly is taken, or when none is free.
    """
    for port in range(wanted, min(wanted + TRIES, 65536)):
        held = _listen(address, port)
        if held is not None:
            return held
        if explicit:
            raise SettingError(
                f"The port {name}={wanted} on {address} is taken by another program. Stop that "
                f"program, set {name} to another port, or unset it to take the next free one."
            )
    raise SettingError(
        f"No port from {wanted} to {wanted + TRIES - 1} is free on {address}. Set {name}."
    )


def choose_port(name: str, address: str, wanted: int, *, explicit: bool) -> int:
    """Answer the port that `hold_port` finds, and let go of it."""
    with hold_port(name, address, wanted, explicit=explicit) as held:
        return port_of(held)


def port_of(held: socket.socket) -> int:
    """Answer the port a socket listens on."""
    return int(held.getsockname()[1])


def handed_socket(kind: str, environment: Mapping[str, str] = os.environ) -> socket.socket | None:
    """Answer the listening socket that was handed over for a `kind` of `HANDED`, if any."""
    text = environment.get(HANDED[kind], "")
    return socket.socket(fileno=int(text)) if text.isdigit() else None


def is_free(address: str, port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    held = _listen(address, port)
    if held is not None:
        held.close()
    return held is not None


def _listen(address: str, port: int) -> socket.socket | None:
    """Listen, not only bind: with SO_REUSEADDR, which a restart needs, two may bind one port."""
    held = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((address, port))
        held.listen(BACKLOG)
    except OSError:
        held.close()
        return None
    held.setblocking(False)
    return held


async def until_healthy(held: socket.socket, *, https: bool) -> None:
    """Return when whoever serves the socket answers `/healthz` with 200."""
    host, port = held.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here
    while not await _is_healthy(host, port, _trusting() if https else None):  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def _is_healthy(host: str, port: int, context: ssl.SSLContext | None) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                writer.write(
                    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                )
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _trusting() -> ssl.SSLContext:
    """Any certificate is good: we ask our own child, by loopback, whether it is up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
