"""The authority that gateways and the broker belong to: signs, rotates, revokes. Pure but for keys.

One or two authorities are trusted at a time. The newest signs gateways' certificates; the oldest
signs the broker's, because a gateway learns of a new authority only when it renews. After a
rotation the older one stays until the last certificate it signed has ended; by then every gateway
that is alive has renewed and trusts the newer one, and the broker's certificate moves over.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from backend.core.certificates import (
    AHEAD,
    Names,
    Pair,
    builder,
    common_name,
    new_authority,
    read_pair,
    server_pair,
    signed,
)
from gateway.contract.enrolment import CERTIFICATE_DAYS

AUTHORITY_LIFE = timedelta(days=3650)
SUCCEED = timedelta(days=365)
"""An authority that ends within a year gets a successor."""
CLIENT_LIFE = timedelta(days=CERTIFICATE_DAYS)
SERVER_LIFE = timedelta(days=390)
RENEW_SERVER = timedelta(days=30)
NAME_MAX = 64
"""Characters of a common name (RFC 5280, upper bound)."""


class Unfit(Exception):
    """A request or certificate that cannot be accepted; its text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Authority:
    """One authority, and when its successor took over; None = it signs today."""

    pair: Pair
    retired_at: datetime | None = None

    def trusted(self, now: datetime) -> bool:
        """Tell whether a certificate that this one signed may still be valid."""
        return self.retired_at is None or now < self.retired_at + CLIENT_LIFE


@dataclass(frozen=True, slots=True)
class Issued:
    """A gateway's certificate: PEM, SHA-256 of its DER in hex, serial number in hex, its end."""

    pem: str
    fingerprint: str
    serial: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that is not to be accepted any more."""

    serial: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Authorities:
    """The authorities that are trusted, oldest first."""

    held: tuple[Authority, ...]

    @property
    def bundle(self) -> str:
        """All trusted certificates, PEM, newest first: what gateways and the broker trust."""
        return "".join(one.pair.certificate_pem.decode() for one in reversed(self.held))

    def current(self, now: datetime) -> "Authorities":
        """Answer the same without those that nothing valid belongs to any more."""
        return Authorities(tuple(one for one in self.held if one.trusted(now)))

    def wants_successor(self, now: datetime) -> bool:
        """Tell whether the newest ends so soon that the next must be made."""
        return self.held[-1].pair.certificate.not_valid_after_utc < now + SUCCEED

    def rotated(self, now: datetime, *, distrust: bool = False) -> "Authorities":
        """Answer the same with a fresh authority that signs from now on.

        With `distrust` the fresh one alone: every gateway must enrol anew.
        """
        if distrust:
            return first_authorities(now)
        retired = [replace(one, retired_at=one.retired_at or now) for one in self.held]
        return Authorities((*retired, *first_authorities(now).held)).current(now)

    def issue(self, request: x509.CertificateSigningRequest, name: str, now: datetime) -> Issued:
        """Sign a gateway's request under the name that the platform gives it."""
        authority = self.held[-1].pair
        key = checked_key(request)
        made = builder(
            common_name(name), authority.certificate.subject, key, now, CLIENT_LIFE + AHEAD
        )
        certificate = signed(authority, made, ExtendedKeyUsageOID.CLIENT_AUTH, [x509.DNSName(name)])
        return Issued(
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
            fingerprint(certificate),
            f"{certificate.serial_number:x}",
            certificate.not_valid_after_utc,
        )

    def check(self, certificate: x509.Certificate, now: datetime) -> str:
        """Answer the name in a gateway's certificate of ours that is valid now; else Unfit."""
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise Unfit("the certificate is not valid now")
        for one in self.held:
            try:
                certificate.verify_directly_issued_by(one.pair.certificate)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return _name_of(certificate)
        raise Unfit("the certificate is not of this installation")

    def server(self, names: Names, now: datetime) -> Pair:
        """Answer the broker's fresh certificate for these names."""
        return server_pair(self.held[0].pair, names, now, SERVER_LIFE)

    def serves(self, certificate: x509.Certificate, names: Names, now: datetime) -> bool:
        """Tell whether the broker's certificate is still the right one."""
        oldest = self.held[0].pair.certificate
        return (
            names.are_in(certificate)
            and certificate.issuer == oldest.subject
            and certificate.not_valid_after_utc > now + RENEW_SERVER
        )

    def revocations(self, revoked: Sequence[Revoked], now: datetime) -> str:
        """Answer the revocation lists (PEM), one an authority; a broker needs both, even empty."""
        return "".join(_revocations(one.pair, revoked, now) for one in reversed(self.held))

    def dump(self) -> str:
        """Answer the text that `load_authorities` reads: with the keys, so keep it."""
        return msgspec.json.encode([_Stored.of(one) for one in self.held]).decode()


class _Stored(msgspec.Struct):
    certificate: str
    key: str
    retired_at: datetime | None

    @classmethod
    def of(cls, one: Authority) -> "_Stored":
        pair = one.pair
        return cls(pair.certificate_pem.decode(), pair.key_pem.decode(), one.retired_at)


def first_authorities(now: datetime) -> Authorities:
    """Answer a fresh authority; its name tells it from every other one."""
    name = f"Kilowise gateways {now:%Y-%m-%d} {secrets.token_hex(4)}"
    return Authorities((Authority(new_authority(name, now, AUTHORITY_LIFE)),))


def load_authorities(text: str) -> Authorities:
    """Answer what `dump` wrote."""
    stored = msgspec.json.decode(text, type=list[_Stored])
    return Authorities(
        tuple(
            Authority(read_pair(one.certificate.encode(), one.key.encode()), one.retired_at)
            for one in stored
        )
    )


def read_request(pem: str) -> x509.CertificateSigningRequest:
    """Answer a request for a certificate; Unfit for anything else."""
    try:
        return x509.load_pem_x509_csr(pem.encode())
    except ValueError as error:
        raise Unfit(f"no request: {error}") from error


def read_certificate(pem: str) -> x509.Certificate:
    """Answer a certificate; Unfit for anything else."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise Unfit(f"no certificate: {error}") from error


def checked_key(request: x509.CertificateSigningRequest) -> ec.EllipticCurvePublicKey:
    """Answer the key of a request that its owner signed; Unfit when it is not EC P-256."""
    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Unfit("the key is not EC P-256")
    if not request.is_signature_valid:
        raise Unfit("the request is not signed by its own key")
    return key


def check_signature(certificate: x509.Certificate, signature: bytes, text: bytes) -> None:
    """Raise Unfit unless the certificate's key signed the text (ECDSA with SHA-256)."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Unfit("the certificate's key is not EC P-256")
    try:
        key.verify(signature, text, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Unfit("the signature is not of the certificate's key") from error


def fingerprint(certificate: x509.Certificate) -> str:
    """Answer the SHA-256 of a certificate's DER in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _name_of(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as error:
        raise Unfit("the certificate is an authority's own") from error
    if len(names) != 1 or ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise Unfit("the certificate is not a gateway's")
    return str(names[0].value)


def _revocations(authority: Pair, revoked: Iterable[Revoked], now: datetime) -> str:
    # Valid as long as the authority: a list that has ended would lock every gateway out.
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - AHEAD)
        .next_update(authority.certificate.not_valid_after_utc)
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(int(one.serial, 16))
        made = made.add_revoked_certificate(entry.revocation_date(one.at).build())
    crl = made.sign(authority.key, hashes.SHA256())
    return crl.public_bytes(serialization.Encoding.PEM).decode()
