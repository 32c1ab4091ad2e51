"""The projects that a person may open, what they may do there, and what part of it they see."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from backend.core.db import Database, ReadSession
from backend.core.errors import NotAllowed
from backend.service.people.authority import Grant
from backend.service.people.handing import handed, joined
from backend.service.people.limits import Limit, limit_of
from backend.service.people.roles import Permission, known, within
from backend.service.people.sessions import Caller, KeyScope


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """What the door needs to know of a project, and the role that somebody has in it."""

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


@dataclass(frozen=True, slots=True)
class OpenProject(ProjectRow):
    """A project that a person may open, with what their membership says."""

    permissions: frozenset[Permission]
    limit: Limit
    own: Grant
    """What the membership alone gives: what is handed to somebody is not theirs to give away."""


@dataclass(frozen=True, slots=True)
class _Membership(ProjectRow):
    stored: list[str]
    node_id: int | None
    modules: list[str] | None
    given_role: list[str] | None
    given_modules: list[str] | None
    second_factor: bool

    def closed_to(self, caller: Caller) -> bool:
        """Whether the role asks for a second factor that the session has not passed."""
        return self.second_factor and not (caller.strong or caller.by_key)

    def opened(self) -> OpenProject:
        limit = limit_of(self.node_id, self.modules)
        permissions = within(known(self.stored), part=limit.part, modules=limit.modules)
        row = {field.name: getattr(self, field.name) for field in fields(ProjectRow)}
        own = Grant(permissions, limit)
        return OpenProject(**row, permissions=permissions, limit=limit, own=own)

    def handed(self) -> Grant:
        """What is handed to the person, as far as its giver has it now."""
        given = known(self.stored) & known(self.given_role or ())
        return handed(
            given, limit_of(self.node_id, self.modules), limit_of(None, self.given_modules)
        )


_PROJECTS = (
    "SELECT p.id, p.uid, p.slug, p.name, p.zone, p.day_start_minute, p.week_start,"
    " p.month_start_day, p.year_start_month, p.currency, p.demo, h.role,"
    " h.stored, h.node_id, h.modules, h.given_role, h.given_modules, h.second_factor"
    " FROM project p JOIN ("
    " SELECT m.project_id, m.role, r.permissions AS stored, m.node_id, m.modules,"
    " NULL::text[] AS given_role, NULL::text[] AS given_modules,"
    " r.second_factor_since IS NOT NULL AS second_factor,"
    " NULL::timestamptz AS made_at FROM membership m"
    " JOIN project_role r ON r.project_id = m.project_id AND r.slug = m.role"
    " WHERE m.person_id = %(person)s AND (m.ends_at IS NULL OR m.ends_at > %(now)s)"
    " UNION ALL SELECT d.project_id, '', d.permissions, d.node_id, d.modules,"
    " r.permissions, g.modules, r.second_factor_since IS NOT NULL, d.made_at FROM delegation d"
    " JOIN membership g ON g.project_id = d.project_id AND g.person_id = d.given_by"
    " AND (g.ends_at IS NULL OR g.ends_at > %(now)s)"
    " AND (g.node_id IS NULL OR g.node_id = d.node_id)"
    " JOIN project_role r ON r.project_id = g.project_id AND r.slug = g.role"
    " WHERE d.person_id = %(person)s AND d.revoked_at IS NULL"
    " AND d.valid_from <= %(now)s AND d.valid_to > %(now)s"
    " ) h ON h.project_id = p.id"
    " WHERE p.suspended_at IS NULL AND p.delete_at IS NULL"
)
"""Memberships, and what is handed to the person now as far as its giver has it; none opens a
project that is suspended or deleted.
"""
_ORDER = " ORDER BY p.slug, h.made_at NULLS FIRST"


async def open_projects(tx: ReadSession, caller: Caller, now: datetime) -> list[OpenProject]:
    """Answer the projects that somebody may open, by name of slug; by a key its own alone."""
    asked = {"person": caller.person_id, "now": now}
    rows = await tx.fetch_all(_PROJECTS + _ORDER, asked, into=_Membership)
    found = (opening(list(held), caller) for _, held in groupby(rows, lambda row: row.id))
    return [project for project in found if project is not None]


async def find_project(
    database: Database,
    caller: Caller,
    now: datetime,
    *,
    uid: UUID | None = None,
    slug: str | None = None,
) -> OpenProject | None:
    """The project door: the project by `uid` or `slug`, None when the caller may not open it.

    A project that does not exist and one of strangers get the same answer by the same statement.
    NotAllowed `second_factor_needed` for a member whose role asks for one that was not passed.
    """
    found = await database.look(
        _PROJECTS + " AND (p.uid = %(uid)s OR p.slug = %(slug)s)" + _ORDER,
        {"person": caller.person_id, "now": now, "uid": uid, "slug": slug},
        into=_Membership,
    )
    if found and found[0].closed_to(caller):
        raise NotAllowed("second_factor_needed")
    return opening(found, caller)


def opening(held: Sequence[_Membership], caller: Caller) -> OpenProject | None:
    """Answer what a membership, then what is handed to the person, and a key or post open.

    Without a membership, or with one that does not permit to read or asks for a second factor that
    was not passed, that is nothing; of what is handed, what its giver's role asks it for is left.
    """
    if not held or held[0].given_role is not None or "read" not in held[0].stored:
        return None
    if held[0].closed_to(caller):
        return None
    project = held[0].opened()
    has = project.own
    for row in held[1:]:
        if not row.closed_to(caller):
            has = joined(has, row.handed())
    return narrowed(replace(project, permissions=has.permissions, limit=has.limit), caller.scope)


async def projects_of(tx: ReadSession, person_id: int) -> list[int]:
    """Answer the numbers of the projects that somebody belongs to."""
    found = await tx.fetch_tuples(
        "SELECT project_id FROM membership WHERE person_id = %s ORDER BY 1", (person_id,)
    )
    return [int(row[0]) for row in found]


def narrowed(project: OpenProject, scope: KeyScope | None) -> OpenProject | None:
    """Answer what is left of an opening by a key or at a post: never more than its owner has."""
    if scope is None:
        return project
    part = None if project.limit.node_id == scope.within else project.limit.node_id
    parts = {one for one in (part, scope.limit.node_id) if one is not None}
    if scope.project_id != project.id or len(parts) > 1:
        return None
    limit = Limit(next(iter(parts), None), project.limit.modules & scope.limit.modules)
    permissions = within(
        project.permissions & scope.permissions, part=limit.part, modules=limit.modules
    )
    if Permission.READ not in permissions:
        return None
    gives = Limit(project.own.limit.node_id, project.own.limit.modules & scope.limit.modules)
    left = Grant(project.own.permissions & scope.permissions, gives)
    return replace(project, permissions=permissions, limit=limit, own=left)
