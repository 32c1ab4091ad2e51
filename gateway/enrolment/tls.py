"""TLS towards platform and broker: whom to trust, who we are, and what to do without a clock.

With a clock that can be right everything is OpenSSL's own checking. With one that cannot (see
known_time.py) OpenSSL leaves out the time check only, and the handshake ends here with the check
that is possible: nothing is sent before it.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.enrolment.known_time import TOLERANCE, KnownTime

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python's ssl has no name for."""


@dataclass(frozen=True, slots=True)
class TlsClient:
    """Our side of TLS; without `authorities` the system's are trusted.

    `certificate` is read at every connection, so that a renewed one is used at the next; `key` is
    None where it stands in the same file.
    """

    known: KnownTime
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Answer a context for one connection; OSError when a file cannot be read."""
        context = self._verifying()
        if self.authorities is None:
            context.load_default_certs()
        else:
            _load(context.load_verify_locations, self.authorities)
        if self.certificate is not None:
            key = self.key
            _load(lambda file: context.load_cert_chain(file, key), self.certificate)
        return context

    def _verifying(self) -> ssl.SSLContext:
        if self.known.clock_is_believed:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        else:
            context = TimelessContext(ssl.PROTOCOL_TLS_CLIENT)
            context.known = self.known
            context.verify_flags |= NO_CHECK_TIME
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _load(load: Callable[[Path], object], file: Path) -> None:
    try:
        load(file)
    except (OSError, ssl.SSLError) as error:
        raise OSError(f"{file} cannot be used: {error}") from error


def judge(certificate: Mapping[str, object] | None, known: KnownTime) -> None:
    """Judge the validity of a server's certificate by the newest known time.

    SSLCertVerificationError when it had ended, or has not begun; TimeUnknown after too many.
    """
    begins, ends = (_moment(certificate, field) for field in ("notBefore", "notAfter"))
    now = known.now()
    if ends < now:
        raise ssl.SSLCertVerificationError(
            1,
            f"the server's certificate ended on {ends:%Y-%m-%d}, before {now:%Y-%m-%d}, the "
            f"newest time this gateway knows",
        )
    if not known.is_known:
        known.spend()
    elif now + TOLERANCE < begins:
        raise ssl.SSLCertVerificationError(
            1, f"the server's certificate begins on {begins:%Y-%m-%d}"
        )


def _moment(certificate: Mapping[str, object] | None, field: str) -> datetime:
    text = str((certificate or {}).get(field, ""))
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
    except ValueError as error:
        raise ssl.SSLCertVerificationError(1, f"the server's certificate has no {field}") from error


class _TimelessObject(ssl.SSLObject):
    """A connection of asyncio whose handshake ends with `judge`."""

    def do_handshake(self) -> None:
        super().do_handshake()
        _judge(self.context, self.getpeercert())


class _TimelessSocket(ssl.SSLSocket):
    """A blocking connection whose handshake ends with `judge`."""

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        _judge(self.context, self.getpeercert())


class TimelessContext(ssl.SSLContext):
    """A context that checks chain and name by OpenSSL, and the time by `judge`."""

    sslobject_class = _TimelessObject
    sslsocket_class = _TimelessSocket
    known: KnownTime


def _judge(context: ssl.SSLContext, certificate: Mapping[str, object] | None) -> None:
    if isinstance(context, TimelessContext):
        judge(certificate, context.known)
