"""What both authorities of an installation share: keys, certificates, files, this machine's names.

Keys are EC P-256. `backend/application/certificates.py` is the authority for https in a local
network; `backend/acquisition/authority.py` the one that gateways and the broker belong to.
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

AHEAD = timedelta(days=1)
"""Valid since yesterday, for machines whose clock is behind."""

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: a fresh key for every connection, and ciphers that authenticate what they carry."""

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key alone, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


@dataclass(frozen=True, slots=True)
class Names:
    """What a server is reached by."""

    hosts: Sequence[str]
    addresses: Sequence[IpAddress]

    def are_in(self, certificate: x509.Certificate) -> bool:
        """Tell whether a certificate covers them all."""
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return set(self.hosts) <= set(found.get_values_for_type(x509.DNSName)) and set(
            self.addresses
        ) <= set(found.get_values_for_type(x509.IPAddress))


def new_key() -> ec.EllipticCurvePrivateKey:
    """Answer a fresh key."""
    return ec.generate_private_key(ec.SECP256R1())


def read_pair(certificate: bytes, key: bytes) -> Pair:
    """Answer the pair in two PEM texts; ValueError when they are none, or no EC key."""
    loaded = serialization.load_pem_private_key(key, None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not an EC key")  # noqa: TRY004 - a wrong file, no wrong call
    return Pair(x509.load_pem_x509_certificate(certificate), loaded)


def common_name(text: str) -> x509.Name:
    """Answer a subject with this common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    """Answer what every certificate of ours has; valid until a day less than `life` from now."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - AHEAD)
        .not_valid_after(now - AHEAD + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def new_authority(
    name: str, now: datetime, life: timedelta, constraints: x509.NameConstraints | None = None
) -> Pair:
    """Answer a fresh authority that signs no other authorities."""
    key, subject = new_key(), common_name(name)
    made = (
        builder(subject, subject, key.public_key(), now, life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    if constraints is not None:
        made = made.add_extension(constraints, critical=True)
    return Pair(made.sign(key, hashes.SHA256()), key)


def signed(
    authority: Pair,
    made: x509.CertificateBuilder,
    purpose: x509.ObjectIdentifier,
    alternatives: Sequence[x509.GeneralName],
) -> x509.Certificate:
    """Answer a certificate of one purpose (server or client) for these names, signed."""
    return (
        made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )


def server_pair(authority: Pair, names: Names, now: datetime, life: timedelta) -> Pair:
    """Answer a server's fresh key and certificate for these names."""
    key = new_key()
    subject, issuer = common_name("Kilowise"), authority.certificate.subject
    alternatives = [
        *(x509.DNSName(host) for host in names.hosts),
        *(x509.IPAddress(address) for address in names.addresses),
    ]
    made = builder(subject, issuer, key.public_key(), now, life)
    return Pair(signed(authority, made, ExtendedKeyUsageOID.SERVER_AUTH, alternatives), key)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Answer a TLS context of a server (1.2 and later) with a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
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
