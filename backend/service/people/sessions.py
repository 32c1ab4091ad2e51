"""Server-side sessions: an opaque random token outside, its SHA-256 in the database.

A token has 256 random bits, so a plain hash keeps it safe. A session ends by revocation, after
`LIFETIME`, or when the person is one of the demonstration's and those are not let in here.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from backend.core.db import Database, WriteSession

LIFETIME = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=5)
"""How stale `last_seen_at` may be before a request writes it anew."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Caller:
    """A person who is signed in, and by which session."""

    person_id: int
    uid: UUID
    login: str
    name: dict[str, str]
    locale: str
    demo: bool
    bearer: bool
    token_hash: bytes
    expires_at: datetime
    last_seen_at: datetime


def digest(token: str) -> bytes:
    """Answer what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


async def create_session(
    tx: WriteSession, person_id: int, now: datetime, *, bearer: bool, user_agent: str | None
) -> str:
    """Begin a session and answer its token, which is not kept anywhere."""
    token = secrets.token_urlsafe(32)
    await tx.execute(
        "INSERT INTO sign_in_session"
        " (token_hash, person_id, created_at, expires_at, last_seen_at, bearer, user_agent)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (digest(token), person_id, now, now + LIFETIME, now, bearer, (user_agent or "")[:200]),
    )
    return token


_CALLER = (
    "SELECT p.id AS person_id, p.uid, p.login, p.name, p.locale, p.demo, s.bearer,"
    " s.token_hash, s.expires_at, s.last_seen_at"
    " FROM sign_in_session s JOIN person p ON p.id = s.person_id"
    " WHERE s.token_hash = %s AND s.revoked_at IS NULL AND s.expires_at > %s"
    " AND (%s OR NOT p.demo)"
)


async def find_caller(
    database: Database, token: str, now: datetime, *, bearer: bool, demo: bool
) -> Caller | None:
    """Answer who holds the token; None when it is no valid session.

    `bearer` tells how the token came: only a session that a script began is good as a bearer's, so
    that a cookie that leaks is not. `demo` tells whether people of the demonstration are let in.
    """
    if _TOKEN.fullmatch(token) is None:
        return None
    async with database.platform_read() as tx:
        caller = await tx.fetch_one(_CALLER, (digest(token), now, demo), into=Caller)
    if caller is None or (bearer and not caller.bearer):
        return None
    if now - caller.last_seen_at > SEEN_EVERY:
        async with database.platform() as tx:
            await tx.execute(
                "UPDATE sign_in_session SET last_seen_at = %s WHERE token_hash = %s",
                (now, caller.token_hash),
            )
    return caller


async def still_valid(database: Database, token_hash: bytes, now: datetime) -> bool:
    """Tell whether a session that was valid is so now (for sockets that stay open)."""
    async with database.platform_read() as tx:
        return bool(await tx.fetch_tuples(_CALLER, (token_hash, now, True)))


async def revoke(tx: WriteSession, token_hash: bytes, now: datetime) -> bool:
    """End a session; False when it had ended already."""
    changed = await tx.execute(
        "UPDATE sign_in_session SET revoked_at = %s WHERE token_hash = %s AND revoked_at IS NULL",
        (now, token_hash),
    )
    return changed == 1
