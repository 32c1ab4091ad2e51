"""What processes listen on and call by TCP, read from /proc (Linux)."""

import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LISTEN = "0A"
CALLING = {"01", "02"}
"""Established, and on the way."""

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sockets:
    """Addresses a process listens on, and those it calls (never those that called it)."""

    listens: frozenset[Address]
    calls: frozenset[Address]


def sockets_of(pid: int) -> Sockets:
    """The TCP sockets of one process now."""
    mine = set(_inodes(pid))
    rows = [row for row in _rows(pid) if row[3] in mine]
    listens = frozenset(local for local, _, state, _ in rows if state == LISTEN)
    ports = {port for _, port in listens}
    calls = frozenset(
        remote for local, remote, state, _ in rows if state in CALLING and local[1] not in ports
    )
    return Sockets(listens, calls)


def descendants(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def words_of(pid: int) -> list[str]:
    """The command line of a process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def _inodes(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            target = str(link.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]


def _rows(pid: int) -> Iterator[tuple[Address, Address, str, str]]:
    """Local and remote address, state and inode of every TCP socket of the process's network."""
    for name in ("tcp", "tcp6"):
        file = Path(f"/proc/{pid}/net/{name}")
        lines: Iterable[str] = file.read_text().splitlines()[1:] if file.exists() else ()
        for line in lines:
            words = line.split()
            yield _address(words[1]), _address(words[2]), words[3], words[9]


def _address(text: str) -> Address:
    host, _, port = text.partition(":")
    packed = b"".join(struct.pack("<I", int(host[i : i + 8], 16)) for i in range(0, len(host), 8))
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, packed).removeprefix("::ffff:"), int(port, 16)
