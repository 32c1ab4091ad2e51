"""Invitations: a one-time link into a project, with the role and limits that it gives.

The token has 256 random bits and stands behind the `#` of the link, which no server and no log
sees; its SHA-256 is kept. It is good once, until it expires or is revoked, or whoever invited has
no longer what it gives. Whoever is signed in joins as who they are; anybody else becomes a person
of the platform with it.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.people.authority import Change, allow_membership, checked_end
from backend.service.people.limits import Limit, limit_of
from backend.service.people.sessions import digest
from backend.service.projects.quotas import require_place

LONGEST_DAYS: Final = 30
LONGEST_NAME: Final = 100
LONGEST_NOTE: Final = 200
MOST_OPEN: Final = 500

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_LOGIN = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|\+?[0-9][0-9 -]{2,30}|[\w.-]{2,64}")
"""An e-mail address, a telephone number, or an employee's number or name."""


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation without its token."""

    uid: UUID
    project_id: int
    role: str
    node_id: int | None
    modules: list[str] | None
    note: str
    invited_by: int
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    accepted_by: int | None
    revoked_at: datetime | None
    ends_at: datetime | None

    @property
    def limit(self) -> Limit:
        """What the role is limited to."""
        return limit_of(self.node_id, self.modules)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the holder of a link is told: whose project, and as what."""

    project: str
    project_name: dict[str, str]
    role: str
    role_name: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who is no person of the platform yet; `password_hash` is of what they chose.

    It is None for who signs in by a provider.
    """

    name: str
    login: str
    password_hash: str | None
    locale: str


_ROWS = (
    "SELECT uid, project_id, role, node_id, modules, note, invited_by, created_at, expires_at,"
    " accepted_at, accepted_by, revoked_at, ends_at FROM invitation i WHERE "
)
_GOOD = (
    "token_hash = %(token)s AND accepted_at IS NULL AND revoked_at IS NULL"
    " AND expires_at > %(now)s AND (i.ends_at IS NULL OR i.ends_at > %(now)s)"
    " AND EXISTS (SELECT 1 FROM membership g"
    " JOIN project_role has ON has.project_id = g.project_id AND has.slug = g.role"
    " JOIN project_role gets ON gets.project_id = i.project_id AND gets.slug = i.role"
    " WHERE g.project_id = i.project_id AND g.person_id = i.invited_by"
    " AND (g.ends_at IS NULL OR g.ends_at > %(now)s) AND gets.permissions <@ has.permissions"
    " AND (g.node_id IS NULL OR g.node_id = i.node_id)"
    " AND (g.modules IS NULL OR i.modules <@ g.modules))"
)
"""A link is good while whoever invited still has what it gives."""
_OFFER = (
    "SELECT p.slug AS project, p.name AS project_name, i.role, r.name AS role_name, i.expires_at"
    " FROM invitation i JOIN project p ON p.id = i.project_id"
    " JOIN project_role r ON r.project_id = i.project_id AND r.slug = i.role WHERE "
)


async def invite(
    change: Change,
    role: str,
    limit: Limit,
    days: int,
    note: str,
    ends_at: datetime | None = None,
) -> tuple[str, InvitationRow]:
    """Make an invitation: its token, this once, and what is kept of it.

    The membership that comes of it ends at `ends_at`.
    """
    checked_end(change, ends_at)
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput("invitation_days", most=LONGEST_DAYS)
    await allow_membership(change, role, limit)
    await require_place(change.tx, change.project_id)
    held = await list_invitations(change.tx, change.project_id)
    waiting = (one for one in held if one.accepted_at is None and one.revoked_at is None)
    if sum(one.expires_at > change.now for one in waiting) >= MOST_OPEN:
        raise Conflict("invitations_most", most=MOST_OPEN)
    token, uid = secrets.token_urlsafe(32), new_uuid(change.now)
    await change.tx.execute(
        "INSERT INTO invitation (token_hash, uid, project_id, role, node_id, modules, note,"
        " invited_by, created_at, expires_at, ends_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            digest(token),
            uid,
            change.project_id,
            role,
            limit.node_id,
            limit.words,
            note.strip()[:LONGEST_NOTE],
            change.asker.person_id,
            change.now,
            change.now + timedelta(days=days),
            ends_at,
        ),
    )
    about = {"role": role, "node": limit.node_id, "modules": limit.words, "days": days}
    await change.note("invitation.make", encode_id("inv", uid), None, about)
    return token, await find_invitation(change.tx, change.project_id, uid)


async def revoke_invitation(change: Change, uid: UUID | None) -> InvitationRow:
    """Take an invitation back; one that was accepted stays as it is."""
    before = await find_invitation(change.tx, change.project_id, uid)
    if before.accepted_at is not None:
        raise Conflict("invitation_accepted")
    if before.revoked_at is None:
        await change.tx.execute(
            "UPDATE invitation SET revoked_at = %s WHERE project_id = %s AND uid = %s",
            (change.now, change.project_id, before.uid),
        )
        await change.note("invitation.revoke", encode_id("inv", before.uid), None, None)
    return await find_invitation(change.tx, change.project_id, uid)


async def list_invitations(tx: ReadSession, project_id: int) -> list[InvitationRow]:
    """Answer a project's invitations, the newest first."""
    order = " ORDER BY created_at DESC LIMIT 1000"
    return await tx.fetch_all(_ROWS + "project_id = %s" + order, (project_id,), into=InvitationRow)


async def find_invitation(tx: ReadSession, project_id: int, uid: UUID | None) -> InvitationRow:
    """Answer an invitation; NotFound for one that the project has not."""
    row = await tx.fetch_one(
        _ROWS + "project_id = %s AND uid = %s", (project_id, uid), into=InvitationRow
    )
    if row is None:
        raise NotFound(kind="invitation")
    return row


async def offer(database: Database, token: str, now: datetime) -> Offer:
    """Answer what a link offers; NotFound for one that is not, or no longer, good."""
    async with database.platform_read() as tx:
        asked = {"token": _hash(token), "now": now}
        found = await tx.fetch_one(_OFFER + _GOOD, asked, into=Offer)
    if found is None:
        raise NotFound("invitation_used")
    return found


async def accept(
    database: Database, token: str, who: int | Newcomer, now: datetime
) -> tuple[int, int]:
    """Use a link: the numbers of the project and the person who belongs to it now.

    Raises NotFound for a link that is not good, Conflict for a login that somebody has or a person
    who belongs to the project already; the link stays good then.
    """
    async with database.platform() as tx:
        row = await tx.fetch_one(
            _ROWS + _GOOD + " FOR UPDATE", {"token": _hash(token), "now": now}, into=InvitationRow
        )
        if row is None:
            raise NotFound("invitation_used")
        person = who if isinstance(who, int) else await _new_person(tx, who, now)
        joined = await tx.execute(
            "INSERT INTO membership AS m (project_id, person_id, role, node_id, modules, ends_at)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (project_id, person_id) DO UPDATE SET"
            " role = excluded.role, node_id = excluded.node_id, modules = excluded.modules,"
            " ends_at = excluded.ends_at WHERE m.ends_at <= %s",
            (row.project_id, person, row.role, row.node_id, row.modules, row.ends_at, now),
        )
        if not joined:
            raise Conflict("member_already")
        await require_place(tx, row.project_id, more=0)
        await tx.execute(
            "UPDATE invitation SET accepted_at = %s, accepted_by = %s"
            " WHERE project_id = %s AND uid = %s",
            (now, person, row.project_id, row.uid),
        )
    await _write_down(database, row, person, now)
    return row.project_id, person


def checked_login(login: str) -> str:
    """Answer a login as it is kept; InvalidInput for what is no number, address or name."""
    kept = login.strip().casefold()
    if _LOGIN.fullmatch(kept) is None or len(kept) > 200:
        raise InvalidInput("login_form")
    return kept


def checked_name(name: str) -> str:
    """Answer a person's name; InvalidInput when it is empty or too long."""
    kept = " ".join(name.split())
    if not 1 <= len(kept) <= LONGEST_NAME:
        raise InvalidInput("person_name", most=LONGEST_NAME)
    return kept


async def _new_person(tx: WriteSession, who: Newcomer, now: datetime) -> int:
    number = await tx.fetch_value(
        "INSERT INTO person (uid, login, name, password_hash, locale, demo, created_at)"
        " VALUES (%s, %s, %s, %s, %s, false, %s) ON CONFLICT (login) DO NOTHING RETURNING id",
        (
            new_uuid(now),
            who.login,
            Jsonb({"en": who.name, "zh-CN": who.name}),
            who.password_hash,
            who.locale,
            now,
        ),
        into=int,
    )
    if number is None:
        raise Conflict("login_taken")
    return number


async def _write_down(database: Database, row: InvitationRow, person: int, now: datetime) -> None:
    async with database.project(row.project_id) as tx:
        uid = await tx.fetch_value("SELECT uid FROM person WHERE id = %s", (person,), into=UUID)
        actor = "" if uid is None else encode_id("per", uid)
        about = {"role": row.role, "node": row.node_id, "modules": row.modules}
        ref = encode_id("inv", row.uid)
        deed = audit.Deed(actor, "invitation.accept", ref, "done", person, None, about)
        await audit.record(tx, row.project_id, deed, now)


def _hash(token: str) -> bytes:
    return digest(token) if _TOKEN.fullmatch(token) else b""
