"""Signatures of webhooks, as Standard Webhooks 1.0 has them: HMAC-SHA256 with time and id.

The receiver computes the same over `<id>.<timestamp>.<body>` and refuses what is older than five
minutes, so that nothing can be forged or played again. Pure.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
KEY_BYTES = 24


def new_secret() -> str:
    """Answer a fresh secret of 24 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def signed(id: str, at: datetime, body: bytes, held: Sequence[str]) -> dict[str, str]:
    """Answer the headers of a delivery, with one signature for each secret that holds."""
    timestamp = str(int(at.timestamp()))
    content = f"{id}.{timestamp}.".encode() + body
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, content)}" for secret in held),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
