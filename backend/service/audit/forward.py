"""Tells the audit to a log server over TLS: at least once, in order, project by project.

The audit itself is the queue, its files and its table, so nothing is lost while the server is away
and nothing grows in memory. RFC 5425 has no acknowledgement: an entry counts as told when the
peer's kernel has acknowledged its octets (Linux tells how many it has not), and whatever is not is
sent again over the next connection. What the server's process loses after that is the server's.
"""

import asyncio
import fcntl
import logging
import socket
import ssl
import struct
import termios
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

import psycopg

from backend.core.errors import Unavailable
from backend.core.platform import Platform
from backend.service.audit.chain import read_on
from backend.service.audit.month_file import FileFault
from backend.service.audit.syslog import framed, message
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

BATCH: Final = 500
LOOK_S: Final = 5.0
RETRY_S: Final = 10.0
SETTLE_S: Final = 30.0
"""Seconds the peer may take to acknowledge a batch."""
PORT: Final = 6514


@dataclass(frozen=True, slots=True)
class LogServer:
    """Where to: host and port, and what is trusted there."""

    host: str
    port: int
    trust: ssl.SSLContext

    @classmethod
    def of(cls, url: str, authority: str | None) -> Self:
        """Read `tls://host[:port]`; `authority` is a file of certificates, None: the system's."""
        parts = urlsplit(url)
        trust = ssl.create_default_context(cafile=authority)
        trust.minimum_version = ssl.TLSVersion.TLSv1_2
        return cls(parts.hostname or "", parts.port or PORT, trust)


async def run(platform: Platform) -> None:
    """Tell for ever, where a log server is set."""
    settings = platform.settings
    if settings.syslog_url is None:
        return
    authority = None if settings.syslog_ca is None else str(settings.syslog_ca)
    server = LogServer.of(settings.syslog_url, authority)
    while True:
        try:
            await _connected(platform, server)
        except (OSError, EOFError, TimeoutError, psycopg.OperationalError, Unavailable) as error:
            log.warning("the audit waits for %s: %s", server.host, error)
        await asyncio.sleep(RETRY_S)


async def _connected(platform: Platform, server: LogServer) -> None:
    reader, writer = await asyncio.open_connection(server.host, server.port, ssl=server.trust)
    gone = asyncio.create_task(reader.read(1))
    try:
        while not gone.done():
            if not await tell_all(platform, writer):
                await asyncio.wait({gone}, timeout=LOOK_S)
    finally:
        gone.cancel()
        writer.close()


async def tell_all(platform: Platform, writer: asyncio.StreamWriter) -> int:
    """Tell what is new of every project, a batch each; how many entries."""
    told = 0
    for number, slug in await known_projects(platform.database):
        try:
            told += await _tell(platform, number, slug, writer)
        except FileFault as fault:
            log.warning("the audit of project %s is not told on: the file %s", slug, fault)
    return told


async def _tell(
    platform: Platform, project_id: int, slug: str, writer: asyncio.StreamWriter
) -> int:
    """Tell a batch of one project; where it stands is kept only when it has arrived."""
    async with platform.database.project(project_id) as tx:
        # Locked meanwhile: two workers do not tell the same.
        await tx.execute(
            "INSERT INTO audit_told (project_id, number) VALUES (%s, 0)"
            " ON CONFLICT (project_id) DO NOTHING",
            (project_id,),
        )
        at = await tx.fetch_value(
            "SELECT number FROM audit_told WHERE project_id = %s FOR UPDATE",
            (project_id,),
            into=int,
        )
        folder = platform.settings.audit_folder
        entries = await read_on(tx, project_id, at or 0, BATCH, folder)
        if not entries:
            return 0
        for entry in entries:
            writer.write(framed(message(socket.gethostname(), slug, entry)))
        async with asyncio.timeout(SETTLE_S):
            await writer.drain()
            await _arrived(writer)
        await tx.execute(
            "UPDATE audit_told SET number = %s WHERE project_id = %s",
            (entries[-1].number, project_id),
        )
    return len(entries)


async def _arrived(writer: asyncio.StreamWriter) -> None:
    """Wait until the peer's kernel has everything; ConnectionError when the connection breaks."""
    connection: socket.socket = writer.get_extra_info("socket")
    while True:
        if writer.transport.is_closing():
            raise ConnectionResetError("closed before everything had arrived")
        if not writer.transport.get_write_buffer_size() and not _unacknowledged(connection):
            return
        await asyncio.sleep(0.02)


def _unacknowledged(connection: socket.socket) -> int:
    """Answer how many octets the peer's kernel has not acknowledged (Linux: SIOCOUTQ)."""
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])
