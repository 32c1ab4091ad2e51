"""Links of a group, good once: for a project, and for people who become its readers or owners.

As those into projects (`people/invitations.py`): 256 random bits behind the `#`, of which the
SHA-256 is kept. A link for a project does nothing by itself: what it is used for is a consent that
somebody of the project gives (`consents.py`).
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import new_uuid
from backend.service.groups.groups import GroupChange, GroupRow, join
from backend.service.people.asker import Asker
from backend.service.people.sessions import digest

LONGEST_DAYS: Final = 30
LONGEST_NOTE: Final = 200
MOST_OPEN: Final = 200
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class For(StrEnum):
    """Whom a link is for; the app's texts are under `groups.for`."""

    PROJECT = "project"
    READER = "reader"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class GroupInvitationRow:
    """A link without what makes it good."""

    uid: UUID
    kind: str
    note: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class GroupOffer:
    """What the holder of a link is told, and the group that it leads to."""

    group_id: int
    group_uid: UUID
    group_name: str
    uid: UUID
    kind: str
    expires_at: datetime


_ROWS = (
    "SELECT uid, kind, note, created_at, expires_at, used_at, revoked_at FROM group_invitation"
    " WHERE group_id = %s"
)
_GOOD = (
    "SELECT g.id AS group_id, g.uid AS group_uid, g.name AS group_name, i.uid, i.kind,"
    " i.expires_at FROM group_invitation i JOIN project_group g ON g.id = i.group_id"
    " WHERE i.token_hash = %s AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > %s"
    " AND g.ended_at IS NULL"
)


async def invite(
    change: GroupChange, kind: For, days: int, note: str
) -> tuple[str, GroupInvitationRow]:
    """Make a link: its token, this once, and what is kept of it."""
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput("invitation_days", most=LONGEST_DAYS)
    held = await list_group_invitations(change.tx, change.group.id)
    waiting = (one for one in held if one.used_at is None and one.revoked_at is None)
    if sum(one.expires_at > change.now for one in waiting) >= MOST_OPEN:
        raise Conflict("invitations_most", most=MOST_OPEN)
    token, uid = secrets.token_urlsafe(32), new_uuid(change.now)
    await change.tx.execute(
        "INSERT INTO group_invitation (token_hash, uid, group_id, kind, note, invited_by,"
        " created_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            digest(token),
            uid,
            change.group.id,
            kind.value,
            note.strip()[:LONGEST_NOTE],
            change.asker.person_id,
            change.now,
            change.now + timedelta(days=days),
        ),
    )
    return token, await _find(change.tx, change.group.id, uid)


async def revoke_group_invitation(change: GroupChange, uid: UUID | None) -> GroupInvitationRow:
    """Take a link back; one that was used stays as it is."""
    before = await _find(change.tx, change.group.id, uid)
    if before.used_at is not None:
        raise Conflict("invitation_accepted")
    await change.tx.execute(
        "UPDATE group_invitation SET revoked_at = %s"
        " WHERE group_id = %s AND uid = %s AND revoked_at IS NULL",
        (change.now, change.group.id, uid),
    )
    return await _find(change.tx, change.group.id, uid)


async def list_group_invitations(tx: ReadSession, group_id: int) -> list[GroupInvitationRow]:
    """Answer a group's links, the newest first."""
    order = " ORDER BY created_at DESC, uid DESC LIMIT 500"
    return await tx.fetch_all(_ROWS + order, (group_id,), into=GroupInvitationRow)


async def offer(database: Database, token: str, now: datetime) -> GroupOffer:
    """Answer what a link offers; NotFound for one that is not, or no longer, good."""
    async with database.platform_read() as tx:
        return await _good(tx, _GOOD, token, now)


async def take(tx: WriteSession, token: str, now: datetime, *kinds: For) -> GroupOffer:
    """Take a good link of one of these kinds, and keep it and its group for oneself meanwhile."""
    found = await _good(tx, _GOOD + " FOR UPDATE", token, now)
    if found.kind not in kinds:
        raise NotFound("invitation_used")
    return found


async def use(tx: WriteSession, taken: GroupOffer, person_id: int, now: datetime) -> None:
    """Use a link that was taken."""
    await tx.execute(
        "UPDATE group_invitation SET used_at = %s, used_by = %s WHERE group_id = %s AND uid = %s",
        (now, person_id, taken.group_id, taken.uid),
    )


async def accept(database: Database, token: str, who: Asker, now: datetime) -> UUID:
    """Come into a group as a reader or an owner, as the link says; answers the group."""
    async with database.platform() as tx:
        taken = await take(tx, token, now, For.READER, For.OWNER)
        people = await tx.fetch_value(
            "SELECT count(*) FROM group_person WHERE group_id = %s", (taken.group_id,), into=int
        )
        group = GroupRow(taken.group_id, taken.group_uid, taken.group_name, False, people or 0, 0)
        await use(tx, taken, who.person_id, now)
        await join(tx, group, who, now, owner=taken.kind == For.OWNER)
    return taken.group_uid


async def _find(tx: ReadSession, group_id: int, uid: UUID | None) -> GroupInvitationRow:
    row = await tx.fetch_one(_ROWS + " AND uid = %s", (group_id, uid), into=GroupInvitationRow)
    if row is None:
        raise NotFound(kind="invitation")
    return row


async def _good(tx: ReadSession, sql: str, token: str, now: datetime) -> GroupOffer:
    hashed = digest(token) if _TOKEN.fullmatch(token) else b""
    found = await tx.fetch_one(sql.encode(), (hashed, now), into=GroupOffer)
    if found is None:
        raise NotFound("invitation_used")
    return found
