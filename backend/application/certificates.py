"""https without a public name: a certificate authority of this installation and its certificate.

The authority is made once and kept in `<data>/tls`; whoever trusts it trusts every certificate it
signs, so its key never leaves the folder (mode 0600) and of names it may sign for local ones only
(name constraints, RFC 5280 4.2.1.10): no web site can be faked with it. The server's certificate
is made anew when an address came up or a month before it ends. Gateways have an authority of their
own (`backend/acquisition/authority.py`), so that neither can stand in for the other.
"""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from backend.core.certificates import (
    Names,
    Pair,
    new_authority,
    read_pair,
    server_pair,
)
from backend.core.files import write_private

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=390)
"""Phones refuse certificates that are valid for longer than 398 days."""
RENEW = timedelta(days=30)
FOLDER = "tls"
"""Below the data folder."""


class Authority:
    """The installation's own certificate authority, in a folder."""

    def __init__(self, folder: Path, now: datetime) -> None:
        """Read the authority from the folder, or make it; `now` is the machine's real time."""
        self._folder = folder
        self._now = now
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._pair = self._read("ca") or self._make()

    @property
    def certificate(self) -> bytes:
        """What phones install, DER."""
        return self._pair.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def fingerprint(self) -> str:
        """The authority's SHA-256 as people compare it."""
        digest = self._pair.certificate.fingerprint(hashes.SHA256())
        return digest.hex(":", 2).upper()

    def serve(self, names: Names) -> tuple[Path, Path]:
        """Answer certificate and key for these names, made anew where they are due."""
        served = self._read("server")
        if served is None or not self._serves(served.certificate, names):
            self._keep("server", server_pair(self._pair, names, self._now, SERVER_LIFE))
        return self._folder / "server.crt", self._folder / "server.key"

    def _serves(self, certificate: x509.Certificate, names: Names) -> bool:
        return (
            names.are_in(certificate)
            and certificate.issuer == self._pair.certificate.subject
            and certificate.not_valid_after_utc > self._now + RENEW
        )

    def _make(self) -> Pair:
        name = f"Kilowise local CA {self._now:%Y-%m-%d}"
        return self._keep("ca", new_authority(name, self._now, AUTHORITY_LIFE, _local_only()))

    def _keep(self, name: str, pair: Pair) -> Pair:
        write_private(self._folder / f"{name}.key", pair.key_pem)
        (self._folder / f"{name}.crt").write_bytes(pair.certificate_pem)
        return pair

    def _read(self, name: str) -> Pair | None:
        """Answer a kept pair; None when there is none, or its certificate has ended."""
        paths = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        if not all(path.is_file() for path in paths):
            return None
        pair = read_pair(paths[0].read_bytes(), paths[1].read_bytes())
        return pair if pair.certificate.not_valid_after_utc > self._now else None


def kept_authority(data_folder: Path) -> bytes | None:
    """Answer the PEM certificate of the authority that signs for https here; None without one."""
    file = data_folder / FOLDER / "ca.crt"
    return file.read_bytes() if file.is_file() else None


def _local_only() -> x509.NameConstraints:
    # Of names only local ones; addresses are free, because a plant's network may use any.
    return x509.NameConstraints([x509.DNSName("localhost"), x509.DNSName("local")], None)
