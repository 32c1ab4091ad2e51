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

from backend.core.db import Database, ReadSession, WriteSession

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


@dataclass(frozen=True, slots=True)
class OpenProject:
    """A project that a person may open, with the role they have in it."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    zone: str
    day_start_minute: int
    week_start: int
    month_start_day: int
    year_start_month: int
    currency: str
    demo: bool
    role: str


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
    found = await database.look(_CALLER, (digest(token), now, demo), into=Caller)
    caller = found[0] if found else None
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
    return bool(await database.look(_CALLER, (token_hash, now, True), into=Caller))


async def revoke(tx: WriteSession, token_hash: bytes, now: datetime) -> bool:
    """End a session; False when it had ended already."""
    changed = await tx.execute(
        "UPDATE sign_in_session SET revoked_at = %s WHERE token_hash = %s AND revoked_at IS NULL",
        (now, token_hash),
    )
    return changed == 1


_PROJECTS = (
    "SELECT p.id, p.uid, p.slug, p.name, p.zone, p.day_start_minute, p.week_start,"
    " p.month_start_day, p.year_start_month, p.currency, p.demo, m.role"
    " FROM project p JOIN membership m ON m.project_id = p.id"
    " WHERE m.person_id = %s"
)


async def open_projects(tx: ReadSession, person_id: int) -> list[OpenProject]:
    """Answer the projects a person may open, by name of slug."""
    return await tx.fetch_all(_PROJECTS + " ORDER BY p.slug", (person_id,), into=OpenProject)


async def find_project(
    database: Database, person_id: int, *, uid: UUID | None = None, slug: str | None = None
) -> OpenProject | None:
    """The project door: the project by `uid` or `slug`, None when this person may not open it.

    A project that does not exist and one of strangers get the same answer by the same statement.
    """
    found = await database.look(
        _PROJECTS + " AND (p.uid = %s OR p.slug = %s)", (person_id, uid, slug), into=OpenProject
    )
    return found[0] if found else None
