"""Taking a shared device, and what is tapped on it: every act carries the person.

Whoever takes it ends the session before theirs. A session is limited to what its post is good for
and to what the person may at that moment. It ends by leaving, when nobody has touched the device
for the post's time, and after `LONGEST` in any case. What was tapped without a network is proved
afterwards by a secret that the device was given with the session: it stays with who tapped, even
when somebody else has taken the device meanwhile.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from backend.core import audit
from backend.core.db import Database, ReadSession
from backend.core.errors import NotAllowed, NotFound
from backend.core.ids import encode_id
from backend.service.people.limits import limit_of
from backend.service.people.posts import DeviceRow, end_sessions, find_device
from backend.service.people.roles import known
from backend.service.people.sessions import Caller, KeyScope, create_session, digest

LONGEST: Final = timedelta(hours=13)
"""A long shift, and handing over."""
LATE: Final = timedelta(days=7)
"""How long after its session began a tap may still arrive."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A session on a shared device: its token, and the secret that proves its taps later."""

    token: str
    tap: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may take a device with their PIN."""

    id: int
    uid: UUID
    login: str
    name: dict[str, str]
    pin_hash: str


@dataclass(frozen=True, slots=True)
class _Scope:
    uid: UUID
    project_id: int
    stored: list[str]
    node_id: int | None
    modules: list[str] | None
    within: int | None


_CANDIDATES = (
    "SELECT p.id, p.uid, p.login, p.name, n.pin_hash FROM membership m"
    " JOIN person p ON p.id = m.person_id JOIN person_pin n ON n.person_id = p.id"
    " WHERE m.project_id = %s AND (m.ends_at IS NULL OR m.ends_at > %s)"
)
_SCOPE = (
    "SELECT d.uid, d.project_id, r.permissions AS stored, s.node_id, d.modules, s.within"
    " FROM sign_in_session s JOIN shared_device d ON d.uid = s.device_uid"
    " JOIN project_role r ON r.project_id = d.project_id AND r.slug = d.role"
    " WHERE s.token_hash = %s AND d.revoked_at IS NULL"
)
_TAPPED = (
    "SELECT p.id AS person_id, p.uid, p.login, p.name, p.locale, p.demo, s.bearer,"
    " s.token_hash, s.expires_at, s.last_seen_at, s.device_uid AS device"
    " FROM sign_in_session s JOIN person p ON p.id = s.person_id"
    " WHERE s.tap_hash = %s AND s.device_uid = %s AND s.created_at > %s"
    " AND %s <= least(s.revoked_at, s.created_at + %s)"
)
_ABOVE = (
    "WITH RECURSIVE above AS ("
    " SELECT n.id, n.parent_id FROM node n WHERE n.project_id = %(project)s AND n.id = %(node)s"
    " UNION SELECT n.id, n.parent_id FROM node n JOIN above a ON n.id = a.parent_id"
    " WHERE n.project_id = %(project)s) SELECT id FROM above"
)


async def candidates(tx: ReadSession, project_id: int, now: datetime) -> list[Candidate]:
    """Answer who of a project has a PIN, by login."""
    order = " ORDER BY p.login"
    return await tx.fetch_all(_CANDIDATES + order, (project_id, now), into=Candidate)


async def find_candidate(
    tx: ReadSession, project_id: int, person: UUID | None, now: datetime
) -> Candidate | None:
    """Answer a member who has a PIN; None for anybody else."""
    asked = (project_id, now, person)
    return await tx.fetch_one(_CANDIDATES + " AND p.uid = %s", asked, into=Candidate)


async def take(
    database: Database, device: DeviceRow, person_id: int, user_agent: str | None, now: datetime
) -> Taken:
    """Begin the session of somebody who has proved who they are, and end the one before.

    Raises NotAllowed for who belongs no longer to the project, or to another part of the plant.
    """
    project = device.project_id
    async with database.project(project) as tx:
        device = await find_device(tx, project, device.uid)
        if device.revoked_at is not None:
            raise NotFound(kind="shared_device")
        own, node = await _places(tx, device, person_id, now)
        await end_sessions(tx, device, now)
        token = await create_session(
            tx,
            person_id,
            now,
            bearer=False,
            user_agent=user_agent,
            address=device.name,
            lasts=timedelta(seconds=device.idle_s),
        )
        tap = secrets.token_urlsafe(32)
        await tx.execute(
            "UPDATE sign_in_session SET device_uid = %s, tap_hash = %s, node_id = %s, within = %s"
            " WHERE token_hash = %s",
            (device.uid, digest(tap), node, own, digest(token)),
        )
        uid = await tx.fetch_value("SELECT uid FROM person WHERE id = %s", (person_id,), into=UUID)
        actor = "" if uid is None else encode_id("per", uid)
        deed = audit.Deed(actor, "post.take", device.ref, "done", person_id)
        await audit.record(tx, project, deed, now)
    return Taken(token, tap)


async def stay(database: Database, caller: Caller, now: datetime) -> datetime | None:
    """Somebody touched the device: until when its session lasts now; None on one's own device."""
    if caller.device is None:
        return None
    async with database.platform() as tx:
        return await tx.fetch_value(
            "UPDATE sign_in_session s SET expires_at = least(s.created_at + %s,"
            " %s + d.idle_s * interval '1 second') FROM shared_device d"
            " WHERE d.uid = s.device_uid AND s.token_hash = %s AND s.revoked_at IS NULL"
            " RETURNING s.expires_at",
            (LONGEST, now, caller.token_hash),
            into=datetime,
        )


async def scoped(database: Database, caller: Caller) -> Caller | None:
    """Answer a caller on a shared device with what its post is good for; None when that ended."""
    found = await database.look(_SCOPE, (caller.token_hash,), into=_Scope)
    if not found:
        return None
    row = found[0]
    limit = limit_of(row.node_id, row.modules)
    scope = KeyScope(row.uid, row.project_id, known(row.stored), limit, row.within)
    return replace(caller, scope=scope)


async def tapped_by(
    database: Database, device: DeviceRow | None, tap: str, at: datetime, now: datetime
) -> Caller:
    """Answer who held the device when something was tapped at `at`, by the session's secret.

    Raises NotAllowed for a secret of another device, and for a time beyond its session.
    """
    if device is not None:
        asked = (digest(tap[:100]), device.uid, now - LATE, min(at, now), LONGEST)
        found = await database.look(_TAPPED, asked, into=Caller)
        caller = await scoped(database, found[0]) if found else None
        if caller is not None:
            return caller
    raise NotAllowed("tap_unproved")


async def _places(
    tx: ReadSession, device: DeviceRow, person_id: int, now: datetime
) -> tuple[int | None, int | None]:
    """Answer the member's own place, and the part of the plant that is both theirs and the post's.

    NotAllowed where there is none.
    """
    rows = await tx.fetch_tuples(
        "SELECT node_id FROM membership WHERE project_id = %s AND person_id = %s"
        " AND (ends_at IS NULL OR ends_at > %s)",
        (device.project_id, person_id, now),
    )
    if not rows:
        raise NotAllowed("post_not_member")
    own, post = rows[0][0], device.node_id
    if own is None or post is None:
        return own, post if own is None else own
    if own in await _above(tx, device.project_id, post):
        return own, post
    if post in await _above(tx, device.project_id, own):
        return own, own
    raise NotAllowed("post_elsewhere")


async def _above(tx: ReadSession, project_id: int, node: int) -> set[int]:
    rows = await tx.fetch_tuples(_ABOVE, {"project": project_id, "node": node})
    return {int(row[0]) for row in rows}
