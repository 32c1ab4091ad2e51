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
from backend.core.errors import NotAllowed, NotFound
from backend.service.people.limits import Limit
from backend.service.people.roles import Permission

LIFETIME = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=5)
"""How stale `last_seen_at` may be before a request writes it anew."""

FRESH = timedelta(minutes=10)
"""How long after proving who they are a person may change what they prove it with."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a key of a program is good for, and whose project it opens."""

    uid: UUID
    project_id: int
    permissions: frozenset[Permission]
    limit: Limit
    within: int | None = None
    """The owner's own place, where `limit` was found to lie at or below it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A person who is signed in, and by which session; or by which key, for a program.

    On a shared device (`device`) what its post is good for is the scope.
    """

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
    scope: KeyScope | None = None
    device: UUID | None = None
    strong: bool = False
    """Whether a second factor was passed."""
    proved_at: datetime | None = None
    """When the person last proved who they are; None for a key."""

    @property
    def by_key(self) -> bool:
        """Whether it is a program, with a key."""
        return self.scope is not None and self.device is None

    def in_person(self) -> None:
        """Raise NotAllowed for a key or a shared device: it is the person's own to do."""
        if self.device is not None:
            raise NotAllowed("not_at_post")
        if self.scope is not None:
            raise NotAllowed("not_by_key")

    def freshly(self, now: datetime) -> None:
        """Raise NotAllowed when the person has not proved who they are within `FRESH`."""
        self.in_person()
        if self.proved_at is None or now - self.proved_at > FRESH:
            raise NotAllowed("proof_needed")


def digest(token: str) -> bytes:
    """Answer what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


async def create_session(
    tx: WriteSession,
    person_id: int,
    now: datetime,
    *,
    bearer: bool,
    user_agent: str | None,
    address: str = "",
    lasts: timedelta = LIFETIME,
    strong: bool = False,
) -> str:
    """Begin a session and answer its token, which is not kept anywhere.

    `strong`: a second factor was passed, or a passkey that is two in one.
    """
    token = secrets.token_urlsafe(32)
    await tx.execute(
        "INSERT INTO sign_in_session"
        " (token_hash, person_id, created_at, expires_at, last_seen_at, bearer, user_agent,"
        " address, strong) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            digest(token),
            person_id,
            now,
            now + lasts,
            now,
            bearer,
            (user_agent or "")[:200],
            address[:100],
            strong,
        ),
    )
    return token


_CALLER = (
    "SELECT p.id AS person_id, p.uid, p.login, p.name, p.locale, p.demo, s.bearer,"
    " s.token_hash, s.expires_at, s.last_seen_at, s.device_uid AS device, s.strong,"
    " coalesce(s.proved_at, s.created_at) AS proved_at"
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


async def note_proof(tx: WriteSession, token_hash: bytes, now: datetime, *, strong: bool) -> None:
    """Keep that whoever holds a session proved anew who they are, maybe by a second factor."""
    await tx.execute(
        "UPDATE sign_in_session SET proved_at = %s, strong = strong OR %s WHERE token_hash = %s",
        (now, strong, token_hash),
    )


async def revoke(tx: WriteSession, token_hash: bytes, now: datetime) -> bool:
    """End a session; False when it had ended already."""
    changed = await tx.execute(
        "UPDATE sign_in_session SET revoked_at = %s WHERE token_hash = %s AND revoked_at IS NULL",
        (now, token_hash),
    )
    return changed == 1


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that is open: since when, seen when, from where and with what."""

    uid: UUID
    token_hash: bytes
    created_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    bearer: bool
    user_agent: str | None
    address: str


_OPEN = (
    "SELECT uid, token_hash, created_at, expires_at, last_seen_at, bearer, user_agent, address"
    " FROM sign_in_session WHERE person_id = %s AND revoked_at IS NULL AND expires_at > %s"
)


async def list_sessions(tx: ReadSession, person_id: int, now: datetime) -> list[SessionRow]:
    """Answer a person's open sessions, the one seen last first."""
    order = " ORDER BY last_seen_at DESC, created_at DESC"
    return await tx.fetch_all(_OPEN + order, (person_id, now), into=SessionRow)


async def find_session(
    tx: ReadSession, person_id: int, uid: UUID | None, now: datetime
) -> SessionRow:
    """Answer one of a person's open sessions; NotFound for any other."""
    row = await tx.fetch_one(_OPEN + " AND uid = %s", (person_id, now, uid), into=SessionRow)
    if row is None:
        raise NotFound(kind="session")
    return row
