"""The certificate that the web role shows: renewed ones are taken up while it serves.

New handshakes get the new certificate; connections that are open, sockets too, go on. Files that
do not belong together (one of them not written yet) change nothing and are looked at again.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from prometheus_client import Gauge

from backend.core.certificates import server_context
from backend.core.clock import SystemClock

log = logging.getLogger(__name__)

LOOK_S = 10.0
"""Seconds between two looks at the files."""
SOON = timedelta(days=14)
ENDS = Gauge(
    "kilowise_tls_certificate_ends_seconds",
    "When the certificate of the web role ends, seconds since 1970",
)


@dataclass(slots=True)
class ServedCertificate:
    """Certificate and key in files, and the context that serves them."""

    certificate: Path
    key: Path
    renew: Callable[[], object] | None = None
    """Makes the files anew when they are due, where we sign them ourselves."""
    context: ssl.SSLContext = field(init=False)
    _seen: tuple[tuple[int, int], ...] = field(init=False)
    _warned: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Load the files; OSError or SSLError when they cannot be used."""
        self._seen = self._stamps()
        self.context = server_context(self.certificate, self.key)
        # Nothing else may be spoken over what was meant for this server (ALPACA).
        self.context.set_alpn_protocols(["http/1.1"])
        self._note()

    def look(self) -> bool:
        """Take up files that changed, and tell whether there were any."""
        if self.renew is not None:
            self.renew()
        return self._take_up()

    def _take_up(self) -> bool:
        stamps = self._stamps()
        if stamps == self._seen:
            self._warn()
            return False
        try:
            server_context(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            if not self._warned:
                log.warning("%s changed and cannot be used yet: %s", self.certificate, error)
            self._warned = True
            return False
        self.context.load_cert_chain(self.certificate, self.key)
        self._seen, self._warned = stamps, False
        log.info("%s changed: it is served from now on, until %s", self.certificate, self._note())
        return True

    async def keep_fresh(self) -> None:
        """Look for ever.

        Files are taken up in the thread that shakes hands: another would let a handshake see the
        new certificate beside the old key.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            if self.renew is not None:
                await asyncio.to_thread(self.renew)
            self._take_up()

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        found = (path.stat() for path in (self.certificate, self.key) if path.exists())
        return tuple((one.st_mtime_ns, one.st_size) for one in found)

    def _note(self) -> datetime:
        """Answer when the certificate ends, and keep it for /metrics."""
        ends = x509.load_pem_x509_certificate(self.certificate.read_bytes()).not_valid_after_utc
        ENDS.set(ends.timestamp())
        return ends

    def _warn(self) -> None:
        """Say once that the certificate ends soon."""
        # Certificates are checked against the real time, whatever clock the demonstration has.
        if not self._warned and self._note() - SystemClock().now().astimezone(UTC) < SOON:
            log.warning("%s ends at %s: renew it", self.certificate, self._note())
            self._warned = True
