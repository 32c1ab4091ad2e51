"""One-time codes that people read to each other: `<project>-XXXX-XXXX-XXXX`, 60 random bits.

The project's slug tells in whose tables to look; what follows are Crockford's base-32 digits,
where O is read as 0 and I and L as 1. Only the SHA-256 is kept. With a day to live, one use and a
brake on tries, 60 bits cannot be guessed.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

LIFE = timedelta(hours=24)

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011")
_FORM = re.compile(r"([a-z0-9][a-z0-9_-]*)-(\w{4})-(\w{4})-(\w{4})", re.ASCII | re.IGNORECASE)
_GROUPS, _LENGTH = 3, 4


@dataclass(frozen=True, slots=True)
class ReadCode:
    """What a code that somebody typed says: whose it may be, and what is stored of it."""

    project: str
    digest: bytes


def new_code(project: str) -> str:
    """Answer a fresh code; it is shown once."""
    groups = ("".join(secrets.choice(_DIGITS) for _ in range(_LENGTH)) for _ in range(_GROUPS))
    return "-".join((project, *groups))


def read_code(text: str) -> ReadCode | None:
    """Answer what a typed code says; None when it cannot be one."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    project = found[1].lower()
    digits = "".join(found.groups()[1:]).upper().translate(_READ_AS)
    if not set(digits) <= set(_DIGITS):
        return None
    return ReadCode(project, hashlib.sha256(f"{project}-{digits}".encode()).digest())
