"""The projects that a person may open, what they may do there, and what part of it they see."""

from dataclasses import dataclass, fields, replace
from uuid import UUID

from backend.core.db import Database, ReadSession
from backend.core.errors import NotAllowed
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


@dataclass(frozen=True, slots=True)
class _Membership(ProjectRow):
    stored: list[str]
    node_id: int | None
    modules: list[str] | None
    second_factor: bool

    def closed_to(self, caller: Caller) -> bool:
        """Whether the role asks for a second factor that the session has not passed."""
        return self.second_factor and not (caller.strong or caller.by_key)

    def opened(self) -> OpenProject:
        limit = limit_of(self.node_id, self.modules)
        permissions = within(known(self.stored), part=limit.part, modules=limit.modules)
        row = {field.name: getattr(self, field.name) for field in fields(ProjectRow)}
        return OpenProject(**row, permissions=permissions, limit=limit)


_PROJECTS = (
    "SELECT p.id, p.uid, p.slug, p.name, p.zone, p.day_start_minute, p.week_start,"
    " p.month_start_day, p.year_start_month, p.currency, p.demo, m.role,"
    " r.permissions AS stored, m.node_id, m.modules,"
    " r.second_factor_since IS NOT NULL AS second_factor"
    " FROM project p JOIN membership m ON m.project_id = p.id"
    " JOIN project_role r ON r.project_id = m.project_id AND r.slug = m.role"
    " WHERE m.person_id = %s AND 'read' = ANY(r.permissions)"
)
"""Whose role is no row of the project, or does not permit to read, opens nothing."""


async def open_projects(tx: ReadSession, caller: Caller) -> list[OpenProject]:
    """Answer the projects that somebody may open, by name of slug; by a key its own alone."""
    rows = await tx.fetch_all(_PROJECTS + " ORDER BY p.slug", (caller.person_id,), into=_Membership)
    open_rows = (row for row in rows if not row.closed_to(caller))
    found = (narrowed(row.opened(), caller.scope) for row in open_rows)
    return [project for project in found if project is not None]


async def find_project(
    database: Database, caller: Caller, *, uid: UUID | None = None, slug: str | None = None
) -> OpenProject | None:
    """The project door: the project by `uid` or `slug`, None when the caller may not open it.

    A project that does not exist and one of strangers get the same answer by the same statement.
    NotAllowed `second_factor_needed` for a member whose role asks for one that was not passed.
    """
    found = await database.look(
        _PROJECTS + " AND (p.uid = %s OR p.slug = %s)",
        (caller.person_id, uid, slug),
        into=_Membership,
    )
    if found and found[0].closed_to(caller):
        raise NotAllowed("second_factor_needed")
    return narrowed(found[0].opened(), caller.scope) if found else None


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
    own = None if project.limit.node_id == scope.within else project.limit.node_id
    parts = {one for one in (own, scope.limit.node_id) if one is not None}
    if scope.project_id != project.id or len(parts) > 1:
        return None
    limit = Limit(next(iter(parts), None), project.limit.modules & scope.limit.modules)
    permissions = within(
        project.permissions & scope.permissions, part=limit.part, modules=limit.modules
    )
    if Permission.READ not in permissions:
        return None
    return replace(project, permissions=permissions, limit=limit)
