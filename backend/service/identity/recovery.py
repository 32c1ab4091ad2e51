"""Recovery codes: ten that take the place of one-time codes, each once, shown when they are made.

A code has 78 random bits. It is kept as a salt of its own and the SHA-256 of both, so that no two
codes are tried at once by whoever has the table; those made before there was a salt stay good.
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

from backend.core.db import ReadSession, WriteSession

COUNT: Final = 10
LENGTH: Final = 16
SALT: Final = 16
"""Octets before the hash."""
_PLAIN: Final = 32
"""Octets of a hash without salt."""
_LETTERS: Final = "23456789abcdefghjkmnpqrstvwxyz"


async def renew(tx: WriteSession, person_id: int) -> list[str]:
    """Answer fresh codes of somebody; those before are good no more."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(LENGTH)) for _ in range(COUNT)]
    await tx.execute("DELETE FROM recovery_code WHERE person_id = %s", (person_id,))
    await tx.execute_many(
        "INSERT INTO recovery_code (person_id, code_hash) VALUES (%s, %s)",
        [(person_id, _kept(code)) for code in codes],
    )
    return ["-".join(code[at : at + 4] for at in range(0, LENGTH, 4)) for code in codes]


async def use(tx: WriteSession, person_id: int, code: str, now: datetime) -> bool:
    """Use a code up; False for one that is none, or was used."""
    held = await tx.fetch_tuples(
        "SELECT code_hash FROM recovery_code WHERE person_id = %s AND used_at IS NULL",
        (person_id,),
    )
    found = [bytes(kept) for (kept,) in held if _fits(code, bytes(kept))]
    used = await tx.execute(
        "UPDATE recovery_code SET used_at = %s"
        " WHERE person_id = %s AND code_hash = ANY(%s) AND used_at IS NULL",
        (now, person_id, found),
    )
    return used == 1


async def left(tx: ReadSession, person_id: int) -> int:
    """Answer how many codes somebody has left."""
    counted = await tx.fetch_value(
        "SELECT count(*) FROM recovery_code WHERE person_id = %s AND used_at IS NULL",
        (person_id,),
        into=int,
    )
    return counted or 0


def _kept(code: str) -> bytes:
    salt = secrets.token_bytes(SALT)
    return salt + _hash(salt, code)


def _fits(code: str, kept: bytes) -> bool:
    salt = kept[: len(kept) - _PLAIN]
    return hmac.compare_digest(_hash(salt, code), kept[len(salt) :])


def _hash(salt: bytes, code: str) -> bytes:
    return hashlib.sha256(salt + code.encode()).digest()
