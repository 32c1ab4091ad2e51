"""Secrets that must be read again (of one-time codes, of clients at providers), encrypted at rest.

AES-256-GCM with a key that lies in the data folder (`sealing.key`, mode 0600) and never in the
database, so that neither a copy of the database nor a backup of it tells a secret. What a secret is
of goes into its check, so that one row's secret is none in another row. Whoever loses the file
loses the secrets: people set their second factor up anew, clients get new secrets.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.core.errors import Unavailable

FILE: Final = "sealing.key"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Seal:
    """Closes and opens secrets with the key of a data folder, which the first one makes."""

    folder: Path

    def close(self, secret: bytes, of: str) -> bytes:
        """Answer a secret as it is stored; `of` names the row that it belongs to."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key()).encrypt(nonce, secret, of.encode())

    def open(self, sealed: bytes, of: str) -> bytes:
        """Answer the secret; Unavailable when it was sealed by another key or for another row."""
        nonce, inside = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(self._key()).decrypt(nonce, inside, of.encode())
        except (InvalidTag, ValueError) as error:
            raise Unavailable("sealed_elsewhere", file=FILE) from error

    def _key(self) -> bytes:
        file = self.folder / FILE
        if not file.exists():
            _make(file)
        return file.read_bytes()


def _make(file: Path) -> None:
    """Make the key; of two processes that do so at once, the first one's counts for both."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secrets.token_bytes(KEY_BYTES))
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
