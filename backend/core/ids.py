"""Identities that leave the platform: opaque `<type>_<id>` of a UUID version 7 (RFC 9562, 5.7).

Inside, rows have small integers; outside (GraphQL, REST, URLs, exports) a thing is known only by
such a text, for instance `mtr_06a2hq3r1x7m2e9z8k0v5c4t1w`: the type and 26
Crockford base-32 digits of the 128 bits, so that it sorts by time of birth and is safe in a URL.
"""

import secrets
from datetime import UTC, datetime
from uuid import UUID

from backend.core.errors import NotFound

NOBODY = UUID(int=0)
"""Whom nothing is, for texts that name nothing."""
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_LENGTH = 26
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_PLACES = range(120, -1, -10)
"""Of each pair of digits, which is ten bits."""


def new_uuid(now: datetime) -> UUID:
    """Answer a fresh UUID version 7 born at `now` (aware): 48 bits of milliseconds, 74 random."""
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (secrets.randbits(12) << 64)
    return UUID(int=value | (0b10 << 62) | secrets.randbits(62))


def born_at(uuid: UUID) -> datetime | None:
    """Answer when a thing was made, by its UUID of version 7; None for any other version."""
    return datetime.fromtimestamp((uuid.int >> 80) / 1000, UTC) if uuid.version == 7 else None


def encode_id(kind: str, uuid: UUID) -> str:
    """Answer the outside text of a thing: `kind` (prj, node, mtr, ...), `_`, 26 digits."""
    number = uuid.int
    return f"{kind}_{''.join([_PAIRS[number >> place & 1023] for place in _PLACES])}"


def decode_id(kind: str, text: str) -> UUID:
    """Answer the UUID of an outside text; NotFound for any text that is none of this `kind`.

    A malformed identity gets the same answer as an unknown one, so that nobody learns the
    difference.
    """
    prefix, _, digits = text.partition("_")
    if prefix != kind or len(digits) != _LENGTH:
        raise NotFound(kind=kind)
    number = 0
    for digit in digits:
        value = _VALUES.get(digit)
        if value is None:
            raise NotFound(kind=kind)
        number = (number << 5) | value
    if number >> 128:
        raise NotFound(kind=kind)
    return UUID(int=number)
