"""How a gateway under a supervisor does, in a small file that is written only when it changes."""

import logging
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.contract.clock import Clock
from gateway.journal import Journal

log = logging.getLogger(__name__)

VARIABLE = "KILOWISE_SUPERVISED"
"""Environment variable that names the file to a gateway under a supervisor."""
LOOK_S = 0.5


class Health(msgspec.Struct, frozen=True):
    """What one process of the gateway can do so far."""

    pid: int
    online: bool = False
    acknowledged: bool = False
    """Whether the platform acknowledged something since the start (or there are no devices)."""
    journaling: bool = False
    """Whether devices answered since the start and their samples are on the disk."""


class Link(Protocol):
    """The connection to the platform (gateway.publish.EdgeNode)."""

    @property
    def online(self) -> bool:
        """Whether there is a session with the broker."""
        ...

    @property
    def contact_s(self) -> float | None:
        """When the platform last acknowledged; None = never since the start."""
        ...


class Monitor:
    """Writes the file; `run` until cancelled."""

    def __init__(
        self, file: Path, pid: int, link: Link, journal: Journal, clock: Clock, *, devices: int
    ) -> None:
        self._file = file
        self._pid = pid
        self._link = link
        self._journal = journal
        self._clock = clock
        self._devices = devices
        self._first = journal.last
        self._said: Health | None = None

    def look(self) -> Health:
        """How it does now."""
        online = self._link.online
        standing = self._journal.standing
        return Health(
            self._pid,
            online,
            self._link.contact_s is not None or (online and not self._devices),
            standing.healthy and self._journal.last > self._first and not standing.waiting,
        )

    async def run(self) -> None:
        """Look, and write what changed."""
        while True:
            health = self.look()
            if health != self._said:
                self._said = health
                try:
                    write_health(self._file, health)
                except OSError as error:
                    log.warning("%s cannot be written: %s.", self._file, error)
            await self._clock.sleep(LOOK_S)


def write_health(file: Path, health: Health) -> None:
    """Replace the file as a whole; OSError when it cannot be written."""
    fresh = file.with_name(file.name + ".new")
    fresh.write_bytes(msgspec.json.encode(health))
    fresh.replace(file)


def read_health(file: Path, pid: int) -> Health:
    """What this process said; nothing works when it said nothing yet."""
    try:
        health = msgspec.json.decode(file.read_bytes(), type=Health)
    except (OSError, msgspec.MsgspecError):
        return Health(pid)
    return health if health.pid == pid else Health(pid)
