"""Recovery codes: ten that take the place of one-time codes, each once, shown when they are made.

A code has 80 random bits, so its plain SHA-256 keeps it safe.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Final

from backend.core.db import ReadSession, WriteSession

COUNT: Final = 10
LENGTH: Final = 16
_LETTERS: Final = "23456789abcdefghjkmnpqrstvwxyz"


async def renew(tx: WriteSession, person_id: int) -> list[str]:
    """Answer fresh codes of somebody; those before are good no more."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(LENGTH)) for _ in range(COUNT)]
    await tx.execute("DELETE FROM recovery_code WHERE person_id = %s", (person_id,))
    await tx.execute_many(
        "INSERT INTO recovery_code (person_id, code_hash) VALUES (%s, %s)",
        [(person_id, _hash(code)) for code in codes],
    )
    return ["-".join(code[at : at + 4] for at in range(0, LENGTH, 4)) for code in codes]


async def use(tx: WriteSession, person_id: int, code: str, now: datetime) -> bool:
    """Use a code up; False for one that is none, or was used."""
    used = await tx.execute(
        "UPDATE recovery_code SET used_at = %s"
        " WHERE person_id = %s AND code_hash = %s AND used_at IS NULL",
        (now, person_id, _hash(code)),
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


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
