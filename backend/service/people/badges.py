"""What people take a shared device with: a badge's QR code, or six digits of their own.

A badge has 256 random bits and is good at the devices of one project; its SHA-256 is kept. A PIN
is the person's: nobody else sets it, and it is kept as an argon2id hash. Neither opens anything
without the credential of an enrolled device.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.core import audit
from backend.core.db import Database, ReadSession
from backend.core.ids import encode_id
from backend.service.people.authority import Change, MemberRow
from backend.service.people.openings import projects_of
from backend.service.people.sessions import Caller, digest

PREFIX: Final = "kwb_"


@dataclass(frozen=True, slots=True)
class Means:
    """With what a member takes a device: since when each."""

    badge_at: datetime | None = None
    pin_at: datetime | None = None


async def make_badge(change: Change, member: MemberRow) -> str:
    """Make a member's badge, which ends the one before: its text, this once."""
    badge = PREFIX + secrets.token_urlsafe(32)
    await _revoke(change, member)
    await change.tx.execute(
        "INSERT INTO person_badge (badge_hash, project_id, person_id, made_by, made_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        (
            digest(badge),
            change.project_id,
            member.person_id,
            change.asker.person_id,
            change.now,
        ),
    )
    await change.note("badge.make", member.ref, None, None)
    return badge


async def end_badge(change: Change, member: MemberRow) -> None:
    """End a member's badge: lost, or no longer wanted."""
    await _revoke(change, member)
    await change.note("badge.end", member.ref, None, None)


async def badge_holder(tx: ReadSession, project_id: int, badge: str) -> int | None:
    """Answer whose badge it is; None for one that is not good in the project."""
    return await tx.fetch_value(
        "SELECT person_id FROM person_badge"
        " WHERE project_id = %s AND badge_hash = %s AND revoked_at IS NULL",
        (project_id, digest(badge[:100])),
        into=int,
    )


async def set_pin(database: Database, caller: Caller, pin_hash: str, now: datetime) -> None:
    """Keep the hash of somebody's new PIN, and write down in their projects that it is new."""
    async with database.platform() as tx:
        await tx.execute(
            "INSERT INTO person_pin (person_id, pin_hash, set_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (person_id) DO UPDATE"
            " SET pin_hash = excluded.pin_hash, set_at = excluded.set_at",
            (caller.person_id, pin_hash, now),
        )
        projects = await projects_of(tx, caller.person_id)
    me = encode_id("per", caller.uid)
    for project in projects:
        async with database.project(project) as tx:
            deed = audit.Deed(me, "pin.set", me, "done", caller.person_id)
            await audit.record(tx, project, deed, now)


async def means_of(tx: ReadSession, project_id: int) -> dict[int, Means]:
    """Answer what the members of a project can take a device with, by person."""
    rows = await tx.fetch_tuples(
        "SELECT m.person_id, max(b.made_at), max(p.set_at) FROM membership m"
        " LEFT JOIN person_badge b ON b.project_id = m.project_id AND b.person_id = m.person_id"
        " AND b.revoked_at IS NULL LEFT JOIN person_pin p ON p.person_id = m.person_id"
        " WHERE m.project_id = %s GROUP BY m.person_id",
        (project_id,),
    )
    return {person: Means(badge_at, pin_at) for person, badge_at, pin_at in rows}


async def _revoke(change: Change, member: MemberRow) -> None:
    await change.tx.execute(
        "UPDATE person_badge SET revoked_at = %s"
        " WHERE project_id = %s AND person_id = %s AND revoked_at IS NULL",
        (change.now, change.project_id, member.person_id),
    )
