"""https without a public name: a certificate authority of this installation and its certificate.

The authority is made once and kept in `<data>/tls`; whoever trusts it trusts every certificate it
signs, so its key never leaves the folder (mode 0600) and of names it may sign for local ones only
(name constraints, RFC 5280 4.2.1.10): no web site can be faked with it. The server's certificate
is made anew when an address came up or a month before it ends.
"""

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=390)
"""Phones refuse certificates that are valid for longer than 398 days."""
RENEW = timedelta(days=30)
AHEAD = timedelta(days=1)
"""Valid since yesterday, for phones whose clock is behind."""

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Names:
    """What a server is reached by."""

    hosts: Sequence[str]
    addresses: Sequence[IpAddress]


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

    def context(self, names: Names) -> ssl.SSLContext:
        """Answer a server's TLS context with a certificate for these names."""
        served = self._read("server")
        if served is None or not self._serves(served.certificate, names):
            self._sign(names)
        return server_context(self._folder / "server.crt", self._folder / "server.key")

    def _serves(self, certificate: x509.Certificate, names: Names) -> bool:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return (
            set(names.hosts) <= set(found.get_values_for_type(x509.DNSName))
            and set(names.addresses) <= set(found.get_values_for_type(x509.IPAddress))
            and certificate.issuer == self._pair.certificate.subject
            and certificate.not_valid_after_utc > self._now + RENEW
        )

    def _make(self) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, f"Kilowise local CA {self._now:%Y-%m-%d}")]
        )
        certificate = (
            self._builder(name, name, key.public_key(), AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(_local_only(), critical=True)
            .sign(key, hashes.SHA256())
        )
        return self._keep("ca", Pair(certificate, key))

    def _sign(self, names: Names) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kilowise")])
        alternatives = [x509.DNSName(host) for host in names.hosts]
        numbers = [x509.IPAddress(address) for address in names.addresses]
        certificate = (
            self._builder(subject, self._pair.certificate.subject, key.public_key(), SERVER_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([*alternatives, *numbers]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._pair.key.public_key()),
                critical=False,
            )
            .sign(self._pair.key, hashes.SHA256())
        )
        self._keep("server", Pair(certificate, key))

    def _builder(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePublicKey,
        life: timedelta,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - AHEAD)
            .not_valid_after(self._now - AHEAD + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )

    def _keep(self, name: str, pair: Pair) -> Pair:
        key = pair.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = self._folder / f"{name}.key"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(key)
        certificate = pair.certificate.public_bytes(serialization.Encoding.PEM)
        (self._folder / f"{name}.crt").write_bytes(certificate)
        return pair

    def _read(self, name: str) -> Pair | None:
        """Answer a kept pair; None when there is none, or its certificate has ended."""
        paths = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        if not all(path.is_file() for path in paths):
            return None
        certificate = x509.load_pem_x509_certificate(paths[0].read_bytes())
        key = serialization.load_pem_private_key(paths[1].read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return None
        return Pair(certificate, key) if certificate.not_valid_after_utc > self._now else None


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Answer a TLS context of a server (1.2 and later) with a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def local_names() -> Names:
    """Answer the names and addresses this machine has in its local networks."""
    host = socket.gethostname().partition(".")[0].lower()
    addresses = {ipaddress.ip_address("127.0.0.1"), *lan_addresses()}
    hosts = ["localhost", *([f"{host}.local"] if host and host != "localhost" else [])]
    return Names(hosts, sorted(addresses, key=str))


def lan_addresses() -> list[IpAddress]:
    """Answer this machine's private addresses, the one of the default route first."""
    found: dict[IpAddress, None] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Chooses a route; a datagram socket sends nothing here (192.0.2.0/24 is nobody's).
            probe.connect(("192.0.2.1", 9))
            found[ipaddress.ip_address(probe.getsockname()[0])] = None
        except OSError:
            pass
    try:
        for *_, address in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET):
            found[ipaddress.ip_address(address[0])] = None
    except OSError:
        pass
    return [one for one in found if not one.is_loopback and not one.is_unspecified]


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _local_only() -> x509.NameConstraints:
    # Of names only local ones; addresses are free, because a plant's network may use any.
    return x509.NameConstraints([x509.DNSName("localhost"), x509.DNSName("local")], None)
