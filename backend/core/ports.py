"""Ports to listen on: a default moves out of the way, a port that was asked for does not."""

import socket

from backend.core.errors import SettingError

TRIES = 100


def choose_port(name: str, address: str, wanted: int, *, explicit: bool) -> int:
    """Answer a free TCP port for the setting `name`: `wanted`, or the next free one after it.

    Raises SettingError when a port set explicitly is taken, or when none is free.
    """
    for port in range(wanted, min(wanted + TRIES, 65536)):
        if is_free(address, port):
            return port
        if explicit:
            raise SettingError(
                f"The port {name}={wanted} on {address} is taken by another program. Stop that "
                f"program, set {name} to another port, or unset it to take the next free one."
            )
    raise SettingError(
        f"No port from {wanted} to {wanted + TRIES - 1} is free on {address}. Set {name}."
    )


def is_free(address: str, port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
