"""Who may do what in a project: roles as rows, and what memberships are limited to.

Nobody gives more than they have, and a project that has an administrator of everything keeps one.
Each change is audited and told to the web processes, which open the sockets of whom it concerns
anew.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id
from backend.service.people.asker import Asker
from backend.service.people.limits import Limit, limit_of
from backend.service.people.roles import Module, Permission, known

ADMINISTRATOR: Final = "administrator"
LONGEST_NAME: Final = 100
MOST_ROLES: Final = 100
EVERY_WORD: Final = [one.value for one in Permission]


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody has, or is given: permissions of a role within a limit."""

    permissions: frozenset[Permission]
    limit: Limit


@dataclass(frozen=True, slots=True)
class Change:
    """A change under way: its transaction, project and moment, who makes it and what they have."""

    tx: WriteSession
    project_id: int
    asker: Asker
    holds: Grant
    now: datetime

    def allow(self, given: Grant) -> None:
        """Raise NotAllowed for a grant of more than the giver has."""
        more = given.permissions - self.holds.permissions
        if more:
            raise NotAllowed("gives_more", permission=min(more).value)
        closed = given.limit.modules - self.holds.limit.modules
        if closed or (self.holds.limit.part and self.holds.limit.node_id != given.limit.node_id):
            raise NotAllowed("gives_more_places")

    async def note(
        self,
        action: str,
        ref: str,
        old: Mapping[str, object] | None,
        new: Mapping[str, object] | None,
    ) -> None:
        """Write it down."""
        asker = self.asker
        deed = audit.Deed(asker.actor, action, ref, "done", asker.person_id, old, new)
        await audit.record(self.tx, self.project_id, deed, self.now)


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role, and how many hold it."""

    slug: str
    name: dict[str, str]
    stored: list[str]
    ready_made: bool
    ended_at: datetime | None
    second_factor: bool
    """Whether it opens the project only to sessions that passed a second factor."""
    holders: int

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it permits."""
        return known(self.stored)

    @property
    def words(self) -> dict[str, object]:
        """It, for the audit."""
        return {"name": self.name, "permissions": self.stored}


@dataclass(frozen=True, slots=True)
class MemberRow:
    """Somebody of a project: their role and its limits."""

    person_id: int
    uid: UUID
    login: str
    name: dict[str, str]
    locale: str
    role: str
    stored: list[str]
    node_id: int | None
    modules: list[str] | None
    ends_at: datetime | None

    @property
    def ref(self) -> str:
        """The person outside."""
        return encode_id("per", self.uid)

    @property
    def limit(self) -> Limit:
        """What the role is limited to."""
        return limit_of(self.node_id, self.modules)

    @property
    def words(self) -> dict[str, object]:
        """It, for the audit."""
        until = None if self.ends_at is None else self.ends_at.isoformat()
        return {"role": self.role, "node": self.node_id, "modules": self.modules, "until": until}


_ROLES = (
    "SELECT r.slug, r.name, r.permissions AS stored, r.ready_made, r.ended_at,"
    " r.second_factor_since IS NOT NULL AS second_factor,"
    " (SELECT count(*) FROM membership m WHERE m.project_id = r.project_id AND m.role = r.slug)"
    " AS holders FROM project_role r WHERE r.project_id = %s"
)
_MEMBERS = (
    "SELECT p.id AS person_id, p.uid, p.login, p.name, p.locale, m.role,"
    " r.permissions AS stored, m.node_id, m.modules, m.ends_at"
    " FROM membership m JOIN person p ON p.id = m.person_id"
    " JOIN project_role r ON r.project_id = m.project_id AND r.slug = m.role"
    " WHERE m.project_id = %s"
)
_WHO_ADMINISTERS = (
    "SELECT m.person_id FROM membership m"
    " JOIN project_role r ON r.project_id = m.project_id AND r.slug = m.role"
    " WHERE m.project_id = %s AND m.node_id IS NULL AND m.modules IS NULL"
    " AND m.ends_at IS NULL AND r.permissions @> %s"
)


async def begin(
    tx: WriteSession, project_id: int, asker: Asker, holds: Grant, now: datetime
) -> Change:
    """Begin a change; those of one project are made one after the other."""
    await tx.execute("SELECT 1 FROM project WHERE id = %s FOR UPDATE", (project_id,))
    return Change(tx, project_id, asker, holds, now)


async def list_roles(tx: ReadSession, project_id: int) -> list[RoleRow]:
    """Answer the roles of a project, those that have ended last."""
    order = " ORDER BY r.ended_at NULLS FIRST, NOT r.ready_made, r.slug"
    return await tx.fetch_all(_ROLES + order, (project_id,), into=RoleRow)


async def find_role(tx: ReadSession, project_id: int, slug: str) -> RoleRow:
    """Answer a role; NotFound for one that the project has not."""
    row = await tx.fetch_one(_ROLES + " AND r.slug = %s", (project_id, slug), into=RoleRow)
    if row is None:
        raise NotFound(kind="role")
    return row


async def list_members(tx: ReadSession, project_id: int) -> list[MemberRow]:
    """Answer who belongs to a project, by login."""
    return await tx.fetch_all(_MEMBERS + " ORDER BY p.login", (project_id,), into=MemberRow)


async def find_member(tx: ReadSession, project_id: int, person: UUID | None) -> MemberRow:
    """Answer a member; NotFound for anybody else."""
    row = await tx.fetch_one(_MEMBERS + " AND p.uid = %s", (project_id, person), into=MemberRow)
    if row is None:
        raise NotFound(kind="person")
    return row


async def make_role(
    change: Change, name: Mapping[str, str], permissions: Set[Permission]
) -> RoleRow:
    """Make a role; its slug comes from its English name."""
    checked = _name(name)
    change.allow(Grant(frozenset(permissions), Limit()))
    taken = {row.slug for row in await list_roles(change.tx, change.project_id)}
    if len(taken) >= MOST_ROLES:
        raise Conflict("roles_most", most=MOST_ROLES)
    slug = _slug(checked["en"], taken)
    await change.tx.execute(
        "INSERT INTO project_role (project_id, slug, name, permissions) VALUES (%s, %s, %s, %s)",
        (change.project_id, slug, Jsonb(checked), _words(permissions)),
    )
    return await _role_noted(change, slug, "role.make", None)


async def change_role(
    change: Change, slug: str, name: Mapping[str, str], permissions: Set[Permission]
) -> RoleRow:
    """Give a role another name and other permissions; the administrator's are everything."""
    before = await find_role(change.tx, change.project_id, slug)
    if slug == ADMINISTRATOR:
        raise Conflict("role_administrator")
    change.allow(Grant(frozenset(permissions) - before.permissions, Limit()))
    had = await _administrators(change)
    await change.tx.execute(
        "UPDATE project_role SET name = %s, permissions = %s WHERE project_id = %s AND slug = %s",
        (Jsonb(_name(name)), _words(permissions), change.project_id, slug),
    )
    await _keep_an_administrator(change, had)
    holders = [row for row in await list_members(change.tx, change.project_id) if row.role == slug]
    await tell(change, [row.uid for row in holders])
    return await _role_noted(change, slug, "role.change", before.words)


async def end_role(change: Change, slug: str) -> RoleRow:
    """End a role that nobody holds any more."""
    before = await find_role(change.tx, change.project_id, slug)
    if slug == ADMINISTRATOR:
        raise Conflict("role_administrator")
    if before.holders:
        raise Conflict("role_held", holders=before.holders)
    if before.ended_at is not None:
        return before
    await change.tx.execute(
        "UPDATE project_role SET ended_at = %s WHERE project_id = %s AND slug = %s",
        (change.now, change.project_id, slug),
    )
    await change.note("role.end", slug, before.words, None)
    return await find_role(change.tx, change.project_id, slug)


async def change_member(
    change: Change, person: UUID | None, role: str, limit: Limit, ends_at: datetime | None = None
) -> MemberRow:
    """Give a member another role or other limits, for ever or until an instant to come."""
    checked_end(change, ends_at)
    before = await find_member(change.tx, change.project_id, person)
    await allow_membership(change, role, limit)
    had = await _administrators(change)
    await change.tx.execute(
        "UPDATE membership SET role = %s, node_id = %s, modules = %s, ends_at = %s"
        " WHERE project_id = %s AND person_id = %s",
        (role, limit.node_id, limit.words, ends_at, change.project_id, before.person_id),
    )
    await _keep_an_administrator(change, had)
    after = await find_member(change.tx, change.project_id, person)
    await tell(change, [before.uid])
    await change.note("member.change", before.ref, before.words, after.words)
    return after


async def end_member(change: Change, person: UUID | None) -> None:
    """Have somebody belong to the project no more; what they did stays theirs."""
    before = await find_member(change.tx, change.project_id, person)
    had = await _administrators(change)
    await change.tx.execute(
        "DELETE FROM membership WHERE project_id = %s AND person_id = %s",
        (change.project_id, before.person_id),
    )
    await _keep_an_administrator(change, had)
    await tell(change, [before.uid])
    await change.note("member.end", before.ref, before.words, None)


def checked_end(change: Change, ends_at: datetime | None) -> None:
    """Raise InvalidInput for a membership that would have ended already."""
    if ends_at is not None and ends_at <= change.now:
        raise InvalidInput("member_until")


async def allow_membership(change: Change, role: str, limit: Limit) -> None:
    """Raise what speaks against giving this role within this limit."""
    row = await find_role(change.tx, change.project_id, role)
    if row.ended_at is not None:
        raise Conflict("role_ended")
    change.allow(Grant(row.permissions, limit))


async def limit_named(
    tx: ReadSession, project_id: int, place: UUID | None, modules: Iterable[Module] | None
) -> Limit:
    """Answer the limit that outside names mean; NotFound for a place that is not here."""
    opened = Limit().modules if modules is None else frozenset(modules)
    if place is None:
        return Limit(None, opened)
    node = await tx.fetch_value(
        "SELECT id FROM node WHERE project_id = %s AND uid = %s", (project_id, place), into=int
    )
    if node is None:
        raise NotFound(kind="node")
    return Limit(node, opened)


async def _role_noted(
    change: Change, slug: str, action: str, old: Mapping[str, object] | None
) -> RoleRow:
    after = await find_role(change.tx, change.project_id, slug)
    await change.note(action, slug, old, after.words)
    return after


async def _administrators(change: Change) -> int:
    """Answer how many members may do everything everywhere."""
    asked = (change.project_id, EVERY_WORD)
    return len(await change.tx.fetch_tuples(_WHO_ADMINISTERS, asked))


async def administrators_beside(tx: ReadSession, project_id: int, person_id: int) -> int | None:
    """Answer how many others may do everything; None where the person is none of those."""
    ids = [row[0] for row in await tx.fetch_tuples(_WHO_ADMINISTERS, (project_id, EVERY_WORD))]
    return len(ids) - 1 if person_id in ids else None


async def _keep_an_administrator(change: Change, had: int) -> None:
    if had and not await _administrators(change):
        raise Conflict("last_administrator")


async def tell(change: Change, people: Sequence[UUID]) -> None:
    """Have the web processes open the sockets of these people anew, and of whom they handed to."""
    takers = await change.tx.fetch_tuples(
        "SELECT p.uid FROM delegation d JOIN person g ON g.id = d.given_by"
        " JOIN person p ON p.id = d.person_id"
        " WHERE d.project_id = %s AND d.revoked_at IS NULL AND g.uid = ANY(%s)",
        (change.project_id, list(people)),
    )
    for uid in {*people, *(row[0] for row in takers)}:
        await publish(change.tx, change.project_id, "member", str(uid), change.now)


def _name(name: Mapping[str, str]) -> dict[str, str]:
    texts = {language: text.strip() for language, text in name.items() if text.strip()}
    if not texts:
        raise InvalidInput("role_name_missing")
    if any(len(text) > LONGEST_NAME for text in texts.values()):
        raise InvalidInput("role_name_long", most=LONGEST_NAME)
    first = next(iter(texts.values()))
    return {"en": texts.get("en", first), "zh-CN": texts.get("zh-CN", first)}


def _slug(name: str, taken: Set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:40] or "role"
    numbered = (f"{stem}_{n}" for n in range(2, MOST_ROLES + 3))
    return stem if stem not in taken else next(one for one in numbered if one not in taken)


def _words(permissions: Set[Permission]) -> list[str]:
    return [one.value for one in Permission if one in permissions or one is Permission.READ]
