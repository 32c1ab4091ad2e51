"""What gateway and platform must agree on to enrol and renew, beside the JSON of REST.

A renewal is signed with the key of the certificate that is still valid, over the request for the
next one and that certificate, so that neither can be exchanged on the way.
"""

CERTIFICATE_DAYS = 90
"""How long a gateway's certificate is valid."""
RENEW_FROM_DAYS = 60
"""Age at which a gateway begins to renew: two thirds of the life."""

ENROL_PATH = "/api/v1/enrol"
RENEW_PATH = "/api/v1/enrol/renewal"
AUTHORITY_PATH = "/api/v1/enrol/authority"

_PURPOSE = b"kilowise renewal 1\n"


def renewal_text(request: bytes, certificate: bytes) -> bytes:
    """Answer what a renewal signs, from the DER of the new request and of the held certificate."""
    size = len(request).to_bytes(4, "big")
    return _PURPOSE + size + request + certificate


def credential_name(project: str, gateway: str) -> str:
    """Answer the name of a gateway's credential: its certificate's common name."""
    return f"{project}.{gateway}"
