"""Keys, requests and signatures of a gateway; imported by the commands `enrol` and `renew` only.

The library behind takes 10 MB of memory, so a gateway that runs never loads it.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.contract.enrolment import renewal_text


@dataclass(frozen=True, slots=True)
class Request:
    """A fresh key (PEM) and the request for its certificate (PEM)."""

    key: str
    request: str


def new_request() -> Request:
    """Make a key on the curve P-256; the name in the request is the platform's to give."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kilowise-gateway")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = request.public_bytes(serialization.Encoding.PEM)
    return Request(secret.decode(), pem.decode())


def certificate_of(pem: str) -> str:
    """Answer the certificate alone from an identity's PEM; ValueError when there is none."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def sign_renewal(pem: str, request: str) -> bytes:
    """Sign the next request with an identity's key; ValueError when there is none."""
    key = serialization.load_pem_private_key(pem[pem.index("-----BEGIN PRIVATE") :].encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not an EC key")  # noqa: TRY004 - a wrong file, no wrong call
    certificate = x509.load_pem_x509_certificate(pem.encode())
    asked = x509.load_pem_x509_csr(request.encode())
    der = serialization.Encoding.DER
    text = renewal_text(asked.public_bytes(der), certificate.public_bytes(der))
    return key.sign(text, ec.ECDSA(hashes.SHA256()))
