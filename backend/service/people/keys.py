"""Keys of programs: a bearer's secret that acts for whoever made it, with less than they have.

A key has 256 random bits and is shown once; its SHA-256 is kept. It opens one project, with some
permissions within a limit, and never more than its owner has at that moment. It ends by revocation,
at its expiry, and with its owner's membership. It never says who may do what.
"""

import re
import secrets
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from backend.core.db import Database, ReadSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.service.people.authority import Change, Grant
from backend.service.people.limits import Limit, limit_of
from backend.service.people.roles import Permission, known
from backend.service.people.sessions import SEEN_EVERY, Caller, KeyScope, digest

PREFIX: Final = "kwk_"
LONGEST_NAME: Final = 100
LONGEST_DAYS: Final = 730
MOST_KEYS: Final = 200
PEOPLES: Final = frozenset({Permission.PEOPLE, Permission.KEYS, Permission.PROJECT})
"""What no program does."""

_KEY = re.compile(r"kwk_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key without its secret."""

    uid: UUID
    key_hash: bytes
    person_id: int
    name: str
    stored: list[str]
    node_id: int | None
    modules: list[str] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it is good for, as far as its owner is."""
        return known(self.stored)

    @property
    def limit(self) -> Limit:
        """Where it is good."""
        return limit_of(self.node_id, self.modules)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a key is to be."""

    name: str
    permissions: Set[Permission]
    limit: Limit
    days: int


_ROWS = (
    "SELECT uid, key_hash, person_id, name, permissions AS stored, node_id, modules, created_at,"
    " expires_at, last_used_at, revoked_at FROM api_key WHERE project_id = %s"
)
_CALLER = (
    "SELECT p.id AS person_id, p.uid AS person_uid, p.login, p.name, p.locale, p.demo, k.key_hash,"
    " k.uid, k.project_id, k.permissions, k.node_id, k.modules, k.expires_at, k.last_used_at"
    " FROM api_key k JOIN person p ON p.id = k.person_id"
    " WHERE k.key_hash = %s AND k.revoked_at IS NULL AND k.expires_at > %s AND (%s OR NOT p.demo)"
)


async def make_key(change: Change, wanted: Wanted) -> tuple[str, KeyRow]:
    """Make a key and answer it, this once, with what is kept of it."""
    name = checked_name(wanted.name, wanted.days)
    permissions = frozenset(wanted.permissions) | {Permission.READ}
    if permissions & PEOPLES:
        raise InvalidInput("key_permission")
    change.allow(Grant(permissions, wanted.limit))
    held = await list_keys(change.tx, change.project_id)
    if sum(one.revoked_at is None for one in held) >= MOST_KEYS:
        raise InvalidInput("keys_most", most=MOST_KEYS)
    key, uid = PREFIX + secrets.token_urlsafe(32), new_uuid(change.now)
    words = [one.value for one in Permission if one in permissions]
    await change.tx.execute(
        "INSERT INTO api_key (key_hash, uid, project_id, person_id, name, permissions, node_id,"
        " modules, created_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            digest(key),
            uid,
            change.project_id,
            change.asker.person_id,
            name,
            words,
            wanted.limit.node_id,
            wanted.limit.words,
            change.now,
            change.now + timedelta(days=wanted.days),
        ),
    )
    about = {"name": name, "permissions": words, "node": wanted.limit.node_id, "days": wanted.days}
    await change.note("key.make", encode_id("key", uid), None, about)
    return key, await find_key(change.tx, change.project_id, uid)


def checked_name(name: str, days: int) -> str:
    """Answer a key's name without blanks around it; InvalidInput for it or for its days."""
    stripped = name.strip()
    if not 1 <= len(stripped) <= LONGEST_NAME:
        raise InvalidInput("key_name", most=LONGEST_NAME)
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput("key_days", most=LONGEST_DAYS)
    return stripped


async def revoke_key(change: Change, uid: UUID | None) -> KeyRow:
    """End a key; its sockets close. Once is as good as twice."""
    before = await find_key(change.tx, change.project_id, uid)
    if before.revoked_at is not None:
        return before
    await change.tx.execute(
        "UPDATE api_key SET revoked_at = %s WHERE project_id = %s AND uid = %s",
        (change.now, change.project_id, before.uid),
    )
    hexed = before.key_hash.hex()
    await publish(change.tx, change.project_id, "session", hexed, change.now)
    await change.note("key.revoke", encode_id("key", before.uid), {"name": before.name}, None)
    return await find_key(change.tx, change.project_id, uid)


async def list_keys(tx: ReadSession, project_id: int) -> list[KeyRow]:
    """Answer the keys of a project, the newest first."""
    return await tx.fetch_all(_ROWS + " ORDER BY created_at DESC", (project_id,), into=KeyRow)


async def find_key(tx: ReadSession, project_id: int, uid: UUID | None) -> KeyRow:
    """Answer a key; NotFound for one that the project has not."""
    row = await tx.fetch_one(_ROWS + " AND uid = %s", (project_id, uid), into=KeyRow)
    if row is None:
        raise NotFound(kind="key")
    return row


async def find_caller(database: Database, key: str, now: datetime, *, demo: bool) -> Caller | None:
    """Answer for whom a key acts, and with what; None when it is none that is good."""
    if _KEY.fullmatch(key) is None:
        return None
    async with database.platform_read() as tx:
        row = await tx.fetch_one(_CALLER, (digest(key), now, demo))
    if row is None:
        return None
    seen: datetime | None = row["last_used_at"]
    if seen is None or now - seen > SEEN_EVERY:
        async with database.platform() as tx:
            await tx.execute(
                "UPDATE api_key SET last_used_at = %s WHERE key_hash = %s", (now, row["key_hash"])
            )
    limit = limit_of(row["node_id"], row["modules"])
    return Caller(
        row["person_id"],
        row["person_uid"],
        row["login"],
        row["name"],
        row["locale"],
        row["demo"],
        True,
        row["key_hash"],
        row["expires_at"],
        now,
        KeyScope(row["uid"], row["project_id"], known(row["permissions"]), limit),
    )


async def still_valid(database: Database, key_hash: bytes, now: datetime) -> bool:
    """Tell whether a key that was good is so now."""
    async with database.platform_read() as tx:
        return bool(await tx.fetch_tuples(_CALLER, (key_hash, now, True)))
