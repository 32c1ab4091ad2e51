"""Passwords of the database roles: random, made once, kept in one file with mode 0600."""

import json
import os
import secrets
from pathlib import Path

from backend.core.errors import DatabaseError

ROLES = ("kw_owner", "kw_app", "kw_ingest", "kw_backup")
"""The platform's own roles; `kilowise db init` makes them."""


def load_passwords(path: Path) -> dict[str, str]:
    """Answer role -> password (`postgres` is the embedded server's own); make what is missing."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        found = {}
    except ValueError as error:
        raise DatabaseError(
            f"{path} is no JSON ({error}). Restore it from the backup; without it run "
            f"`kilowise db init`, which sets new passwords."
        ) from error
    missing = [role for role in (*ROLES, "postgres") if role not in found]
    if missing:
        found |= {role: secrets.token_urlsafe(24) for role in missing}
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(found, file, indent=1)
        fresh.replace(path)
    return {str(role): str(password) for role, password in found.items()}
