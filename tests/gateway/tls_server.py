"""TLS servers for the gateway's tests: an authority, and certificates of chosen validity."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RESET = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)
"""What a box without a battery for its clock says."""
LAST_KNOWN = datetime(2027, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
YOUNG = (LAST_KNOWN - 10 * DAY, LAST_KNOWN + 80 * DAY)
FUTURE = (LAST_KNOWN + 100 * DAY, LAST_KNOWN + 190 * DAY)
ENDED = (LAST_KNOWN - 90 * DAY, LAST_KNOWN - DAY)


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority for a test's servers, and the folder where its files are."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, folder: Path, name: str = "ca") -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        made = cls._builder(name, name, key, LAST_KNOWN - 900 * DAY, LAST_KNOWN + 9000 * DAY)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            made.add_extension(x509.BasicConstraints(True, 0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(folder, key, certificate)

    def server_file(self, begins: datetime, ends: datetime) -> Path:
        """A server's certificate for 127.0.0.1 that is valid for so long, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder("server", "ca", key, begins, ends)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = made.add_extension(
            x509.SubjectAlternativeName([address]), critical=False
        ).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
            critical=False,
        )
        file = self.folder / "server.pem"
        file.write_bytes(
            certificate.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return file

    def server(self, begins: datetime, ends: datetime) -> ssl.SSLContext:
        """A server's context with such a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_file(begins, ends))
        return context

    @staticmethod
    def _builder(
        name: str, issuer: str, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime
    ) -> x509.CertificateBuilder:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A TLS server on loopback; answers its port and what it has read."""
    read: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            read.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], read
    finally:
        server.close()
