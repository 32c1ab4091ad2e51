"""MQTT over TLS, for the embedded broker: gateways by certificate, third parties by their secret.

A client that shows a certificate proves by it who it is: the common name is the credential and no
secret is asked. TLS admits only what one of our authorities signed and what has not ended; the
broker then admits only a certificate that is listed with the credential, so a revoked one is
refused although it still looks good. Without one the credential's secret is asked, which a gateway
that enrolled does not have.
"""

import asyncio
import contextlib
import hashlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from backend.acquisition.credentials import AUTHORITIES_FILE, SERVER_FILE
from backend.core.certificates import CIPHERS

log = logging.getLogger(__name__)

LOOK_S = 1.0
HANDSHAKE_S = 10.0

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Subject = tuple[tuple[tuple[str, str], ...], ...]
Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ClientProof:
    """What a client certificate says: the credential's name, and the SHA-256 of its DER."""

    name: str
    fingerprint: str


def client_proof(tls: ssl.SSLObject | None) -> ClientProof | None:
    """Answer what the client of a TLS connection proved; None on a plain one."""
    if tls is None:
        return None
    der, told = tls.getpeercert(binary_form=True), tls.getpeercert()
    if not der or not told:
        return None
    subject = msgspec.convert(told.get("subject", ()), Subject)
    names = [value for part in subject for key, value in part if key == "commonName"]
    name = names[0] if len(names) == 1 else ""
    return ClientProof(name, hashlib.sha256(der).hexdigest())


class TlsListener:
    """Listens with the files in the broker's folder, anew whenever they change."""

    def __init__(self, folder: Path, host: str, port: int, connected: Connected) -> None:
        """Take the folder, the address, and what serves a connection."""
        self._files = (folder / AUTHORITIES_FILE, folder / SERVER_FILE)
        self._host, self._port = host, port
        self._connected = connected
        self._server: asyncio.Server | None = None

    async def run(self) -> None:
        """Listen until cancelled; before the files are there, nobody is let in."""
        seen: Stamp | None = None
        said = ""
        try:
            while True:
                stamp = self._stamp()
                if stamp is not None and stamp != seen:
                    try:
                        await self._listen()
                        seen = stamp
                    except OSError as error:
                        if str(error) != said:
                            said = str(error)
                            log.error("MQTT over TLS does not listen: %s", error)  # noqa: TRY400
                await asyncio.sleep(LOOK_S)
        finally:
            self._close()

    def _stamp(self) -> Stamp | None:
        with contextlib.suppress(FileNotFoundError):
            stats = [file.stat() for file in self._files]
            return tuple((stat.st_ino, stat.st_mtime_ns) for stat in stats)
        return None

    async def _listen(self) -> None:
        """Listen with the files as they are now; open connections go on. OSError when it cannot."""
        context = tls_context(*self._files)
        self._close()
        self._server = await asyncio.start_server(
            self._connected,
            self._host,
            self._port,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_S,
            reuse_address=True,
        )
        log.info("The embedded MQTT broker listens with TLS on %s:%s", self._host, self._port)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def tls_context(authorities: Path, server: Path) -> ssl.SSLContext:
    """Answer a server's context; of the certificates that are shown it admits only those of these
    authorities.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(server)
    context.load_verify_locations(authorities)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context
