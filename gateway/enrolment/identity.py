"""A gateway's identity: certificate and key in one file of mode 0600, and when to renew it.

Lines before the certificate say in words what a gateway that runs needs to know, so that it need
not load a cryptographic library for it; every reader of PEM passes over them. The file is replaced
as a whole, so certificate and key always belong together.
"""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_LINE = re.compile(r"^(Credential|Renew-From|Valid-Until): (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the file says; `pem` is certificate and key."""

    credential: str
    renew_from: datetime
    valid_until: datetime
    pem: str


def read_identity(file: Path) -> Identity | None:
    """Answer what a file says; None when it is none of ours, or not there."""
    try:
        text = file.read_text(encoding="ascii")
        head, mark, rest = text.partition("-----BEGIN ")
        said = dict(_LINE.findall(head))
        return Identity(
            said["Credential"],
            datetime.fromisoformat(said["Renew-From"]),
            datetime.fromisoformat(said["Valid-Until"]),
            mark + rest,
        )
    except (OSError, ValueError, KeyError):
        return None


def write_identity(file: Path, identity: Identity) -> None:
    """Replace the file at once; nobody but its owner can read it."""
    head = (
        f"The identity of a Kilowise gateway. The key below never leaves this machine.\n"
        f"Credential: {identity.credential}\n"
        f"Renew-From: {identity.renew_from.isoformat()}\n"
        f"Valid-Until: {identity.valid_until.isoformat()}\n"
    )
    write_private(file, (head + identity.pem).encode("ascii"))


def write_private(file: Path, content: bytes) -> None:
    """Replace a file at once, readable by its owner only."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
