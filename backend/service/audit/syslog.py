"""Entries of the audit as syslog messages (RFC 5424), framed for TLS (RFC 5425, 4.3).

Facility 13 (log audit), severity 5 (notice). The structured data carry what the entry says of
itself, under the enterprise number that RFC 5612 keeps for examples, since we have none; the
message is the JSON of what was and what is.
"""

from datetime import UTC
from typing import Final

import msgspec

from backend.core.audit import Entry

PRIORITY: Final = 13 * 8 + 5
_ESCAPED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "]": "\\]"})
_BOM: Final = "\ufeff"


def message(host: str, project: str, entry: Entry) -> str:
    """Answer the syslog message of an entry; `host` is who sends it."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"<{PRIORITY}>1 {at} {_name(host, 255)} kilowise - {_name(entry.action, 32)}"
    told = {
        "project": project,
        "number": str(entry.number),
        "actor": entry.actor,
        "action": entry.action,
        "ref": entry.ref,
        "result": entry.result,
        "hash": entry.hash.hex(),
    }
    data = " ".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in told.items())
    body = msgspec.json.encode({"old": _raw(entry.old), "new": _raw(entry.new)}).decode()
    return f"{head} [audit@32473 {data}] {_BOM}{body}"


def framed(text: str) -> bytes:
    """Answer a message as it travels: its length in octets, a space, and itself."""
    octets = text.encode()
    return f"{len(octets)} ".encode() + octets


def _raw(text: str | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if text is None else text.encode())


def _name(text: str, most: int) -> str:
    """A header's field: printable ASCII without blanks, `-` for nothing."""
    return "".join(sign for sign in text if "!" <= sign <= "~")[:most] or "-"
