"""One-time codes by time (RFC 6238 over RFC 4226): SHA-1, six digits, steps of 30 s, all pure.

These are the parameters that every authenticator app knows. A clock may be off by one step.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

STEP_S: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
"""As long as the hash (RFC 4226, 4, R6)."""
OFF: Final = (0, -1, 1)
"""Steps that a clock may be off by, the likeliest first (RFC 6238, 5.2)."""


def new_secret() -> bytes:
    """Answer a random secret."""
    return secrets.token_bytes(SECRET_BYTES)


def step_of(now: datetime) -> int:
    """Answer the number of the step of time that an instant lies in."""
    return int(now.timestamp()) // STEP_S


def code_of(secret: bytes, step: int) -> str:
    """Answer the code of a step (RFC 4226, 5.3)."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching(secret: bytes, code: str, now: datetime, after: int) -> int | None:
    """Answer the step whose code this is, of those after `after` that a clock may show now."""
    here = step_of(now)
    steps = (here + off for off in OFF)
    found = [
        step for step in steps if step > after and hmac.compare_digest(code_of(secret, step), code)
    ]
    return found[0] if found else None


def spelled(secret: bytes) -> str:
    """Answer a secret as people type it into an app: base 32."""
    return base64.b32encode(secret).decode().rstrip("=")


def link(secret: bytes, login: str) -> str:
    """Answer what an app reads from a QR code (the key URI format of authenticator apps)."""
    asked = {"secret": spelled(secret), "issuer": "Kilowise"}
    return f"otpauth://totp/{quote(f'Kilowise:{login}')}?{urlencode(asked)}"
